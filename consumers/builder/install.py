"""Dependencies of a bundle: wheels by pip, packages by npm; none of their scripts is run."""

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from consumers.builder import tool
from consumers.builder.images import BuildTooLong, DependenciesFailed, Say, ToolMissing
from consumers.builder.requirements import requirements

PACKAGES: Final = "packages"  # the folder in a bundle; the templates look there
# The handler must compile, and says where it does not; what else is there compiles if it can.
_COMPILE: Final = """\
import py_compile  # not compileall, whose import takes longer than the work
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
try:
    py_compile.compile(sys.argv[1], dfile=sys.argv[2], doraise=True, invalidation_mode=mode)
except py_compile.PyCompileError as error:
    sys.exit(error.msg)
for folder, _, names in os.walk("."):
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(".py") and path[2:] != sys.argv[2]:
            try:
                py_compile.compile(path, dfile=path[2:], quiet=2, invalidation_mode=mode)
            except (OSError, ValueError, RecursionError, MemoryError):
                pass
"""


class InstallSettings(Protocol):
    """What of the builder's settings matters here."""

    @property
    def wheels_only(self) -> bool:
        """Tell whether pip may not run the code of packages."""

    @property
    def path(self) -> str:
        """Return where programs are looked for."""

    @property
    def environment(self) -> dict[str, str]:
        """Return what pip and npm are told by environment."""

    @property
    def bytes(self) -> int:
        """Return how much a bundle may take."""


class Package(msgspec.Struct):
    """What is read of a package.json."""

    dependencies: dict[str, str] = {}
    optional: dict[str, str] = msgspec.field(default_factory=dict, name="optionalDependencies")


@dataclass(frozen=True, slots=True)
class Installing:
    """One bundle that is being made."""

    bundle: Path
    function: Path  # the handler's folder in it
    work: Path  # a folder for what is not kept
    cache: Path
    settings: InstallSettings
    ends: float  # by time.monotonic

    async def run(
        self,
        command: Sequence[str],
        folder: Path,
        extra: dict[str, str],
        say: Say,
        script: str = tool.EXEC,
    ) -> None:
        """Run a program, or a script with the command as arguments, with what time is left."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise BuildTooLong("the build took longer than it may")
        home = self.work / "home"
        home.mkdir(exist_ok=True)
        base = {"PATH": self.settings.path, "HOME": str(home), "LANG": "C.UTF-8"}
        how = tool.Tool(
            environment=base | extra | self.settings.environment,
            folder=folder,
            seconds=left,
            file_bytes=self.settings.bytes,
            script=script,
        )
        await tool.run(command, how, say)


async def python_packages(installing: Installing, say: Say) -> None:
    """Install what requirements.txt names; raises DependenciesFailed, ToolMissing."""
    wheels_only = installing.settings.wheels_only
    lines = requirements(installing.function, wheels_only=wheels_only)
    if not lines:
        return
    if importlib.util.find_spec("pip") is None:
        hint = "run python -m ensurepip with the Python that runs Pushline"
        raise ToolMissing("pip is not there to install requirements.txt", hint=hint)
    wanted = installing.work / "requirements.txt"
    wanted.write_text("\n".join(lines) + "\n")
    target = str(installing.bundle / PACKAGES)
    command = [sys.executable, "-I", "-m", "pip", "install", "--target", target]
    command += ["--no-input", "--no-compile", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--root-user-action", "ignore"]
    command += ["--only-binary", ":all:"] if wheels_only else []
    extra = {"PIP_CONFIG_FILE": os.devnull, "PIP_CACHE_DIR": str(installing.cache / "pip")}
    await installing.run([*command, "-r", str(wanted)], installing.work, extra, say)


async def compiled(installing: Installing, say: Say) -> None:
    """Compile all Python in the bundle; raises DependenciesFailed where the handler has errors.

    A process of its own does it: hostile source can crash the compiler.
    """
    handler = installing.function / "handler.py"
    if not handler.is_file():
        name = handler.relative_to(installing.bundle)
        hint = "add handler.py to the handler's folder, with a function handle in it"
        raise DependenciesFailed(f"{name} is missing", hint=hint)
    shown = str(handler.relative_to(installing.bundle))
    try:
        await installing.run([str(handler), shown], installing.bundle, {}, say, _COMPILE)
    except DependenciesFailed as error:
        raise DependenciesFailed(f"{shown} does not compile", hint="see the log") from error


async def node_packages(installing: Installing, say: Say) -> None:
    """Install what package.json names; raises DependenciesFailed, ToolMissing."""
    manifest = installing.function / "package.json"
    if not manifest.is_file():
        return
    try:
        package = msgspec.json.decode(manifest.read_bytes(), type=Package)
    except msgspec.DecodeError as error:
        raise DependenciesFailed(f"package.json: {error}", hint="correct it") from error
    wanted = package.dependencies | package.optional
    if not wanted:
        return
    for name, version in wanted.items():
        if ":" in version.removeprefix("npm:") or "/" in version.removeprefix("npm:@"):
            message = f"package.json: {name} comes from {version}, which is not taken"
            raise DependenciesFailed(message, hint="name a version of the registry")
    npm = shutil.which("npm", path=installing.settings.path)
    if npm is None:
        hint = "install Node.js with npm, or commit without dependencies"
        raise ToolMissing("npm is not there to install the dependencies", hint=hint)
    await _install(npm, installing, say)


async def _install(npm: str, installing: Installing, say: Say) -> None:
    # In a folder of its own: a .npmrc beside the handler could name programs to run.
    folder = installing.work / "npm"
    folder.mkdir()
    locked = installing.function / "package-lock.json"
    for path in (installing.function / "package.json", locked):
        if path.is_file():
            shutil.copy(path, folder)
    command = [npm, "ci" if locked.is_file() else "install", "--omit=dev", "--ignore-scripts"]
    command += ["--no-audit", "--no-fund", "--no-update-notifier", "--git=false"]
    extra = {
        "npm_config_cache": str(installing.cache / "npm"),
        # Two files that are not there; npm refuses one name for both.
        "npm_config_userconfig": str(installing.work / "no-user-npmrc"),
        "npm_config_globalconfig": str(installing.work / "no-global-npmrc"),
    }
    await installing.run(command, folder, extra, say)
    target = installing.function / "node_modules"
    shutil.rmtree(target, ignore_errors=True)
    if (folder / "node_modules").is_dir():
        (folder / "node_modules").rename(target)
