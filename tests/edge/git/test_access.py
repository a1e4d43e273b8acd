"""Who gets in, and what nobody may name."""

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.git.names import Target, ref_problem, target
from tests.edge.git.conftest import STACK, Clone, Served, update


async def test_wrong_token_gets_nothing(served: Served) -> None:
    """With a wrong token git can neither push nor clone, and is told why."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    wrong = served.remote(token="guessed")

    pushed = await clone.git("push", wrong, "main:other", code=128)
    cloned = await Clone(served.folder).git("clone", wrong, "copy", code=128)

    assert "Authentication failed" in pushed.output
    assert "remote: the token is missing or wrong" in cloned.output
    assert "refs/heads/other" not in await served.heads()


async def test_missing_token_asks_for_one(served: Served) -> None:
    """Without credentials the answer names the scheme, before anything is read."""
    status, body = await served.post(b"0000", authorization="Bearer letmein")

    assert status == 401
    assert b"token" in body


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../etc", ".hidden/x", "a/.git", "a/b/c", "a/x..y", "a/x.", "a/x.lock", "-a/b",
     "a/" + "b" * 65, "a" * 40 + "/b", "a/b%2fc", "a/b%00", "a/%2e%2e", "ä/b", "a b/c", "a/b.git"],
)  # fmt: skip
async def test_hostile_names_are_not_found(served: Served, name: str) -> None:
    """Nothing outside of the strict alphabet is ever a folder."""
    url = f"http://alice:letmein@127.0.0.1:{served.port}/git/{name}.git"
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)

    await clone.git("push", url, "main", code=128)

    assert not served.root.exists() or not list(served.root.iterdir())


@pytest.mark.weakness(22)
async def test_names_differ_not_by_case(served: Served) -> None:
    """Alice/Hello and alice/hello are one repository."""
    clone = await served.clone(remote="Alice/Hello")
    sha = await clone.commit(stack_yml=STACK)

    await clone.git("push", "origin", "main")

    assert (await served.heads("alice/HELLO"))["refs/heads/main"] == sha
    assert [path.name for path in (served.root / "alice").iterdir()] == ["hello.git"]


@given(st.text(max_size=60))
def test_no_path_leads_out(text: str) -> None:
    """Whatever stands in a path, the names found in it are plain."""
    found = target(f"/git/{text}/info/refs")

    if found is not None:
        for name in (found.owner, found.name):
            assert name == name.lower()
            assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789._-")
            assert ".." not in name
            assert not name.startswith((".", "-"))


def test_path_with_and_without_the_ending() -> None:
    """The .git at the end may be left out."""
    assert target("/git/a/b.git/git-upload-pack") == Target("a", "b", "git-upload-pack")
    assert target("/git/a/b/git-upload-pack") == Target("a", "b", "git-upload-pack")


@pytest.mark.parametrize(
    "ref",
    ["refs/notes/x", "refs/heads/../x", "refs/heads/a..b", "refs/heads/.a", "refs/heads/a.lock",
     "refs/heads/", "refs/heads/a//b", "refs/heads/a\x7f", "refs/heads/\udcff", "HEAD", "refs/tags",
     "refs/heads/a~1", "refs/heads/@{", "refs/heads/" + "x" * 200, "refs/heads/a\\b"],
)  # fmt: skip
def test_bad_ref_names(ref: str) -> None:
    """Only well-formed branches and tags are taken."""
    assert ref_problem(ref)


async def test_refs_elsewhere_are_refused(served: Served) -> None:
    """A ref outside of heads and tags is refused by itself; the rest of the push goes on."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)

    result = await clone.git("push", "origin", "main", "main:refs/pull/1/head", code=1)

    assert "[remote rejected] main -> refs/pull/1/head (only branches and tags" in result.output
    assert await served.heads() == {"HEAD": sha, "refs/heads/main": sha}


async def test_refs_that_are_in_each_others_way(served: Served) -> None:
    """A branch and a folder of branches can't have one name."""
    clone = await served.clone()
    await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main", "main:a")

    below = await clone.git("push", "origin", "main:a/b", code=1)
    above = await clone.git("push", "origin", "main:b/c", "main:b", code=1)

    assert "refs/heads/a is a ref already" in below.output
    assert "refs/heads/b/" in above.output or "refs/heads/b is" in above.output


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "info/refs", 403),
        ("GET", "info/refs?service=git-upload-archive", 403),
        ("POST", "info/refs?service=git-upload-pack", 405),
        ("GET", "git-receive-pack", 405),
        ("POST", "git-receive-pack", 415),
        ("GET", "HEAD", 404),
        ("GET", "objects/info/packs", 404),
    ],
)
async def test_wrong_requests(served: Served, method: str, path: str, status: int) -> None:
    """The dumb protocol is not served, nor any wrong method or type."""
    url = f"http://127.0.0.1:{served.port}/git/a/b.git/{path}"
    login = {"authorization": "Basic YWxpY2U6bGV0bWVpbg=="}
    async with (
        aiohttp.ClientSession(headers=login) as session,
        session.request(method, url) as answer,
    ):
        assert answer.status == status
        assert answer.headers["cache-control"].startswith("no-cache")


async def test_update_named_twice(served: Served) -> None:
    """One push can't move one ref twice."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main")
    one = update(sha, "0" * 40)[:-4]
    two = b"%04x%s" % (len(plain := f"{sha} {'0' * 40} refs/heads/main".encode()) + 4, plain)

    _, said = await served.post(one + two + b"0000")

    assert b"ng refs/heads/main it is named twice in this push" in said
