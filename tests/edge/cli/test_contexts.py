"""Contexts: where commands go, and who may read the tokens for it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.cli import contexts, settings, where
from edge.cli.contexts import Context, ContextInvalid, Contexts, ContextsUnsafe, ContextUnknown
from edge.cli.home import Endpoint, NotRunning
from edge.cli.main import run
from edge.cli.where import At
from schemas.errors import SettingInvalid

PROD = Context(url="https://system.example.org", token="plt_s3cret", login="github:alice")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of contexts of a user of this test's own, with two in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("PUSHLINE_HOME", "PUSHLINE_NATS_URL", "PUSHLINE_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config" / "pushline" / "contexts.json"
    with contexts.changing(file) as change:
        change.to(change.now.with_one("staging", Context(url="https://staging", token="t")))
        change.to(change.now.with_one("prod", PROD))
    return file


def test_the_file_is_its_user_s_alone(file: Path) -> None:
    """0600 in a folder of 0700; one that others could read is refused, with the cure."""
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.chmod(0o640)

    with pytest.raises(ContextsUnsafe, match="can be read by others") as caught:
        contexts.read(file)
    assert "chmod 600" in caught.value.hint


def test_what_is_damaged_says_so_and_shows_nothing(file: Path) -> None:
    """The error names the file; no token is in it."""
    file.write_text('{"contexts": {"prod": {"token": "plt_s3cret"')
    with pytest.raises(ContextsUnsafe) as caught:
        contexts.read(file)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(PROD)


def test_commands_at_the_same_moment_lose_nothing(file: Path) -> None:
    """Each holds the file while it changes it."""

    def add(number: int) -> None:
        with contexts.changing(file) as change:
            change.to(change.now.with_one(f"c{number}", PROD))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(16)))

    assert len(contexts.read(file).contexts) == 18


def test_what_is_said_first_counts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option, PUSHLINE_CONTEXT, PUSHLINE_HOME, the current context, this user's home."""
    assert where.target(At(context="staging")).url == "https://staging"
    assert where.target(At()) == PROD
    with pytest.raises(NotRunning, match="data/pushline"):
        where.target(At(home=tmp_path / "data" / "pushline"))
    monkeypatch.setenv("PUSHLINE_HOME", str(tmp_path / "other"))
    with pytest.raises(NotRunning, match="other"):
        where.target(At())
    monkeypatch.setenv("PUSHLINE_CONTEXT", "staging")
    assert where.target(At()).url == "https://staging"
    with pytest.raises(SettingInvalid, match="two places"):
        where.target(At(home=tmp_path, context="prod"))
    monkeypatch.delenv("PUSHLINE_HOME")
    monkeypatch.delenv("PUSHLINE_CONTEXT")
    with contexts.changing(file) as change:
        change.to(change.now.using(""))
    with pytest.raises(NotRunning, match="data/pushline"):
        where.target(At())


def test_a_log_apart_is_met_by_its_edge(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that name one count before the current context."""
    assert contexts.read(file).current == "prod"
    monkeypatch.setenv("PUSHLINE_NATS_URL", "nats://127.0.0.1:4222")
    assert isinstance(where.target(At()), Endpoint)
    assert not settings.current()[1]


@pytest.mark.usefixtures("file")
def test_contexts_are_listed_chosen_and_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    """No command shows a token."""
    assert run(["context", "ls", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["name"], row["current"]) for row in rows] == [("prod", True), ("staging", False)]
    assert run(["context", "use", "staging"]) == 0
    assert run(["context", "show"]) == 0
    assert run(["context", "show", "prod"]) == 0
    assert run(["context", "rm", "staging"]) == 0
    assert run(["context", "show"]) == 0
    assert run(["context", "use", "gone"]) == 1

    said = capsys.readouterr()
    assert "commands go to https://staging" in said.out
    assert "prod: https://system.example.org as github:alice" in said.out
    assert said.out.splitlines()[-1].startswith("commands go to this machine's home")
    assert "there is no context gone" in said.err
    assert "there are: prod" in said.err
    assert "s3cret" not in said.out + said.err


@pytest.mark.usefixtures("file")
def test_an_address_that_does_not_answer_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """And not that `up` should be started here."""
    assert run(["login", "http://localhost:1"]) == 1
    said = capsys.readouterr().err
    assert "http://localhost:1 does not answer" in said
    assert "pushline up" not in said


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("system.example.org", "https://system.example.org"),
        ("https://System.Example.org/", "https://system.example.org"),
        ("https://example.org:8443", "https://example.org:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://system.localhost:8080", "http://system.localhost:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_are_spelt_one_way(text: str, url: str) -> None:
    """Without a path; https unless it is this machine."""
    assert contexts.checked_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://example.org",
        "http://localhost.example.org",
        "https://alice@example.org",
        "https://example.org/login",
        "https://example.org?x",
        "ftp://example.org",
        "https://example.org:port",
    ],
)
def test_tokens_do_not_go_anywhere(text: str) -> None:
    """Not in the clear, not to what is no plain address."""
    with pytest.raises(ContextInvalid):
        contexts.checked_url(text)


def test_names_and_their_absence() -> None:
    """A name is pasted into the next command; an unknown one names those that there are."""
    with pytest.raises(ContextInvalid):
        Contexts().with_one("a b", PROD)
    with pytest.raises(ContextUnknown, match="there is no context x"):
        Contexts().using("x")
    assert Contexts().with_one("a", PROD).without("a").current == ""
