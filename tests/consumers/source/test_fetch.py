"""Fetching one commit from real git over HTTP, and from forges that misbehave."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consumers.source.fetch import fetch
from consumers.source.limits import Refused, SourceSettings
from consumers.source.remote import ForgeRemotes, Remote, basic, cleaned
from schemas.envelope import Aggregate
from schemas.errors import SourceUnavailable
from schemas.repository import Repository
from tests.consumers.source.forge import AUTHOR, Forge, git

LIMITS = SourceSettings(fetch_seconds=20)


async def fetched(forge: Forge, sha: str, **limits: float) -> dict[str, tuple[bytes, bytes]]:
    """Return the objects of a commit on main."""
    settings = msgspec.structs.replace(LIMITS, **limits)
    return (await fetch(Remote(forge.url), "main", sha, settings)).objects


async def test_one_commit_comes_without_its_history(forge: Forge) -> None:
    """Shallow: the old commit's blob is not among the objects."""
    forge.commit({"old": "old"})
    git(forge.work, "rm", "-q", "old")
    sha = forge.commit({"new": "new", "deep/er": "x"})

    objects = await fetched(forge, sha)

    blobs = {body for kind, body in objects.values() if kind == b"blob"}
    assert blobs == {b"new", b"x"}
    assert objects[sha][0] == b"commit"


async def test_without_a_commit_the_head_comes(forge: Forge) -> None:
    """An empty sha asks the forge where the branch is now."""
    forge.commit({"a": "1"})
    head = forge.commit({"a": "2"})

    assert (await fetch(Remote(forge.url), "main", "", LIMITS)).sha == head


async def test_a_commit_of_a_fork_comes_by_its_pull_request(forge: Forge) -> None:
    """No branch of this repository has it; the very commit comes, though the fork went on."""
    forge.commit({"a": "1"})
    git(forge.work, "checkout", "-q", "-b", "fork")
    shas = []
    for text in ("2", "3"):
        (forge.work / "a").write_text(text)
        git(forge.work, "commit", "-q", "-am", text)
        git(forge.work, "update-ref", "refs/pull/7/head", "HEAD")
        shas.append(git(forge.work, "rev-parse", "HEAD"))
    git(forge.work, "checkout", "-q", "main")
    git(forge.work, "branch", "-q", "-D", "fork")

    found = await fetch(Remote(forge.url), "main", shas[0], LIMITS, ref="refs/pull/7/head")

    assert found.sha == shas[0]
    assert (b"blob", b"2") in found.objects.values()


async def test_a_branch_that_is_gone_is_refused(forge: Forge) -> None:
    """The forge does not know the branch any more."""
    forge.commit({"a": "1"})

    with pytest.raises(Refused) as caught:
        await fetch(Remote(forge.url), "other", "", LIMITS)

    assert caught.value.reason == "branch_gone"


@pytest.mark.parametrize("setting", ["uploadpack.allowReachableSHA1InWant", "x.y"])
async def test_a_commit_below_the_head_is_found(forge: Forge, setting: str) -> None:
    """By its own name where the forge allows that, else by looking below the head."""
    sha = forge.commit({"a": "1"})
    for number in range(5):
        forge.commit({"a": f"2{number}"})
    git(forge.work, "config", setting, "true")

    objects = await fetched(forge, sha)

    assert objects[sha][0] == b"commit"
    posts = [line for line in forge.requests if line.startswith("POST")]
    assert len(posts) == 1


@pytest.mark.weakness(13)
async def test_a_commit_too_deep_or_forced_away_is_refused(forge: Forge) -> None:
    """What the forge does not hand out is said, and it is not another commit instead."""
    forge.commit({"a": "0"})
    lost = forge.commit({"a": "1"})
    git(forge.work, "reset", "-q", "--hard", "HEAD~1")
    forge.commit({"a": "2"})

    with pytest.raises(Refused) as caught:
        await fetched(forge, lost, depth=2)

    assert caught.value.reason == "commit_gone"


async def test_deltas_are_applied(forge: Forge) -> None:
    """A pack with deltas gives the files back as they are."""
    text = "".join(f"line {number}\n" for number in range(3000))
    sha = forge.commit({"a": text, "b": text + "one more\n", "c": "first\n" + text})
    git(forge.work, "repack", "-q", "-a", "-d", "-f")

    objects = await fetched(forge, sha)

    blobs = {body.decode() for kind, body in objects.values() if kind == b"blob"}
    assert blobs == {text, text + "one more\n", "first\n" + text}


async def test_a_repository_of_the_other_hash_is_read(forge: Forge) -> None:
    """SHA-256 repositories are as good."""
    forge.work.mkdir(parents=True)
    git(forge.work, "init", "-q", "-b", "main", "--object-format=sha256")
    sha = forge.commit({"a": "1"})

    assert len(sha) == 64
    assert (await fetched(forge, sha))[sha][0] == b"commit"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_forge_that_says_no_is_not_asked_again(forge: Forge, status: int) -> None:
    """Wrong credentials and unknown repositories are refusals with a cure."""
    forge.status = status

    with pytest.raises(Refused) as caught:
        await fetched(forge, "1" * 40)

    assert caught.value.reason == "source_refused"
    assert str(status) in caught.value.problems[0].message
    assert caught.value.problems[0].cure


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_forge_in_trouble_is_asked_later(forge: Forge, status: int) -> None:
    """Answers that may change are a reason to retry."""
    forge.status = status

    with pytest.raises(SourceUnavailable, match=str(status)):
        await fetched(forge, "1" * 40)


