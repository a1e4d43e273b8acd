"""Pushing with git itself: what it shows, what it exits with, where the refs are afterwards."""

import msgspec

from bus.connection import Bus
from edge.git.state import LocalPush
from tests.edge.git.conftest import STACK, Served

ZEROS = "0" * 40


async def test_first_push_makes_the_repository(served: Served, bus: Bus) -> None:
    """A push to a name nobody has pushed to makes it, and the log hears of it."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)

    await clone.git("push", "origin", "main")

    assert await served.heads() == {"HEAD": sha, "refs/heads/main": sha}
    delivery = await bus.deliveries.get(1)
    assert (delivery.forge, delivery.id) == ("local", "alice/hello:1")
    assert msgspec.json.decode(delivery.body, type=LocalPush) == LocalPush(
        owner="alice",
        repository="hello",
        branch="main",
        before=ZEROS,
        after=sha,
        default_branch="main",
        pusher="alice",
    )


async def test_second_push_carries_on(served: Served, bus: Bus) -> None:
    """A second push sends a thin pack against the first, and tells where the branch was."""
    clone = await served.clone()
    text = "".join(f"line {n}\n" for n in range(2000))
    first = await clone.commit(stack_yml=STACK, a__long=text)
    await clone.git("push", "origin", "main")
    second = await clone.commit(a__long=text + "one more\n")

    await clone.git("push", "origin", "main")

    assert (await served.heads())["refs/heads/main"] == second
    push = msgspec.json.decode((await bus.deliveries.get(2)).body, type=LocalPush)
    assert (push.before, push.after) == (first, second)
    await clone.git("fsck", "--full", "--strict")


async def test_repository_is_one_for_git_too(served: Served) -> None:
    """Git's own programs read the folder of a repository and find nothing wrong with it."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)
    await clone.git("tag", "-a", "v1", "-m", "one")
    await clone.git("push", "origin", "main", "v1")

    folder = str(served.path())
    await clone.git("-C", folder, "fsck", "--full", "--strict")
    shown = await clone.git("-C", folder, "rev-parse", "HEAD", "v1^{commit}")

    assert shown.output.split() == [sha, sha]


async def test_deleting_a_branch(served: Served, bus: Bus) -> None:
    """A deletion needs no pack, is told to the log, and frees the name."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main", "main:old")

    gone = await clone.git("push", "origin", "--delete", "old")

    assert "branch old is deleted" in gone.remote
    assert await served.heads() == {"HEAD": sha, "refs/heads/main": sha}
    push = msgspec.json.decode((await bus.deliveries.get(3)).body, type=LocalPush)
    assert (push.branch, push.before, push.after) == ("old", sha, ZEROS)
    await clone.git("push", "origin", "main:old/new")


async def test_tags_are_stored_and_not_delivered(served: Served, bus: Bus) -> None:
    """Tags of both kinds come back with a clone; the log hears nothing of them."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    await clone.git("tag", "light")
    await clone.git("tag", "-a", "heavy", "-m", "with a message")

    await clone.git("push", "origin", "--tags")
    await clone.git("push", "origin", "--delete", "light")

    assert set(await served.heads()) >= {"refs/tags/heavy", "refs/tags/heavy^{}"}
    assert "refs/tags/light" not in await served.heads()
    info = await bus.js.info("DELIVERIES")
    assert info is not None
    assert info["state"]["messages"] == 1


async def test_force_push(served: Served) -> None:
    """History may be rewritten; the old commit can't be had any more."""
    clone = await served.clone()
    old = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    await clone.git("commit", "--amend", "-q", "-m", "better")
    refused = await clone.git("push", "origin", "main", code=1)
    assert "non-fast-forward" in refused.output

    await clone.git("push", "--force", "origin", "main")

    new = (await clone.git("rev-parse", "HEAD")).output.strip()
    assert (await served.heads())["refs/heads/main"] == new
    other = await served.clone("other")
    gone = await other.git("fetch", "origin", old, code=128)
    assert f"not our ref {old}" in gone.output


