"""What all revisions of one machine stand on: interpreters, users, and which walls hold here."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Final, Literal

from consumers.deployer.local.cell.init import Config
from consumers.deployer.local.cells import open_cell
from consumers.deployer.local.settings import SupervisorSettings
from schemas.errors import DeployFailed

Walls = Literal["root", "user", "uid", "none"]
MEANING: Final[dict[Walls, str]] = {
    "root": "functions run as users of their own, each in a root of its own",
    "user": "functions run as this user, each in a root of its own (user namespaces)",
    "uid": "functions run as users of their own; they see this machine's file system",
    "none": "ISOLATION IS OFF: functions run as this user and can read what it can read",
}


class Ground:
    """Made once per supervisor; ``survey`` first."""

    def __init__(self, settings: SupervisorSettings) -> None:
        self.settings = settings
        self.walls: Walls = "none"
        self.refusal = ""  # why no function may run here; "" where they may
        self.python = settings.python or os.path.realpath(sys.executable)
        self.node = settings.node or shutil.which("node") or ""
        self._uids: dict[str, int] = {}  # by the revision's name

    async def survey(self) -> None:
        """Find the best walls that stand on this machine, by raising each."""
        root = os.geteuid() == 0
        wanted: tuple[Walls, ...] = ("root", "uid") if root else ("user", "none")
        if not self.settings.isolate:
            wanted = ("none",)
        reasons = []
        for walls in wanted:
            try:
                await self._try(walls)
            except DeployFailed as error:
                reasons.append(error.message)
            else:
                self.walls = walls
                return
        self.refusal = (
            "functions cannot be kept apart from Pushline on this machine: "
            + "; ".join(reasons)
            + ". Allow mount namespaces (a container: --cap-add SYS_ADMIN), run it as a user "
            "other than root, or let others pass through (chmod o+x) to its home and its Python"
        )

    async def _try(self, walls: Walls) -> None:
        folder = self.settings.home / "functions" / "probe"
        config = self.config("probe", walls, bundle=self.folder("probe", walls), program="sh")
        null = os.open(os.devnull, os.O_RDWR)
        try:
            cell = await open_cell(config, python=self.interpreter, log=null)
            program = cell.spawn([self.python, "-I", "-S", "-c", ""], {}, (null, null, null))
            status = await asyncio.wait_for(program.ended, 20)
            await cell.gone()
            if status:
                raise DeployFailed(f"{self.python} cannot be started by a function")
        except TimeoutError as error:
            raise DeployFailed(f"{self.python} does not start") from error
        finally:
            os.close(null)
            self.release("probe")
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def interpreter(self) -> str:
        """Return the Python that cells run on: the one under any virtual environment."""
        return os.path.realpath(sys.executable)

    def folder(self, name: str, walls: Walls | None = None) -> str:
        """Make a revision's own folder, empty; its path fits a socket's address."""
        walls = walls or self.walls
        folder = self.settings.home / "functions" / name
        if len(str(folder)) > 90:
            folder = self.settings.run / f"cell-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        if walls == "uid":
            folder.parent.chmod(0o711)  # to be walked through, not to be listed
            os.chown(folder, self.uid(name), self.uid(name))
        return str(folder)

    def config(
        self,
        name: str,
        walls: Walls | None = None,
        *,
        bundle: str,
        program: str = "",
        data: int = 0,
        cgroups: tuple[str, ...] = (),
    ) -> Config:
        """Return the walls of one revision."""
        walls, limits = walls or self.walls, self.settings.limits
        own = walls in ("root", "uid")
        return Config(
            walls=walls,
            uid=self.uid(name) if own else os.geteuid(),
            gid=self.uid(name) if own else os.getegid(),
            bundle=bundle,
            folder=self.folder(name, walls),
            program=program,
            shown=self._shown(),
            disk=limits.disk,
            data=data,
            # Where the user is shared, its other processes would count.
            processes=limits.processes if walls != "none" else 0,
            files=limits.files,
            cgroups=list(cgroups),
        )

    def _shown(self) -> list[str]:
        """Return the folders of interpreters that lie outside of the system's."""
        shown = [str(Path(os.path.realpath(self.python)).parents[1])]
        if self.node:
            shown.append(str(Path(os.path.realpath(self.node)).parents[1]))
        if self.python == self.interpreter:
            shown.append(sys.base_prefix)
        return [path for path in dict.fromkeys(shown) if path not in ("/", "/usr")]

    def uid(self, name: str) -> int:
        """Return the user of a revision: derived from its name, free of other revisions."""
        if name not in self._uids:
            first, last = self.settings.uids
            taken = set(self._uids.values())
            number = sum(map(ord, name)) if name == "probe" else int(name, 16)
            uid = first + number % (last - first)
            while uid in taken:
                uid = first + (uid - first + 1) % (last - first)
            self._uids[name] = uid
        return self._uids[name]

    def release(self, name: str) -> None:
        """Give a revision's user back."""
        self._uids.pop(name, None)
