"""Cloning and fetching with git itself, and as consumers do it: with dulwich."""

from dulwich.client import HttpGitClient
from dulwich.objects import ObjectID
from dulwich.repo import MemoryRepo

from bus.blocking import run_blocking
from tests.edge.git.conftest import STACK, TOKEN, Clone, Served


async def history(served: Served, commits: int) -> tuple[Clone, list[str]]:
    """Push a main with this many commits; return the working copy and their ids."""
    clone = await served.clone()
    first = await clone.commit(stack_yml=STACK)
    more = [
        await clone.commit(f"{number}", a__file=f"{number}\n" * 100) for number in range(1, commits)
    ]
    shas = [first, *more]
    await clone.git("push", "origin", "main")
    return clone, shas


async def taken(served: Served, *args: str, name: str = "copy") -> Clone:
    """Return a clone made by git itself, checked."""
    await Clone(served.folder).git("clone", "-q", *args, served.remote(), name)
    copy = Clone(served.folder / name)
    await copy.git("fsck", "--full", "--strict")
    return copy


async def test_clone_is_the_same(served: Served) -> None:
    """A clone has all commits, all files, the branches and the tags, and is on main."""
    clone, shas = await history(served, 5)
    await clone.git("tag", "-a", "v1", "-m", "one", shas[2])
    await clone.git("push", "origin", "v1", f"{shas[1]}:refs/heads/side")

    copy = await taken(served)

    log = await copy.git("log", "--format=%H", "--reverse")
    assert log.output.split() == shas
    assert (await copy.git("rev-parse", "v1^{}", "origin/side")).output.split() == [
        shas[2],
        shas[1],
    ]
    assert (copy.path / "a" / "file").read_text() == "4\n" * 100


async def test_protocols_of_every_version(served: Served) -> None:
    """Whatever version git asks for, it gets an answer that it understands."""
    _, shas = await history(served, 2)
    for version in ("0", "1", "2"):
        copy = Clone(served.folder)
        where = f"copy{version}"
        await copy.git("-c", f"protocol.version={version}", "clone", "-q", served.remote(), where)
        head = await Clone(served.folder / where).git("rev-parse", "HEAD")
        assert head.output.strip() == shas[-1]


async def test_shallow_clone_deepened_and_completed(served: Served) -> None:
    """--depth 1 brings one commit, --deepen two more, --unshallow the rest."""
    _, shas = await history(served, 6)

    copy = await taken(served, "--depth", "1")
    assert (await copy.git("log", "--format=%H")).output.split() == shas[-1:]

    await copy.git("fetch", "-q", "--deepen", "2")
    await copy.git("fsck", "--full", "--strict")
    assert (await copy.git("log", "--format=%H")).output.split() == shas[:-4:-1]

    await copy.git("fetch", "-q", "--unshallow")
    await copy.git("fsck", "--full", "--strict")
    assert (await copy.git("log", "--format=%H")).output.split() == shas[::-1]


async def test_pull_brings_what_is_new(served: Served) -> None:
    """A fetch into a clone sends the new commits only, also after the histories parted."""
    clone, _ = await history(served, 20)
    copy = await taken(served)
    await copy.commit("of my own", mine="1")
    new = await clone.commit("later", b__file="later")
    await clone.git("push", "origin", "main")

    fetched = await copy.git("fetch", "--progress", "origin")

    assert "sending 4 objects" in fetched.output
    assert (await copy.git("rev-parse", "origin/main")).output.strip() == new
    await copy.git("fsck", "--full", "--strict")


async def test_pull_into_a_shallow_clone(served: Served) -> None:
    """A shallow clone follows main, and may push back what it made."""
    clone, _ = await history(served, 4)
    copy = await taken(served, "--depth", "1")
    await clone.commit("later", b__file="later")
    await clone.git("push", "origin", "main")

    await copy.git("pull", "-q", "--ff-only")
    mine = await copy.commit("from the shallow one", c__file="mine")
    await copy.git("push", "origin", "main")

    assert (await served.heads())["refs/heads/main"] == mine


async def test_merges_are_whole(served: Served) -> None:
    """A history with merges arrives whole, at once and in steps."""
    clone, _ = await history(served, 3)
    copy = await taken(served)
    for number in range(3):
        await clone.git("checkout", "-q", "-b", f"side{number}", "HEAD~1")
        await clone.commit("side", **{f"s{number}": "side"})
        await clone.git("checkout", "-q", "main")
        await clone.git("merge", "-q", "--no-ff", "-m", "merge", f"side{number}")
    await clone.git("push", "origin", "main")

    await copy.git("pull", "-q", "--ff-only")
    await copy.git("fsck", "--full", "--strict")
    fresh = await taken(served, name="fresh")

    wanted = (await clone.git("rev-list", "HEAD")).output
    assert (await copy.git("rev-list", "HEAD")).output == wanted
    assert (await fresh.git("rev-list", "HEAD")).output == wanted


async def test_single_commit_by_its_id(served: Served) -> None:
    """A commit that a branch has left behind is fetched by its id, as the source does it."""
    _, shas = await history(served, 4)
    copy = await served.clone("copy")

    await copy.git("fetch", "-q", "--depth", "1", "origin", shas[1])

    assert (await copy.git("log", "--format=%H", "FETCH_HEAD")).output.split() == [shas[1]]


async def test_dulwich_fetches_a_single_commit(served: Served) -> None:
    """The client that the source consumer uses gets one old commit without its history."""
    _, shas = await history(served, 4)
    repo = MemoryRepo()
    client = HttpGitClient(f"http://127.0.0.1:{served.port}/", username="x", password=TOKEN)

    def fetch() -> None:
        client.fetch(
            "/git/alice/hello.git",
            repo,
            determine_wants=lambda *_, **__: [ObjectID(shas[1].encode())],
            depth=1,
        )

    await run_blocking(fetch)

    assert ObjectID(shas[1].encode()) in repo.object_store
    assert ObjectID(shas[0].encode()) not in repo.object_store


async def test_nothing_there_is_said(served: Served) -> None:
    """A clone of a repository that nobody pushed to fails with a sentence."""
    result = await Clone(served.folder).git("clone", served.remote("alice/none"), "x", code=128)

    assert "remote: there is no alice/none yet; the first push makes it" in result.output


async def test_large_files_are_streamed(served: Served) -> None:
    """Files of some megabytes go both ways unharmed."""
    clone = await served.clone()
    body = bytes(range(256)) * 20_000
    await clone.commit(stack_yml=STACK, big=body, big2=body[::-1])
    await clone.git("push", "origin", "main")

    copy = await taken(served)

    assert (copy.path / "big2").read_bytes() == body[::-1]