async def test_nobody_at_home_is_asked_later() -> None:
    """A refused connection is a reason to retry."""
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:1 did not answer"):
        await fetch(Remote("http://127.0.0.1:1/x"), "main", "", LIMITS)


async def test_credentials_open_the_repository(forge: Forge) -> None:
    """Basic authentication, as our own forge asks for it."""
    sha = forge.commit({"a": "1"})
    forge.password = "secret"

    commit = await fetch(Remote(forge.url, basic("pushline", "secret")), "main", sha, LIMITS)

    assert commit.sha == sha
    with pytest.raises(Refused):
        await fetched(forge, sha)


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Forge]:
    """Yield another forge."""
    running = Forge(tmp_path / "stranger")
    try:
        yield running
    finally:
        running.close()


async def test_credentials_do_not_follow_a_redirect(forge: Forge, stranger: Forge) -> None:
    """Another host is refused by name, and never hears of our token."""
    forge.status = 302
    path = "/repo/info/refs?service=git-upload-pack"
    forge.location = f"http://localhost:{stranger.server.server_port}{path}"

    with pytest.raises(Refused, match="redirects to http://localhost"):
        await fetch(Remote(forge.url, basic("a", "secret")), "main", "", LIMITS)

    assert stranger.requests == []


async def test_another_port_is_another_host(forge: Forge, stranger: Forge) -> None:
    """The same name with another port may be anybody's."""
    forge.status = 302
    forge.location = f"{stranger.url}/info/refs?service=git-upload-pack"

    with pytest.raises(Refused, match="redirects to"):
        await fetch(Remote(forge.url, basic("a", "secret")), "main", "", LIMITS)

    assert stranger.requests == []


async def test_a_forge_that_redirects_in_a_circle_is_left(forge: Forge) -> None:
    """A renamed repository is followed on its own host, but not for ever."""
    forge.status = 301
    forge.location = "/repo/info/refs?service=git-upload-pack"

    with pytest.raises(Refused, match="without end"):
        await fetched(forge, "")

    assert len(forge.requests) < 10


async def test_a_web_page_is_no_repository(forge: Forge) -> None:
    """A login page with status 200 is refused."""
    forge.commit({"a": "1"})
    forge.content_type = "text/html"

    with pytest.raises(Refused, match="text/html"):
        await fetched(forge, "")


async def test_an_answer_cut_short_is_asked_for_again(forge: Forge) -> None:
    """Half a pack is never taken for a whole one."""
    sha = forge.commit({"a": "x" * 1000, "b": "1"})
    for cut in (1, 30, 60, 200):
        forge.cut = cut
        with pytest.raises(SourceUnavailable):
            await fetched(forge, sha)


async def test_a_pack_over_the_limit_is_refused(forge: Forge) -> None:
    """Neither a large pack nor a small one that unfolds is kept."""
    noise = AUTHOR["PATH"].encode() + bytes(range(256)) * 40
    sha = forge.commit({"zeros": b"\0" * 2_000_000, "noise": noise})

    with pytest.raises(Refused, match="more than 1000000 bytes, unpacked"):
        await fetched(forge, sha, unpacked_bytes=1_000_000)
    large = "".join(str(hash((number, "x"))) for number in range(20_000))
    sha = forge.commit({"large": large})
    with pytest.raises(Refused, match="the forge sends more than"):
        await fetched(forge, sha, pack_bytes=1000)


async def test_a_silent_forge_is_left(forge: Forge) -> None:
    """The deadline ends the request itself, and the forge may be asked later."""
    forge.commit({"a": "1"})
    forge.hold.clear()

    async with asyncio.timeout(10):
        with pytest.raises(SourceUnavailable, match=r"longer than 0.2 s"):
            await fetched(forge, "", fetch_seconds=0.2)


async def test_nothing_compressed_is_asked_for(forge: Forge) -> None:
    """A compressed answer could unfold past every limit."""
    await fetched(forge, forge.commit({"a": "1"}))

    assert {headers["accept-encoding"] for headers in forge.headers} == {"identity"}


async def test_our_own_forge_is_known_by_its_owner_and_name() -> None:
    """Local repositories have no clone URL; the token goes with the request alone."""
    remotes = ForgeRemotes(local=lambda: "http://127.0.0.1:8080/git/", token=lambda: "t0k3n")

    run = Aggregate("local", "alice/hello world", "run", "1")
    remote = await remotes(run, Repository("alice", "hello world", "main"))

    assert remote.url == "http://127.0.0.1:8080/git/alice/hello%20world.git"
    assert remote.headers == basic("pushline", "t0k3n")
    assert "t0k3n" not in repr(remote)


@pytest.mark.parametrize(
    "url", ["", "git@github.com:a/b.git", "ssh://a/b", "file:///etc", "/etc", "http://"]
)
def test_only_http_is_cloned(url: str) -> None:
    """Whatever a payload says, no file and no other protocol is opened."""
    with pytest.raises(Refused, match="not an http"):
        cleaned(url)


def test_a_clone_url_loses_its_credentials() -> None:
    """What stands before @ is not sent, query and fragment neither."""
    assert cleaned("https://u:p@example.com:8443/a/b.git/?x#y") == (
        "https://example.com:8443/a/b.git"
    )
