"""Bundles: whole or not at all, made once, of the repository's files and of wheels alone."""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from consumers.builder.images import (
    BuildTooLong,
    BundleTooLarge,
    DependenciesFailed,
    EngineMissing,
    ToolMissing,
)
from schemas import bundle
from schemas.errors import BuildFailed
from tests.consumers.builder.made import HANDLER, Workshop, archive, spec
from tests.consumers.builder.registry import Registry
from tests.consumers.builder.running import Running
from tests.consumers.builder.wheel import source, wheel


async def test_a_bundle_says_how_it_is_run(workshop: Workshop) -> None:
    """The template's words, with which the watchdog starts it."""
    folder = await workshop.bundle(spec(), archive("python3-http", {"handler.py": HANDLER}))

    found = bundle.parse((folder / bundle.FILE).read_bytes())

    assert found == bundle.Bundle(
        language="python3-http", mode="http", command=("{python}", "-S", "-u", "index.py")
    )
    assert (folder / "function/handler.py").read_text() == HANDLER
    assert list((folder / "function/__pycache__").iterdir())


async def test_a_program_is_named_in_the_stack(workshop: Workshop) -> None:
    """For exec, fprocess is split on spaces, as the classic watchdog does."""
    made = spec("exec", fprocess="./run.sh --one two")

    folder = await workshop.bundle(made, archive("exec", {"run.sh": "x"}, ("run.sh",)))

    found = bundle.parse((folder / bundle.FILE).read_bytes())
    assert found.command == ("./run.sh", "--one", "two")
    assert (found.mode, found.cgi) == ("serializing", True)
    assert os.access(folder / "run.sh", os.X_OK)


async def test_everybody_may_read_a_bundle(workshop: Workshop) -> None:
    """Functions run under another user; nobody but us may write."""
    folder = await workshop.bundle(
        spec("static"), archive("static", {"deep/index.html": "x", "run": "x"}, ("run",))
    )

    modes = {
        path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777
        for path in (folder, *folder.rglob("*"))
    }

    assert {modes[name] for name in (".", "function", "function/deep", "function/run")} == {0o755}
    assert {modes[name] for name in ("bundle.json", "function/deep/index.html")} == {0o644}


async def test_an_unchanged_archive_is_not_built_again(workshop: Workshop) -> None:
    """The second build of the same archive finds the bundle that is there."""
    digest = await workshop.put(archive("static", {"index.html": "x"}))

    one = await workshop.build(digest, spec("static"))
    other = await workshop.build(digest, spec("static"))

    assert (one.cached, other.cached) == (False, True)
    assert one.image == other.image
    assert workshop.left() == [one.image.removeprefix("sha256:")]


async def test_two_builders_of_one_archive_agree(workshop: Workshop) -> None:
    """At once: both get the same bundle, nothing else is left."""
    digest = await workshop.put(archive("python3-http", {"handler.py": HANDLER}))

    built = await asyncio.gather(*(workshop.build(digest, spec()) for _ in range(4)))

    assert len({one.image for one in built}) == 1
    assert len(workshop.left()) == 1


async def test_what_decides_a_bundle_is_in_its_name(workshop: Workshop) -> None:
    """Another process or another rule for wheels is another bundle of the same archive."""
    digest = "sha256:" + "0" * 64
    other = Workshop(workshop.home, wheels_only=False).builder

    names = {
        workshop.builder.name(digest, spec("exec", fprocess="a")),
        workshop.builder.name(digest, spec("exec", fprocess="b")),
        workshop.builder.name(digest, spec("static")),
        other.name(digest, spec("static")),
    }

    assert len(names) == 4


async def test_a_dockerfile_needs_an_engine(workshop: Workshop) -> None:
    """The message says what is missing and what to do."""
    with pytest.raises(EngineMissing) as caught:
        await workshop.bundle(spec("dockerfile"), archive("dockerfile", {}))

    assert caught.value.code == "engine_missing"
    assert "choose another lang" in str(caught.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"other.py": ""}, "function/handler.py is missing"),
        ({"handler.py": "def handle(:\n"}, "function/handler.py does not compile"),
    ],
)
async def test_a_handler_that_can_not_be_is_refused(
    workshop: Workshop, files: dict[str, str], said: str
) -> None:
    """A build finds what would fail at the first call."""
    with pytest.raises(DependenciesFailed, match=said):
        await workshop.bundle(spec(), archive("python3-http", files))

    assert workshop.left() == []


