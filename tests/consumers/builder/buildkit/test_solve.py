"""Building on real engines of both forms, as a caller of the library sees it."""

import asyncio
import os
from datetime import datetime
from pathlib import Path

import pytest

from consumers.builder.buildkit import (
    Client,
    Context,
    FolderContext,
    Log,
    Progress,
    Solve,
    SolveFailed,
    TarContext,
    Vertex,
    Warning,  # noqa: A004
)
from tests.consumers.builder.buildkit.conftest import Folder
from tests.consumers.builder.buildkit.kitchen import Counted, build, tarred


def steps(heard: list[Progress]) -> dict[str, Vertex]:
    """Return each step's last word, by name."""
    return {one.name: one for one in heard if isinstance(one, Vertex)}


def of_kind(kind: str, folder: Path) -> Context:
    """Return a folder as a context of a kind: itself, or an archive in memory or in a file."""
    if kind == "folder":
        return FolderContext(folder)
    if kind == "memory":
        return TarContext(tarred(folder))
    archive = folder.with_suffix(".tar")
    archive.write_bytes(tarred(folder, "source"))
    return TarContext(archive, "source")


async def test_builds_then_takes_it_from_the_cache(client: Client, folder: Folder) -> None:
    """What was built once is cached the second time, and both are told step by step."""
    context = FolderContext(folder(f"RUN echo {os.urandom(8).hex()} >/fresh\n"))
    first: list[Progress] = []
    second: list[Progress] = []

    await build(client, context, first)
    await build(client, context, second)

    (ran,) = [step for name, step in steps(first).items() if " RUN " in name]
    assert not ran.cached
    assert isinstance(ran.started, datetime)
    assert isinstance(ran.completed, datetime)
    assert ran.started <= ran.completed
    assert all(step.cached for name, step in steps(second).items() if " RUN " in name)


@pytest.mark.parametrize("kind", ["folder", "memory", "file"])
async def test_an_unchanged_context_is_not_sent_again(
    client: Client, folder: Folder, kind: str
) -> None:
    """Every file is asked for at first, and no file of the context when nothing has changed.

    The Dockerfile always is: the frontend wants it so.
    """
    made = folder("COPY a b /\n", a=os.urandom(8).hex(), b="two")
    context = Counted(of_kind(kind, made))
    await build(client, context)
    assert sorted(context.asked) == ["Dockerfile", "a", "b", "busybox"]
    context.asked.clear()

    await build(client, context)

    assert context.asked == ["Dockerfile"]


async def test_one_shared_key_sends_changes_alone(client: Client, folder: Folder) -> None:
    """A file of equal size and time whose content changed is sent again, and no other one."""
    made = folder('COPY a b /\nRUN [ "$(busybox cat /a)" = two ]\n', a="one", b="all")
    key = os.urandom(8).hex()

    async def asked() -> list[str]:
        context = Counted(TarContext(tarred(made)))
        named = {"context": context, "dockerfile": context}
        async with client.session(contexts=named, shared_key=key) as session:
            await client.solve(Solve(session=session))
        return context.asked

    with pytest.raises(SolveFailed):
        await asked()
    (made / "a").write_text("two")

    assert await asked() == ["Dockerfile", "a"]


async def test_a_failing_step_is_named(client: Client, folder: Folder) -> None:
    """RUN exit 7: the step, its code and its last lines, and no use in trying again."""
    said = "; ".join(f"echo line {number}" for number in range(30))
    # Output and errors come by two pipes, in no order of their own.
    made = folder(f"RUN {said}; busybox sleep 0.5; echo no end >&2; exit 7\n")

    with pytest.raises(SolveFailed) as caught:
        await build(client, FolderContext(made))

    failed = caught.value
    assert failed.exit_code == 7
    assert "RUN echo line 0" in failed.vertex
    assert "line 29" in failed.tail
    assert "no end" in failed.tail
    assert len(failed.tail) == 20
    assert not failed.retryable