async def test_atomic_push_moves_all_or_nothing(served: Served) -> None:
    """With --atomic one refused ref keeps the others where they were."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)

    result = await clone.git("push", "--atomic", "origin", "main", "main:refs/notes/x", code=1)

    assert "atomic push" in result.output
    assert await served.heads() == {}


async def test_disk_that_fails_is_told(served: Served) -> None:
    """When the forge can't store a push git says so and exits with 1; no ref has moved."""
    clone = await served.clone()
    first = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    await clone.commit(a="2")
    blocked = served.path() / "refs.json.new"
    blocked.mkdir()  # where the next state would be written

    result = await clone.git("push", "origin", "main", code=1)

    assert "remote unpack failed: the forge's disk: Is a directory" in result.output
    assert "main -> main (not stored)" in result.output
    assert (await served.heads())["refs/heads/main"] == first
    blocked.rmdir()
    await clone.git("push", "origin", "main")


async def test_copies_for_git_are_not_vital(served: Served) -> None:
    """When the copies that git's own programs read can't be written the push has succeeded."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main:side")
    blocked = served.path() / "packed-refs.new"
    blocked.mkdir()

    await clone.git("push", "origin", "main:main")

    assert (await served.heads())["refs/heads/main"] == sha


async def test_other_branches_are_stored_only(served: Served) -> None:
    """A branch that is not the production branch is stored, and git comes back at once."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")

    result = await clone.git("push", "origin", "main:feature/x")

    assert result.remote == ["branch feature/x is stored; only main is deployed"]


async def test_production_branch_is_main_of_several(served: Served) -> None:
    """Pushed together with others, main becomes the production branch, whatever the order."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)

    result = await clone.git("push", "origin", "main:alpha", "main")

    assert "branch alpha is stored; only main is deployed" in result.remote
    shown = await clone.git("ls-remote", "--symref", "origin", "HEAD")
    assert "ref: refs/heads/main" in shown.output


async def test_first_branch_is_production_without_a_main(served: Served) -> None:
    """A repository whose only branch is called otherwise is deployed from that one."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)

    result = await clone.git("push", "origin", "main:trunk")

    assert not [line for line in result.remote if "only" in line]
    shown = await clone.git("ls-remote", "--symref", "origin", "HEAD")
    assert "ref: refs/heads/trunk" in shown.output


async def test_no_run_within_the_limit_is_said(served: Served) -> None:
    """When nobody queues a run, git succeeds and the terminal says what to look at."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)

    result = await clone.git("push", "origin", "main")

    assert result.remote[-1].startswith("stored; no run was queued within 0.3 s")


async def test_five_errors_are_five_lines(served: Served) -> None:
    """A stack.yml with five errors refuses the push: each error a line, exit 1, nothing moved."""
    clone = await served.clone()
    broken = """provider: {name: openfaas}
functions:
  a: {lang: cobol, handler: ./a}
  b: {lang: python3, handler: ./b, environment: 7}
  c: {handler: ./c}
  d: {lang: python3, handler: ./d, labels: no}
  e: {lang: python3, handler: ./e, limits: 12}
"""
    await clone.commit(stack_yml=broken)

    result = await clone.git("push", "origin", "main", code=1)

    errors = [line for line in result.remote if line.startswith("stack.yml:")]
    assert [line.split(":")[1] for line in errors] == ["3", "4", "5", "6", "7"]
    assert "main -> main (stack.yml has 5 errors)" in result.output
    assert await served.heads() == {}
    assert not list(served.path().rglob("*.pack"))


async def test_broken_stack_elsewhere_is_taken(served: Served) -> None:
    """Only the production branch is judged: work in progress may be stored."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    await clone.commit(stack_yml="functions: 7\n")

    await clone.git("push", "origin", "main:wip")

    assert "refs/heads/wip" in await served.heads()


async def test_missing_stack_is_a_warning(served: Served) -> None:
    """A repository without stack.yml is taken, and told that there is nothing to deploy."""
    clone = await served.clone()
    await clone.commit(readme="hello\n")

    result = await clone.git("push", "origin", "main")

    assert result.remote[0].startswith("warning: stack.yml: there is no stack.yml")


async def test_stack_that_is_no_file_is_refused(served: Served) -> None:
    """A folder called stack.yml is an error like any other."""
    clone = await served.clone()
    (clone.path / "stack.yml").mkdir()
    await clone.commit(stack_yml__inner="x")

    result = await clone.git("push", "origin", "main", code=1)

    assert "stack.yml: this is not a file" in result.remote
