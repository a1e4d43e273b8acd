"""The first process of a revision: raises the walls, then starts what it is told to.

Standard input is a seqpacket socket to the supervisor; a message is one JSON object:

    in   {"config": {…}} + a descriptor of its secrets        once
    out  {"ready": true, "found": bool} + the folder's descriptor, or {"failed": "why"}
    in   {"spawn": id, "argv": […], "env": {…}} + descriptors of stdin, stdout and stderr
    in   {"kill": id, "signal": number}                       goes to the whole process group
    out  {"ended": id, "status": wait status}

When the supervisor dies the socket ends, and so does everything in here.
Runs by ``python -I -S``: nothing of Pushline's, not even its settings, is in this process.
"""

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from consumers.deployer.local.cell import confided, kernel, view

MESSAGE: Final = 1 << 17  # bytes; the largest environment of a request fits
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NICENESS: Final = 5  # a function that spins leaves room for the router and the supervisor
OOM_SCORE: Final = 500  # short of memory, the kernel takes functions before Pushline


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the walls of one revision are made of."""

    walls: Literal["root", "user", "uid", "none"]
    uid: int
    gid: int
    bundle: str
    folder: str
    program: str  # must be found on the path; "" for none
    shown: list[str] = field(default_factory=list)
    disk: int = 0  # bytes
    data: int = 0  # bytes of writable private memory of one process; 0: a cgroup limits it
    processes: int = 0  # 0: not limited here
    files: int = 1024
    cgroups: list[str] = field(default_factory=list)  # the files which take our process id


def main() -> NoReturn:
    """Serve the socket at standard input until it ends."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    supervisor = os.getppid()
    body, memory, _, _ = socket.recv_fds(control, MESSAGE, 1)
    if not body:
        os._exit(0)
    secrets = confided.read(memory[0])
    config = Config(**json.loads(body)["config"])
    try:
        _raise_walls(config, secrets, supervisor)
        folder = os.open(config.folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        _tell(control, {"failed": f"{error.strerror}: {error.filename}"})
        os._exit(1)
    found = not config.program or shutil.which(config.program, path=_path(config)) is not None
    body = json.dumps({"ready": True, "found": found}).encode()
    socket.send_fds(control, [body], [folder])
    os.close(folder)
    Cell(control, config).serve()


def _raise_walls(config: Config, secrets: Mapping[str, bytes], supervisor: int) -> None:
    """Join cgroups, leave the namespaces, build the view, drop the user, set the limits."""
    for joined in config.cgroups:
        Path(joined).write_text(str(os.getpid()))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    os.nice(NICENESS)
    os.umask(0o022)  # the way to the bundle is for the function to walk
    if config.walls in ("root", "user"):
        _leave_namespaces(config, supervisor)
        shown = (config.bundle, *config.shown)
        view.build(
            folder=config.folder,
            shown=shown,
            disk=config.disk,
            uid=config.uid,
            gid=config.gid,
            secrets=secrets,
        )
    elif secrets:
        place = Path(confided.place_of(config.walls, config.folder))
        confided.lay(secrets, place, config.uid, config.gid)
    _limit(config)
    if config.walls in ("root", "uid"):
        os.setgroups([])
        os.setresgid(config.gid, config.gid, config.gid)
        os.setresuid(config.uid, config.uid, config.uid)
    kernel.renounce_privileges()
    kernel.hide_memory()
    if config.walls in ("root", "user"):
        kernel.die_with_parent(signal.SIGKILL)  # the change of the user has cleared it
    else:
        kernel.adopt_orphans()
    os.umask(0o077)
    os.chdir(config.bundle)


def _leave_namespaces(config: Config, supervisor: int) -> None:
    """Go on as process 1 of a new PID namespace: when it ends, all in it ends."""
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
    if config.walls == "user":
        kernel.unshare(flags | kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{config.uid} {config.uid} 1")
        Path("/proc/self/gid_map").write_text(f"{config.gid} {config.gid} 1")
    else:
        kernel.unshare(flags)
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(0)  # it died before we asked to be told
    inner = os.fork()
    if inner:
        _wait_for(inner)
    kernel.die_with_parent(signal.SIGKILL)


def _wait_for(inner: int) -> NoReturn:
    """Outside of the namespace only wait; descriptors are the inner process's to hold."""
    os.closerange(3, 1024)
    _, status = os.waitpid(inner, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _limit(config: Config) -> None:
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: config.files}
    if config.disk and config.walls in ("uid", "none"):
        limits[resource.RLIMIT_FSIZE] = config.disk
    if config.data:
        limits[resource.RLIMIT_DATA] = config.data
    if config.processes:
        limits[resource.RLIMIT_NPROC] = config.processes
    for what, wanted in limits.items():
        _, hard = resource.getrlimit(what)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (value, value))


def _path(config: Config) -> str:
    """Return the search path: programs of the bundle come first."""
    return f"{config.bundle}:{PATH}"


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    control.send(json.dumps(message).encode())


class Cell:
    """The started programs, by the supervisor's ids."""

    def __init__(self, control: socket.socket, config: Config) -> None:
        self.control = control
        self.config = config
        self.running: dict[int, int] = {}  # process id → id

    def serve(self) -> NoReturn:
        """Do as told and report who has ended, until the socket ends."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            ready, _, _ = select.select([self.control.fileno(), reader], [], [])
            if reader in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(reader, 4096)
                self._reap()
            if self.control.fileno() in ready and not self._obey():
                self._end()

    def _obey(self) -> bool:
        body, descriptors, _, _ = socket.recv_fds(self.control, MESSAGE, 3)
        if not body:
            return False
        message = json.loads(body)
        if "spawn" in message:
            self._spawn(message, descriptors)
        else:
            for process, id in self.running.items():
                if id == message["kill"]:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process, message["signal"])
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _spawn(self, message: dict[str, Any], descriptors: list[int]) -> None:
        argv = message["argv"]
        try:
            process = os.fork()
        except OSError as error:  # the limit on processes
            os.write(descriptors[2], f"cannot start {argv[0]}: {error.strerror}\n".encode())
            _tell(self.control, {"ended": message["spawn"], "status": 126 << 8})
            return
        if process == 0:
            _become(argv, message["env"], descriptors, _path(self.config))
        self.running[process] = message["spawn"]

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if (id := self.running.pop(process, None)) is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process, signal.SIGKILL)  # what it left behind in its group
                _tell(self.control, {"ended": id, "status": status})

    def _end(self) -> NoReturn:
        """Kill all that was started here; as process 1 the kernel does it for us."""
        if self.config.walls == "uid":
            _until_none(lambda: os.kill(-1, signal.SIGKILL))
        elif self.config.walls == "none":
            _until_none(self._kill_descendants)
        os._exit(0)

    def _kill_descendants(self) -> None:
        found = kernel.children_of(os.getpid())
        if not found:
            raise ProcessLookupError
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _until_none(kill: Callable[[], None]) -> None:
    """Kill and reap until nobody is left; orphans come to us as they lose their parents."""
    for _ in range(1000):
        try:
            kill()
            os.waitpid(-1, 0)
        except (ProcessLookupError, ChildProcessError):
            return


def _become(argv: list[str], env: dict[str, str], fds: list[int], path: str) -> NoReturn:
    """In the forked child: a session of its own, its three descriptors, nothing else."""
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        kernel.die_with_parent(signal.SIGKILL)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        for target, descriptor in enumerate(fds):
            os.dup2(descriptor, target)
        os.closerange(3, 1024)
        program = shutil.which(argv[0], path=path)
        if program is None:
            raise FileNotFoundError(2, "no such program", argv[0])
        os.execve(program, argv, env)  # noqa: S606
    except OSError as error:
        os.write(2, f"cannot start {argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


if __name__ == "__main__":
    sys.path[:] = [path for path in sys.path if path]
    main()