async def test_the_line_of_a_syntax_error_is_in_the_log(workshop: Workshop) -> None:
    """People see Python's own words with the file's own name."""
    with pytest.raises(DependenciesFailed):
        await workshop.bundle(spec(), archive("python3-http", {"handler.py": "x = (\n"}))

    assert any('File "function/handler.py", line 1' in line for line in workshop.said)


async def test_wheels_are_installed(tmp_path: Path) -> None:
    """requirements.txt leads to packages in the bundle, which its Python finds."""
    wheel(tmp_path / "wheels", "greeting", "TEXT = 'hello from a wheel'\n")
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    shop = Workshop(tmp_path / "home", environment=settings, path=os.environ["PATH"])
    files = {"handler.py": HANDLER, "requirements.txt": "greeting==1.0  # a comment\n"}

    folder = await shop.bundle(spec(), archive("python3-http", files))

    program = "import sys; sys.path.insert(0, 'packages'); import greeting; print(greeting.TEXT)"
    said = await asyncio.to_thread(
        subprocess.check_output, [sys.executable, "-S", "-c", program], cwd=folder, text=True
    )
    assert said == "hello from a wheel\n"


@pytest.mark.weakness(5)
async def test_no_code_of_a_package_is_run(tmp_path: Path) -> None:
    """A package that comes as source only is not built, so its setup.py does not run."""
    trap = tmp_path / "trap"
    source(tmp_path / "links", "evil", trap)
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "links")}
    shop = Workshop(tmp_path / "home", environment=settings, path=os.environ["PATH"])
    files = {"handler.py": HANDLER, "requirements.txt": "evil\n"}

    with pytest.raises(DependenciesFailed):
        await shop.bundle(spec(), archive("python3-http", files))

    assert not trap.exists()
    assert any("No matching distribution" in line for line in shop.said)
    assert shop.left() == []


async def test_a_build_that_is_cancelled_leaves_nothing(workshop: Workshop, tmp_path: Path) -> None:
    """The program is killed with its children, the half bundle is gone."""
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    mark = tmp_path / "children"
    npm.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {mark}.new; mv {mark}.new {mark}; wait\n")
    npm.chmod(0o755)
    shop = Workshop(workshop.home, path=f"{npm.parent}:{os.environ['PATH']}")
    files = {"handler.js": "", "package.json": '{"dependencies": {"x": "1.0.0"}}'}
    building = asyncio.create_task(shop.bundle(spec("node-http"), archive("node-http", files)))
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(mark.exists):  # noqa: ASYNC110 - a process makes it
            await asyncio.sleep(0.02)

    building.cancel()
    await asyncio.wait({building})

    assert building.cancelled()
    assert shop.left() == []
    await gone(int(mark.read_text()))


async def gone(pid: int) -> None:
    """Wait until a process has ended (a zombie has)."""
    async with asyncio.timeout(20):
        while True:
            done = await asyncio.to_thread(
                subprocess.run, ["ps", "-o", "stat=", "-p", str(pid)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.stdout.strip()[:1] in ("", "Z"):
                return
            await asyncio.sleep(0.02)


async def test_a_builder_that_is_killed_leaves_no_tool_behind(tmp_path: Path) -> None:
    """Killed with -9 in the middle of a build: the tool dies too, and the next builder sweeps."""
    shop = Workshop(tmp_path / "home", path=os.environ["PATH"])
    mark = tmp_path / "pid"
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from consumers.builder.tool import Tool, run\n"
        "how = Tool(environment={}, folder=Path('/'), seconds=60, file_bytes=1000)\n"
        f"script = 'echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60'\n"
        "command = ['/bin/sh', '-c', script]\n"
        "asyncio.run(run(command, how, print))\n"
    )
    root = Path(__file__).parents[3]
    victim = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=root)
    (shop.home / "bundles" / f".{'0' * 64}.{victim.pid}.abcd" / "bundle").mkdir(parents=True)
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(mark.exists):  # noqa: ASYNC110 - a process makes it
            await asyncio.sleep(0.02)
    victim.kill()
    await victim.wait()

    await gone(int(mark.read_text()))
    await shop.bundle(spec("static"), archive("static", {"index.html": "x"}))

    assert len(shop.left()) == 1


