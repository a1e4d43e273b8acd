"""`pushline secrets` against a whole Pushline, as its user types it."""

import asyncio
import contextlib
import json
import os
import pty
import select
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from bus.connection import connect
from bus.server import credentials
from bus.settings import BusSettings
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets
from schemas.envelope import Aggregate
from schemas.events.secret import SecretBound
from schemas.secrets import Scope
from tests.laptop import (
    HELLO,
    PATIENCE,
    PUSHLINE,
    ROOT,
    Laptop,
    commit,
    laptop,
    repository,
)

CANARY: Final = "CANARY-a-value-that-nobody-may-find"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Yield a Pushline that the tests of this file share."""
    with laptop(tmp_path_factory.mktemp("secrets")) as running:
        yield running


def say(here: Laptop, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `pushline secrets` with something on its standard input."""
    return subprocess.run(
        [*PUSHLINE, "secrets", *arguments, "--home", str(here.home)],
        cwd=ROOT,
        input=given,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@contextlib.asynccontextmanager
async def store(here: Laptop) -> AsyncIterator[Secrets]:
    """Yield the store as builder and deployer have it."""
    passwords = credentials(here.home / "nats" / "credentials.json")
    settings = BusSettings(
        nats_url=here.endpoint()["log"],
        user="platform",
        password=passwords["platform"],
        home=here.home,
    )
    async with connect(settings, name="test") as bus:
        yield Secrets(bus.log, bus.blobs, KeyFile(here.home / "secrets"))


def opened(here: Laptop, of: str, *names: str) -> list[str]:
    """Return what a project of the local forge gets."""

    async def values() -> list[str]:
        async with store(here) as secrets:
            owner = of.partition("/")[0]
            found = [await secrets.open("local", of, owner, name) for name in names]
            return [(value or b"").decode() for value in found]

    return asyncio.run(values())


def test_a_value_comes_from_standard_input_and_is_listed_by_name(here: Laptop) -> None:
    """The line break that echo adds is no part of it; who set it is the user of this machine."""
    done = say(here, "set", "ann/shop", "npm-token", "--forge", "local", given="value\n")
    again = say(here, "set", "ann/shop", "npm-token", given="two\nlines\n")
    table = say(here, "ls", "ann/shop").stdout
    [row] = [json.loads(line) for line in say(here, "ls", "ann", "--json").stdout.splitlines()]

    assert (done.returncode, done.stdout) == (0, "npm-token is set for ann/shop\n")
    assert again.returncode == 0  # the forge is known by now
    assert opened(here, "ann/shop", "npm-token") == ["two\nlines"]
    assert table.startswith(
        "OF\tNAME\tFORGE\tFOR\tSET\tBY\tKEY\nann/shop\tnpm-token\tlocal\tproduction\t"
    )
    assert (row["of"], row["name"], bool(row["by"])) == ("ann/shop", "npm-token", True)


def test_what_a_repository_seals_is_told_apart(here: Laptop) -> None:
    """With the commit that it comes from and its keys, in the columns of whoever set and sealed."""
    of = Aggregate("local", "joe/shop", "secret", "openfaas-fn/joe-db")
    bound = SecretBound(
        "joe-db", "openfaas-fn", ("pin", "url"), "sha256:" + "0" * 64, f"abc1234{0:033}"
    )

    async def bind() -> None:
        async with store(here) as secrets:
            await secrets.events.append(bound, of=of, id="bound", name="joe/shop", actor="secrets")

    asyncio.run(bind())
    rows: list[str] = []

    def listed() -> bool:
        rows[:] = say(here, "ls", "joe").stdout.splitlines()[1:]
        return bool(rows)

    here.wait(listed, "it is listed")
    [row] = rows

    assert row.startswith("joe/shop\tjoe-db\tlocal\tproduction\t")
    assert row.endswith("\tsecrets.yml of abc1234\tsealed: pin, url")


def test_a_file_is_taken_byte_by_byte(here: Laptop, tmp_path: Path) -> None:
    """A key file ends with a line break, and has to."""
    (tmp_path / "key.pem").write_text("key\n")

    done = say(here, "set", "ben/shop", "key", "--from-file", f"{tmp_path}/key.pem", "--forge",
               "local")  # fmt: skip
    missing = say(here, "set", "ben/shop", "key", "--from-file", f"{tmp_path}/none")

    assert done.returncode == 0
    assert opened(here, "ben/shop", "key") == ["key\n"]
    assert missing.returncode == 1
    assert "--from-file" in missing.stderr


def test_a_tenants_secret_is_said_to_be_of_all_its_projects(here: Laptop) -> None:
    """Nobody sets one for all without noticing; removing it says the same."""
    done = say(here, "set", "cid", "api-key", "--forge", "local", given="x")
    gone = say(here, "rm", "cid", "api-key")
    again = say(here, "rm", "cid", "api-key", "--forge", "local")

    assert done.stdout == "api-key is set for all projects of cid\n"
    assert gone.stdout == "api-key is gone from all projects of cid\n"
    assert (again.returncode, again.stderr) == (
        1,
        "error: cid has no secret api-key\n  `pushline secrets ls` shows all of them\n",
    )


def test_a_sealed_text_may_be_committed_and_set_later(here: Laptop, tmp_path: Path) -> None:
    """Made with or without a running Pushline; it is for its place and name alone."""
    (tmp_path / "key.json").write_text(say(here, "public-key").stdout)
    asked = say(here, "seal", "dan/shop", "db", "--forge", "local", given=CANARY)
    apart = say(
        Laptop(tmp_path / "no-home"), "seal", "dan/shop", "db", "--forge", "local",
        "--key", f"{tmp_path}/key.json", given=f"{CANARY}\n",
    )  # fmt: skip

    for text in (asked.stdout, apart.stdout):
        assert text.startswith("pushline-sealed-1.")
        assert CANARY not in text
        taken = say(here, "set", "dan/shop", "db", "--sealed", "--forge", "local", given=text)
        assert taken.returncode == 0
        assert opened(here, "dan/shop", "db") == [CANARY]
    stolen = say(here, "set", "eve/shop", "db", "--sealed", "--forge", "local", given=asked.stdout)
    assert stolen.returncode == 1
    assert "for db of local dan/shop, not for db of local eve/shop" in stolen.stderr


def test_on_a_terminal_the_value_is_asked_for_and_not_shown(here: Laptop) -> None:
    """What is typed does not come back."""
    child, terminal = pty.fork()
    if not child:  # pragma: no cover - the other process
        os.chdir(ROOT)
        arguments = ("secrets", "set", "fay", "pin", "--forge", "local", "--home", str(here.home))
        os.execv(PUSHLINE[0], [*PUSHLINE, *arguments])  # noqa: S606 - with a terminal of its own
    shown, typed = b"", False
    with contextlib.suppress(OSError):  # the terminal's end
        while select.select([terminal], [], [], PATIENCE)[0]:
            shown += os.read(terminal, 4096)
            if b"pin of fay: " in shown and not typed:
                typed = os.write(terminal, f"{CANARY}\n".encode()) > 0
    _, status = os.waitpid(child, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert b"pin is set for all projects of fay" in shown
    assert CANARY.encode() not in shown
    assert opened(here, "fay/any", "pin") == [CANARY]


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (("set", "gus/shop", "NPM_TOKEN"), "x", "small letters"),
        (("set", "gus/shop", "npm"), "x", "--forge local"),
        (("set", "gus/shop", "npm", "--forge", "local"), "", "value: it is empty"),
        (("set", "gus/shop", "npm", "--forge", "local"), "x" * 70_000, "over 64 KiB"),
        (("set", "gus/shop", "npm", "--sealed", "--forge", "local"), "x", "not a sealed text"),
        (("seal", "gus/shop", "npm", "--key", "/nonexistent", "--forge", "local"), "x", "--key"),
        (("rm", "gus/shop", "npm", "--forge", "cvs"), "", "github, gitlab, local"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_cure(
    here: Laptop, arguments: tuple[str, ...], given: str, words: str
) -> None:
    """Exit code 1, and one sentence that names what is wrong."""
    done = say(here, *arguments, given=given)

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.startswith("error: ")


STACK: Final = HELLO + "    secrets: [pin]\n"
READS: Final = """\
import os
from pathlib import Path


def handle(event, context):
    print("a line of the function's log")
    same = Path("/run/secrets/ida-pin").exists() or "PUSHLINE_SECRETS" in os.environ
    return f"{len(Path(os.environ['PUSHLINE_SECRETS'], 'pin').read_text())} letters, {same}"
"""


def test_a_push_that_lacks_a_secret_is_told_and_comes_alive_once_it_is_set(
    here: Laptop, tmp_path: Path
) -> None:
    """Told with line and command before anything is built; set and run again, it reads its file."""
    work = repository(tmp_path / "work", {"hello/handler.py": READS}, STACK)

    lacking = here.push(work, "ida/hello")
    say(here, "set", "ida/hello", "pin", given=CANARY)
    commit(work, {"README.md": "again"})
    here.push(work, "ida/hello")
    asyncio.run(here.answers("hello", f"{len(CANARY)} letters, True", label="ida"))

    told = "stack.yml:9: functions.hello.secrets[0]: there is no secret pin"
    assert f"{told} (pushline secrets set ida/hello pin)" in lacking
    assert not [event for event in here.events() if CANARY in json.dumps(event)]
    files = [file for file in here.home.rglob("*") if file.is_file() and not file.is_symlink()]
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]


def test_keys_that_others_may_read_are_refused(here: Laptop) -> None:
    """The user is told the file and the command that cures it."""
    keys = here.home / "secrets" / "keys.json"
    say(here, "public-key")
    keys.chmod(0o644)
    try:
        done = say(here, "set", "hal", "pin", "--forge", "local", given="x")
    finally:
        keys.chmod(0o600)

    assert done.returncode == 1
    assert f"chmod 600 {keys}" in done.stderr


async def fill(here: Laptop, names: list[str]) -> None:
    """Set secrets of ann's shop, each to its own name."""
    async with store(here) as secrets:
        for name in names:
            await secrets.put(Scope("local", "ann/shop", "ann/shop"), name, name.encode(), by="ann")


def test_a_rotation_that_was_killed_goes_on(tmp_path: Path) -> None:
    """`up` is killed while there are two keys; the next rotation ends with one, and all open."""
    names = [f"name-{number}" for number in range(60)]
    with laptop(tmp_path) as here:
        asyncio.run(fill(here, names))
        keys = KeyFile(here.home / "secrets")
        rotating = subprocess.Popen(
            [*PUSHLINE, "secrets", "rotate", "--home", str(here.home)], cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        here.wait(lambda: len(keys.ring().keys) == 2, "two keys")
        here.kill()
        rotating.wait(PATIENCE)
        here.start()

        assert opened(here, "ann/shop", *names) == names
        done = say(here, "rotate")
        assert done.stdout.startswith("went on with a rotation that had been cut short\n")
        assert len(keys.ring().keys) == 1
        assert opened(here, "ann/shop", *names) == names


def test_a_value_is_found_nowhere(tmp_path: Path) -> None:
    """Set, replaced, rotated, removed: not in the home, the log, the record or any output."""
    with laptop(tmp_path) as here:
        said = [
            say(here, "set", "ann/shop", "npm", "--forge", "local", given=CANARY),
            say(here, "set", "ann/shop", "npm", given=f"{CANARY}-2"),
            say(here, "set", "ann", "npm", given=CANARY),
            say(here, "seal", "ann/shop", "npm", "--forge", "local", given=CANARY),
            say(here, "set", "ann/shop", "npm", "--sealed", given=f"pushline-sealed-1.{CANARY}"),
            say(here, "rotate"),
            say(here, "rm", "ann", "npm"),
            say(here, "ls", "--json"),
        ]
        events = here.events()
        record = here.pushline("audit", "tail", "--json")
        blobs = here.home / "blobs"
        here.wait(lambda: len([p for p in blobs.rglob("*") if p.is_file()]) == 1, "void blobs go")

    assert [each.returncode for each in said] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert len([event for event in events if ".secret." in json.dumps(event)]) > 0
    everything = [f"{each.stdout} {each.stderr}" for each in said]
    everything += [json.dumps(events), record, here.log()]
    everything += [
        path.read_bytes().decode("latin-1") for path in here.home.rglob("*") if path.is_file()
    ]
    assert len(everything) > 15
    assert not [text for text in everything if CANARY in text]