async def test_a_dockerfile_that_makes_no_sense(client: Client, folder: Folder) -> None:
    """No step was run, so there is no code; the line is in the message."""
    made = folder("FETCH everything\n")

    with pytest.raises(SolveFailed, match=r"line 4: unknown instruction: FETCH") as caught:
        await build(client, FolderContext(made))

    assert caught.value.exit_code is None
    assert not caught.value.retryable


async def test_a_file_that_is_not_there(client: Client, folder: Folder) -> None:
    """COPY of what the context lacks blames the step that copies."""
    made = folder("COPY nothing /\n")

    with pytest.raises(SolveFailed, match="nothing") as caught:
        await build(client, FolderContext(made))

    assert "COPY nothing /" in caught.value.vertex


async def test_log_is_heard_while_it_builds(client: Client, folder: Folder) -> None:
    """A step's first line arrives long before its last."""
    made = folder(
        f"RUN echo begin {os.urandom(8).hex()}; "
        "for i in 1 2 3 4 5 6 7 8 9; do busybox sleep 0.3; done; echo end\n"
    )
    began = asyncio.Event()
    heard: list[str] = []

    def listen(progress: Progress) -> None:
        if isinstance(progress, Log):
            heard.append(progress.text)
            began.set()

    context = FolderContext(made)
    async with client.session(contexts={"context": context, "dockerfile": context}) as session:
        building = asyncio.create_task(client.solve(Solve(session=session), listen))
        await asyncio.wait_for(began.wait(), 30)
        in_time = not building.done() and "end" not in "".join(heard)
        await building

    assert in_time
    assert "".join(heard).startswith("begin ")
    assert "".join(heard).endswith("end\n")


@pytest.mark.weakness(24)
async def test_letters_are_not_cut(client: Client, folder: Folder) -> None:
    """Letters of several bytes stay whole, however the log is cut into pieces."""
    made = folder(
        f"RUN echo {os.urandom(4).hex()}; busybox printf 'z\\303'; busybox sleep 0.5; "
        "busybox printf '\\274rich\\n'\n"
    )
    heard: list[Progress] = []

    await build(client, FolderContext(made), heard)

    log = "".join(one.text for one in heard if isinstance(one, Log))
    assert log.endswith("zürich\n")


async def test_warnings_are_heard(pushing: Client, folder: Folder) -> None:
    """What the frontend warns of comes with the file's name and line."""
    made = folder(f"# {os.urandom(8).hex()}\nRUN true \\\n\n  && true\n")
    heard: list[Progress] = []

    await build(pushing, FolderContext(made), heard)

    (warning,) = [one for one in heard if isinstance(one, Warning)]
    assert "mpty continuation line" in warning.short
    assert (warning.file, warning.line > 0) == ("Dockerfile", True)


async def test_who_listens_may_refuse(client: Client, folder: Folder) -> None:
    """An error of the progress callback is the caller's own, and ends the build."""
    made = folder(f"RUN echo {os.urandom(8).hex()}\n")

    def refuse(_: Progress) -> None:
        raise LookupError("enough")

    context = FolderContext(made)
    async with client.session(contexts={"context": context, "dockerfile": context}) as session:
        with pytest.raises(LookupError, match="enough"):
            await client.solve(Solve(session=session), refuse)


async def test_many_builds_at_once(client: Client, folder: Folder) -> None:
    """Builds of one client do not get in each other's way."""
    made = folder("ARG name\nRUN echo I am $name\n")
    context = FolderContext(made)

    async def one(name: str) -> str:
        heard: list[Progress] = []
        await build(client, context, heard, frontend_attrs={"build-arg:name": name, "no-cache": ""})
        return "".join(log.text for log in heard if isinstance(log, Log))

    names = [f"number-{number}" for number in range(4)]
    assert await asyncio.gather(*map(one, names)) == [f"I am {name}\n" for name in names]
