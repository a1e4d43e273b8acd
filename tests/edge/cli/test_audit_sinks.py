"""The file of the audit's sinks: read once, secrets apart, errors that name field and cure."""

from pathlib import Path

import pytest

from edge.cli import audit_sinks
from schemas.errors import SettingInvalid

WHOLE = """
[[sink]]
name = "screen"
kind = "stdout"
events = ["session.*", "token.*"]

[[sink]]
name = "files"
kind = "file"
path = "/var/log/pushline/audit.jsonl"
rotate_mib = 10

[[sink]]
name = "archive"
kind = "s3"
bucket = "audit"
endpoint = "https://s3.example"
access_key_file = "{folder}/access"
secret_key_file = "{folder}/key"
begin = "first"

[[sink]]
name = "chat"
kind = "slack"
url_file = "{folder}/slack"
projects = ["alice/shop"]

[[sink]]
name = "siem"
kind = "http"
url = "https://siem.example/in"
secret_file = "{folder}/key"
"""


def written(folder: Path, text: str) -> str:
    """Write a file of sinks, and what it names."""
    (folder / "access").write_text("ACCESS\n")
    (folder / "key").write_text("a-key-of-sixteen-letters\n")
    (folder / "slack").write_text("https://hooks.example/services/T/B/x\n")
    (folder / "sinks.toml").write_text(text.replace("{folder}", str(folder)))
    return str(folder / "sinks.toml")


def test_every_kind_is_read(tmp_path: Path) -> None:
    """One of each, ready to run; a secret is in its file, and in no repr."""
    path = written(tmp_path, WHOLE)

    found = audit_sinks.load(path)

    assert [(sink.name, sink.__struct_config__.tag) for sink in found] == [
        ("screen", "stdout"), ("files", "file"), ("archive", "s3"), ("chat", "slack"),
        ("siem", "http"),
    ]  # fmt: skip
    shown = repr(found) + repr([one.settings for one in audit_sinks.sending(path)])
    assert "a-key" not in shown
    assert "hooks.example" not in shown
    assert "ACCESS" not in shown


def test_no_file_is_no_sinks(tmp_path: Path) -> None:
    """An empty setting, and an empty file."""
    assert audit_sinks.load("") == ()
    assert audit_sinks.load(written(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[sink]]\nname = "a"\nkind = "pigeon"', "pigeon"),
        ('[[sink]]\nname = "a"\nkind = "stdout"\ncolour = "red"', "colour"),
        ('[[sink]]\nname = "a"\nkind = "file"', "path"),
        ('[[sink]]\nname = "A b"\nkind = "stdout"', "name"),
        (
            '[[sink]]\nname = "a"\nkind = "http"\nurl = "ftp://x"\nsecret = "0123456789abcdef"',
            "url",
        ),
        ('[[sink]]\nname = "a"\nkind = "http"\nurl = "http://x"\nsecret = "short"', "secret"),
        ('[[sink]]\nname = "a"\nkind = "slack"\nurl_file = "/nowhere"', "/nowhere cannot be read"),
        ('[[sink]]\nname = "a"\nkind = "slack"\nurl = "http://x"\nurl_file = "/x"', "both set"),
        ('sink = "a"', "list of tables"),
        ('[sink]\nname = "a"', "list of tables"),
        ("[[sink", "cannot be read"),
        (
            '[[sink]]\nname = "a"\nkind = "stdout"\n[[sink]]\nname = "a"\nkind = "stdout"',
            "same name",
        ),
        ('[[sink]]\nname = "a"\nkind = "stdout"\nurl_files = "/x"', "url_files"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, says: str) -> None:
    """The setting, the field, and never a secret's value."""
    with pytest.raises(SettingInvalid, match=says) as raised:
        audit_sinks.load(written(tmp_path, text))

    assert "PUSHLINE_AUDIT_SINKS" in raised.value.message
    assert raised.value.hint
    assert "short" not in str(raised.value).replace("shorter", "")


def test_a_missing_file_says_which() -> None:
    """It is read at the start, so that a slip shows at once."""
    with pytest.raises(SettingInvalid, match=r"/nowhere/sinks\.toml cannot be read: No such file"):
        audit_sinks.load("/nowhere/sinks.toml")
