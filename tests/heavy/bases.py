"""Base images for the templates, made of what Debian's packages put on this machine.

Each is the tar of a build context: ``FROM scratch`` and a folder with busybox and what else is
asked for, its shared libraries beside it. No registry of the world is needed.
"""

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.heavy.programs import program

DOCKERFILE: Final = b"FROM scratch\nCOPY rootfs /\n"
PASSWD: Final = b"root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n"
LEFT_OUT: Final = {"test", "tests", "idlelib", "tkinter", "ensurepip", "site-packages", "lib2to3"}
FWATCHDOG: Final = Path(__file__).with_name("fwatchdog.sh")


class Rootfs:
    """A tar of a build context whose image is just these files."""

    def __init__(self, place: Path) -> None:
        """Begin with the Dockerfile."""
        self.place = place
        self._tar = tarfile.open(place, "w")  # noqa: SIM115 - closed by `done`
        self._there: set[str] = set()
        self._bytes("Dockerfile", DOCKERFILE)

    def done(self) -> Path:
        """Return the finished tar."""
        self._tar.close()
        return self.place

    def text(self, path: str, body: bytes, *, mode: int = 0o644) -> None:
        """Add a file of the image."""
        self._bytes(f"rootfs{path}", body, mode=mode)

    def folder(self, path: str, *, mode: int = 0o755) -> None:
        """Add an empty folder."""
        entry = tarfile.TarInfo(f"rootfs{path}")
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        entry = tarfile.TarInfo(f"rootfs{path}")
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(entry)

    def copy(self, paths: Iterable[Path]) -> None:
        """Add files of this machine where they are here, with the libraries that they load."""
        for path in paths:
            for each in (path, *_libraries(path)):
                if str(each) not in self._there:
                    self._there.add(str(each))
                    body = each.resolve().read_bytes()
                    mode = each.stat().st_mode & 0o755
                    self.text(str(each), body, mode=mode)

    def _bytes(self, name: str, body: bytes, *, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(body), mode
        self._tar.addfile(entry, io.BytesIO(body))


def busybox(place: Path) -> Rootfs:
    """Begin an image with a shell and its tools, statically linked; `done` ends it."""
    binary = program("busybox", "busybox-static")
    rootfs = Rootfs(place)
    rootfs.text("/bin/busybox", binary.read_bytes(), mode=0o755)
    listed = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        if name != "busybox":
            rootfs.link(f"/bin/{name}", "busybox")
    rootfs.text("/etc/passwd", PASSWD)
    rootfs.folder("/tmp", mode=0o1777)  # noqa: S108 - of the image
    return rootfs


def python(place: Path) -> Rootfs:
    """Begin an image with the Python that runs the tests, without its packages."""
    rootfs = busybox(place)
    executable = Path(sys.executable).resolve()
    stdlib = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    files = [
        path
        for path in sorted(stdlib.rglob("*"))
        if path.suffix in (".py", ".so") and not LEFT_OUT.intersection(path.parts)
    ]
    rootfs.copy([executable, *files])
    rootfs.link("/bin/python", str(executable))
    return rootfs


def node(place: Path) -> Rootfs:
    """Begin an image with this machine's node, without npm."""
    rootfs = busybox(place)
    executable = program("node", "nodejs").resolve()
    rootfs.copy([executable])
    if str(executable) != "/usr/bin/node":
        rootfs.link("/usr/bin/node", str(executable))
    rootfs.folder("/home/node")
    return rootfs


def watchdog(place: Path) -> Rootfs:
    """Begin an image with nothing but a watchdog, which takes busybox from where it is copied."""
    rootfs = Rootfs(place)
    rootfs.text("/fwatchdog", FWATCHDOG.read_bytes(), mode=0o755)
    return rootfs


def _libraries(path: Path) -> list[Path]:
    """Return what the dynamic linker would load for a program or a library."""
    if path.suffix == ".py":
        return []
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", listed.stdout)]
