"""Packs made by hand: what is damaged, too large or not whole is not let in, and leaves nothing."""

import hashlib
import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.git.errors import PackRefused
from edge.git.quarantine import quarantine, release, sweep, take_in
from edge.git.repository import Repository
from edge.git.weigh import Limits, weigh
from tests.edge.git.conftest import STACK, Served, update

ZEROS = "0" * 40


def header(kind: int, size: int) -> bytes:
    """Return an object's header."""
    first, size = kind << 4 | size & 15, size >> 4
    said = bytearray()
    while size:
        said.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    said.append(first)
    return bytes(said)


def packed(entries: Iterable[bytes]) -> bytes:
    """Return a pack of raw entries with a right checksum."""
    bodies = list(entries)
    body = b"PACK" + struct.pack(">II", 2, len(bodies)) + b"".join(bodies)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def entry(thing: ShaFile) -> bytes:
    """Return a whole object as an entry."""
    raw = thing.as_raw_string()
    return header(thing.type_num, len(raw)) + zlib.compress(raw)


def project(stack: str = STACK) -> tuple[Commit, Tree, Blob]:
    """Return a commit with its tree and its stack.yml."""
    blob = Blob.from_string(stack.encode())
    tree = Tree()
    tree.add(b"stack.yml", 0o100644, blob.id)
    commit = Commit()
    commit.tree = tree.id
    commit.author = commit.committer = b"Alice <alice@example.invalid>"
    commit.author_time = commit.commit_time = 1_700_000_000
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"by hand\n"
    return commit, tree, blob


def refusal(repository: Repository, pack: bytes, limits: Limits | None = None) -> str:
    """Try to take a pack in; return why not, "" when it was."""
    with quarantine(repository.root) as folder:
        try:
            take_in(io.BytesIO(pack), folder, repository, limits or Limits())
        except PackRefused as error:
            return error.message
        release(folder, repository)
    return ""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return an empty repository."""
    found = Repository(tmp_path, "alice", "hello")
    found.create()
    return found


@pytest.mark.parametrize("left_out", [0, 1, 2])
async def test_missing_object_refuses_the_push(served: Served, left_out: int) -> None:
    """A pack that lacks the commit, its tree or a file moves no ref and is not kept."""
    things = project()
    pack = packed(entry(thing) for number, thing in enumerate(things) if number != left_out)

    _, said = await served.post(update(ZEROS, things[0].id.decode()) + pack)

    assert b"ng refs/heads/main" in said
    assert b"missing" in said
    assert await served.heads() == {}
    assert not list(served.path().rglob("*.pack"))
    assert not list((served.root / ".incoming").iterdir())


async def test_whole_pack_by_hand_is_taken(served: Served) -> None:
    """The same pack with nothing left out is taken: the refusals above have their reason."""
    things = project()

    _, said = await served.post(update(ZEROS, things[0].id.decode()) + packed(map(entry, things)))

    assert b"ok refs/heads/main" in said
    assert (await served.heads())["refs/heads/main"] == things[0].id.decode()


async def test_ref_to_what_was_never_sent(served: Served) -> None:
    """An empty pack and a ref to an object nobody has: refused."""
    _, said = await served.post(update(ZEROS, "1" * 40) + packed([]))

    assert b"ng refs/heads/main missing necessary objects" in said


async def test_branch_names_a_commit(served: Served) -> None:
    """A branch can't be made to name a file."""
    things = project()

    _, said = await served.post(update(ZEROS, things[2].id.decode()) + packed(map(entry, things)))

    assert b"ng refs/heads/main a branch has to name a commit" in said


async def test_without_sideband_and_report(served: Served) -> None:
    """A client that takes neither progress nor a report is served in silence."""
    things = project()
    body = update(ZEROS, things[0].id.decode(), wishes="ofs-delta") + packed(map(entry, things))

    assert await served.post(body) == (200, b"")
    assert (await served.heads())["refs/heads/main"] == things[0].id.decode()


async def test_report_without_sideband(served: Served) -> None:
    """Without side-band the report comes as plain pkt-lines."""
    things = project()
    head = update(ZEROS, things[0].id.decode(), wishes="report-status")

    _, said = await served.post(head + packed(map(entry, things)))

    assert said == b"000eunpack ok\n0017ok refs/heads/main\n0000"


