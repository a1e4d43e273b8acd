"""The home: one folder that holds all that a Pushline keeps, for one ``up`` at a time."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import PushlineError

SOCKET_LIMIT: Final = 100  # bytes of a Unix socket's path; the kernel takes 107
LONGEST_NAME: Final = 24  # fn-<16 hex>.sock, and a little


class HomeHeld(PushlineError):
    """Another ``up`` runs in this home."""

    code = "home_held"


class NotRunning(PushlineError):
    """No ``up`` runs in this home."""

    code = "not_running"


class HomeUnusable(PushlineError):
    """The home folder cannot be made or written."""

    code = "home_unusable"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the running ``up`` of a home is met; ``endpoint.json``, 0600, for it has the token."""

    url: str  # http://localhost:8080
    host: str  # the address listened on
    port: int
    root_domain: str
    token: str
    log: str  # nats://127.0.0.1:4222; the operators' commands read it
    pid: int
    started: datetime
    version: str
    public: str = ""  # https://ROOT_DOMAIN, where something before us ends TLS
    socket: str = ""  # path of the Unix socket that answers in the address's place

    def __repr__(self) -> str:
        """Return where, without the token."""
        return f"Endpoint(url={self.url!r}, pid={self.pid})"

    def function_url(self, label: str, environment: str, function: str) -> str:
        """Return where a function answers."""
        tenant = label if environment == "production" else f"{environment}--{label}"
        scheme, _, rest = self.base.partition("://")
        return f"{scheme}://{tenant}.{rest}/{function}"

    @property
    def base(self) -> str:
        """Return scheme, root domain and port: what tenants' and our own hosts end in."""
        return self.public or f"http://{self.root_domain}:{self.port}"


class Home(msgspec.Struct, frozen=True):
    """Paths within a home."""

    path: Path

    @property
    def endpoint(self) -> Path:
        """Return where the running ``up`` says how it is met."""
        return self.path / "endpoint.json"

    @property
    def token(self) -> Path:
        """Return the file of the one token of the time before sign-in."""
        return self.path / "token"

    @property
    def pids(self) -> Path:
        """Return the folder of pid files."""
        return self.path / "pids"

    @property
    def audit(self) -> Path:
        """Return the hash-chained record."""
        return self.path / "audit" / "record.jsonl"

    @property
    def run(self) -> Path:
        """Return the folder of sockets."""
        return run_folder(self.path)


def run_folder(home: Path) -> Path:
    """Return the folder of sockets: ``<home>/run``, or a short private one in its place.

    A Unix socket's path has a limit of some hundred bytes; a deep home would go over it.
    """
    run = home / "run"
    if len(os.fsencode(run)) + 1 + LONGEST_NAME <= SOCKET_LIMIT:
        return run
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    # not gettempdir(): $TMPDIR may be deep as well, and has to be the same for every command
    return Path("/tmp") / f"pushline-{os.getuid()}-{name}"  # noqa: S108 - _private() looks whose


def prepare(path: Path) -> Home:
    """Make the home and its folders, private to its user."""
    home = Home(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        for folder in (home.pids, home.audit.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(path))
        _private(home.run)
    except OSError as error:
        raise HomeUnusable(
            f"{path} cannot be used as home: {error.strerror}",
            hint="say another folder: --home DIR",
        ) from error
    return home


def _private(folder: Path) -> None:
    """Make a folder that is surely ours: in /tmp, somebody may have made it before us."""
    folder.mkdir(exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise PermissionError(13, "belongs to another user", str(folder))
    folder.chmod(0o711)  # functions run as another user and reach their sockets by name


@contextlib.contextmanager
def held(home: Home) -> Iterator[None]:
    """Hold the home for this process; HomeHeld says who has it."""
    with (home.path / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _held_by(home, file.name) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _held_by(home: Home, lock: str) -> HomeHeld:
    pid = Path(lock).read_text(encoding="utf-8").strip() or "unknown"
    where = ""
    with contextlib.suppress(NotRunning):
        where = f" and answers at {endpoint(home).url}"
    return HomeHeld(
        f"another `pushline up` (process {pid}) holds {home.path}{where}",
        hint=f"use that one, end it with `kill {pid}`, or take another folder: --home DIR",
    )


def endpoint(home: Home) -> Endpoint:
    """Return where this home's ``up`` is met; NotRunning says how to start one."""
    try:
        found = msgspec.json.decode(home.endpoint.read_bytes(), type=Endpoint)
        os.kill(found.pid, 0)
    except (OSError, msgspec.DecodeError) as error:
        raise NotRunning(
            f"no `pushline up` runs in {home.path}",
            hint=f"start it with `pushline up --home {home.path}`, or say which home: --home DIR",
        ) from error
    return found


def token_of(home: Home) -> str:
    """Return the home's token, made at the first start and kept."""
    with contextlib.suppress(FileNotFoundError):
        if found := home.token.read_text(encoding="ascii").strip():
            return found
    made = secrets.token_urlsafe(24)
    write_private(home.token, made.encode() + b"\n")
    return made


def write_private(path: Path, body: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
    fresh.replace(path)