async def test_a_slow_tool_is_ended(workshop: Workshop, tmp_path: Path) -> None:
    """A build has a time limit, which is said."""
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexec sleep 60\n")
    npm.chmod(0o755)
    shop = Workshop(workshop.home, path=f"{tmp_path}:{os.environ['PATH']}", seconds=0.5)
    files = {"handler.js": "", "package.json": '{"dependencies": {"x": "1.0.0"}}'}

    with pytest.raises(BuildTooLong):
        await shop.bundle(spec("node-http"), archive("node-http", files))


async def test_a_bundle_has_limits(tmp_path: Path) -> None:
    """Bytes and files are counted when all is installed."""
    tar = archive("static", {f"{number}": "x" * 100 for number in range(20)})

    for limits in ({"bytes": 1500}, {"files": 10}):
        shop = Workshop(tmp_path / "home", **limits)
        with pytest.raises(BundleTooLarge):
            await shop.bundle(spec("static"), tar)
        assert shop.left() == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
async def test_an_archive_of_other_than_files_is_refused(workshop: Workshop, kind: bytes) -> None:
    """Links and devices in a tar could write elsewhere."""
    await refused(workshop, "function/x", kind)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
async def test_an_archive_does_not_write_elsewhere(workshop: Workshop, name: str) -> None:
    """Names that lead out are refused before anything is written."""
    await refused(workshop, name, tarfile.REGTYPE)


async def refused(workshop: Workshop, name: str, kind: bytes) -> None:
    """Check that an archive with this entry is not built."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(BuildFailed, match="no plain file"):
        await workshop.bundle(spec("static"), body.getvalue())
    assert workshop.left() == []


async def test_npm_is_asked_for_when_it_is_not_there(tmp_path: Path) -> None:
    """The message says how to get it."""
    shop = Workshop(tmp_path / "home", path=str(tmp_path))
    files = {"handler.js": "", "package.json": '{"dependencies": {"x": "1.0.0"}}'}

    with pytest.raises(ToolMissing, match="npm is not there"):
        await shop.bundle(spec("node-http"), archive("node-http", files))


@pytest.mark.parametrize(
    "version", ["file:../../../etc", "git+https://example.com/x", "a/b", "https://example.com/x"]
)
async def test_packages_come_from_the_registry_alone(workshop: Workshop, version: str) -> None:
    """Folders, git and URLs could bring code that runs, or files of ours."""
    package = msgspec.json.encode({"dependencies": {"x": version}})
    files: dict[str, str | bytes] = {"handler.js": "", "package.json": package}

    with pytest.raises(DependenciesFailed, match="is not taken"):
        await workshop.bundle(spec("node-http"), archive("node-http", files))


async def test_a_package_without_dependencies_needs_no_npm(tmp_path: Path) -> None:
    """Most package.json of functions name nothing to install."""
    shop = Workshop(tmp_path / "home", path=str(tmp_path))
    files = {"handler.js": "", "package.json": '{"name": "x", "devDependencies": {"y": "1"}}'}

    assert (await shop.bundle(spec("node-http"), archive("node-http", files))).is_dir()


@pytest.mark.parametrize("lock", [False, True])
async def test_npm_installs_without_scripts(tmp_path: Path, *, lock: bool) -> None:
    """Dependencies come from the registry, with a lock file too; postinstall is not run."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not there: install Node.js with npm to run this")
    trap = tmp_path / "trap"
    package = {"name": "x", "version": "1.0.0", "dependencies": {"greeting": "^1.0.0"}}
    files: dict[str, str | bytes] = {
        "handler.js": "module.exports = async () => require('greeting');\n",
        "package.json": msgspec.json.encode(package),
        ".npmrc": f"registry=http://127.0.0.1:1/\nignore-scripts=false\ngit={trap}\n",
    }
    with Registry(trap) as registry:
        environment = {"npm_config_registry": registry.url}
        shop = Workshop(tmp_path / "home", path=os.environ["PATH"], environment=environment)
        if lock:
            folder = await shop.bundle(spec("node-http"), archive("node-http", files))
            made = folder / "function/node_modules/.package-lock.json"
            locked = msgspec.json.decode(made.read_bytes())
            locked["packages"][""] = package
            files["package-lock.json"] = msgspec.json.encode(locked)
        folder = await shop.bundle(spec("node-http"), archive("node-http", files))

    with Running(folder, tmp_path / "n.log") as running:
        assert running.get().body == b"hi"
    assert not trap.exists()