def test_refused_pack_does_not_help_a_later_one(repository: Repository) -> None:
    """What was refused is not there when the next push counts on it."""
    commit, tree, blob = project()
    assert "missing" in refusal(repository, packed([entry(tree)]))

    assert "missing" in refusal(repository, packed([entry(commit), entry(blob)]))
    assert refusal(repository, packed([entry(tree), entry(blob)])) == ""
    assert refusal(repository, packed([entry(commit)])) == ""


def test_dangling_object_is_checked_too(repository: Repository) -> None:
    """An object nobody names has to be whole as well: a later ref may name it."""
    whole = [entry(thing) for thing in project()]
    broken = Tree()
    broken.add(b"x", 0o100644, ObjectID(b"1" * 40))

    assert "missing" in refusal(repository, packed([*whole, entry(broken)]))


@pytest.mark.parametrize("name", [b"..", b".git", b"a/b", b""])
def test_names_that_lead_out(repository: Repository, name: bytes) -> None:
    """A tree with a name that would leave its folder, or be git's own, is refused."""
    blob = Blob.from_string(b"x")
    raw = b"100644 " + name + b"\0" + bytes.fromhex(blob.id.decode())
    tree = header(2, len(raw)) + zlib.compress(raw)

    assert "not whole" in refusal(repository, packed([entry(blob), tree]))


def test_object_over_the_limit(repository: Repository) -> None:
    """The size that a header promises is believed before anything is inflated."""
    limits = Limits(object=1000)
    promised = header(3, 1 << 40) + zlib.compress(b"")
    honest = header(3, 2000) + zlib.compress(bytes(2000))
    lying = header(3, 10) + zlib.compress(bytes(1_000_000))

    assert "more than" in refusal(repository, packed([promised]), limits)
    assert "more than" in refusal(repository, packed([honest]), limits)
    assert "size it says" in refusal(repository, packed([lying]), limits)


def test_delta_bomb(repository: Repository) -> None:
    """A delta of twenty bytes that would become a gigabyte is refused unread."""
    blob = Blob.from_string(b"x" * 100)
    sizes = b"\x64" + b"\xff\xff\xff\xff\x0f"  # from 100 bytes to 4 GiB
    delta = header(7, len(sizes)) + bytes.fromhex(blob.id.decode()) + zlib.compress(sizes)

    assert "more than" in refusal(repository, packed([entry(blob), delta]))


def test_total_over_the_limit(repository: Repository) -> None:
    """Many objects within the limit are refused when they are too much together."""
    many = [header(3, 900) + zlib.compress(bytes([n]) * 900) for n in range(20)]

    assert "unpacks to more" in refusal(repository, packed(many), Limits(object=1000, total=9000))
    assert "over 10" in refusal(repository, packed(many), Limits(objects=10))


@pytest.mark.parametrize(
    "pack",
    [
        b"",
        b"PACK",
        b"JUNK" + bytes(28),
        b"PACK\0\0\0\3\0\0\0\0" + bytes(20),
        packed([]) + b"more",
        packed([b"\x00"]),
        packed([header(3, 3) + b"not zlib"]),
        packed([header(6, 2) + b"\x05" + zlib.compress(b"\1\1")]),
        packed([header(7, 2) + bytes(20) + zlib.compress(b"\1\1")]),
        packed([header(3, 3) + zlib.compress(b"abc")])[:-1] + b"\0",
    ],
)
def test_damaged_packs(repository: Repository, pack: bytes) -> None:
    """Damage of every kind is one sentence, and no more than that."""
    message = refusal(repository, pack)

    assert message
    assert "\n" not in message
    assert not list(repository.objects.rglob("*.pack"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bytes_never_get_in(repository: Repository, data: st.DataObject) -> None:
    """Whatever is changed in a good pack, it is refused with a reason, not with a crash."""
    pack = bytearray(packed(map(entry, project())))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(pack) - 1))
        pack[place] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):  # with a checksum that is right again
        pack[-20:] = hashlib.sha1(pack[:-20], usedforsecurity=False).digest()
    file = io.BytesIO(pack)
    try:
        weigh(file, Limits(object=10_000))
    except PackRefused:
        return
    refusal(repository, bytes(pack), Limits(object=10_000))


def test_killed_process_leaves_nothing_for_ever(tmp_path: Path) -> None:
    """What lies in quarantine is swept away, unless somebody is at work in it."""
    left = tmp_path / ".incoming" / "left"
    left.mkdir(parents=True)
    (left / "file").write_text("x")
    with quarantine(tmp_path) as mine:
        sweep(tmp_path)

        assert not left.exists()
        assert mine.exists()
