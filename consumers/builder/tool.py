"""Programs that install dependencies: bounded, without our environment, gone when we are."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from consumers.builder.images import BuildTooLong, DependenciesFailed, Say

LINE: Final = 64 * 1024  # bytes of a line that is read whole
# Stands before all that runs: it writes no file over the limit.
_BOUND: Final = """\
import os, resource, sys
parent, limit = map(int, sys.argv[1:3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.umask(0o022)
del sys.argv[1:3]
"""
# A program may take minutes, so it dies with its parent: PR_SET_PDEATHSIG, which an exec keeps.
EXEC: Final = """\
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != parent:
        os._exit(1)
os.execvpe(sys.argv[1], sys.argv[1:], os.environ)
"""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """How a program is run."""

    environment: Mapping[str, str]
    folder: Path
    seconds: float
    file_bytes: int
    script: str = EXEC  # Python, run with the command as its arguments; by default it becomes it


async def run(command: Sequence[str], tool: Tool, say: Say) -> None:
    """Run a program to its end, its output to ``say``.

    Raises DependenciesFailed when it fails, BuildTooLong; cancelled, it is killed.
    """
    bounds = (str(os.getpid()), str(tool.file_bytes))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-c", _BOUND + tool.script, *bounds),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tool.folder,
        env=dict(tool.environment),
        start_new_session=True,
        limit=LINE,
    )
    name = Path(command[0]).name
    try:
        async with asyncio.timeout(tool.seconds):
            await _relay(process.stdout or asyncio.StreamReader(), say)
            code = await process.wait()
    except TimeoutError as error:
        raise BuildTooLong(f"{name} took longer than {tool.seconds:g} s") from error
    finally:
        _kill_group(process.pid)
        await process.wait()
    if code:
        raise DependenciesFailed(f"{name} ended with {code}", hint="see the build's log")


async def _relay(output: asyncio.StreamReader, say: Say) -> None:
    while True:
        try:
            line = await output.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            line = await output.readexactly(error.consumed)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                say(error.partial.decode("utf-8", "replace"))
            return
        say(line.decode("utf-8", "replace").rstrip("\n"))


def _kill_group(pid: int) -> None:
    """End what is left of a session that we started; its leader's id is the group's."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
