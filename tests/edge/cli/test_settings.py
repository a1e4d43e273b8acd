"""Settings, seen by an operator who mistypes them."""

from pathlib import Path

import msgspec
import pytest

from edge.cli.settings import GROUPS, Settings, address, home_of, markdown, trusted_of
from edge.cli.variables import is_secret, load, manual, unknown, variable
from schemas.errors import SettingInvalid


def test_nothing_set_is_a_working_pushline() -> None:
    """Every setting has a default."""
    assert load(Settings, {}) == Settings()
    assert load(Settings, {"PUSHLINE_LISTEN": ""}) == Settings()


def test_values_are_converted() -> None:
    """Numbers and truths come as text; on and off are understood too."""
    environ = {
        "PUSHLINE_BUILDS": "8",
        "PUSHLINE_ALLOW_REMOTE": "on",
        "PUSHLINE_GITHUB_WEBHOOK_SHA1": "False",
        "PUSHLINE_ROOT_DOMAIN": "functions.example.org",
        "PATH": "/bin",
    }

    settings = load(Settings, environ)

    assert settings == Settings(builds=8, allow_remote=True, root_domain="functions.example.org")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUILDS", "many"),
        ("BUILDS", "0"),
        ("LISTEN", "8080"),
        ("LISTEN", "http://localhost:8080"),
        ("ROOT_DOMAIN", "Functions_Example"),
        ("LOG_LEVEL", "loud"),
        ("ALLOW_REMOTE", "perhaps"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_names_the_variable_and_the_cure(name: str, value: str) -> None:
    """The message has the variable and what was given; the hint what the setting means."""
    with pytest.raises(SettingInvalid) as caught:
        load(Settings, {f"PUSHLINE_{name}": value})

    assert caught.value.message.startswith(f"PUSHLINE_{name}: {value!r} cannot be used")
    meaning = next(row.meaning for row in manual(Settings) if row.variable == f"PUSHLINE_{name}")
    assert meaning in caught.value.hint


def test_an_unknown_variable_is_told_with_the_nearest_name() -> None:
    """A slip of the keys does not pass in silence."""
    warnings = unknown(Settings, {"PUSHLINE_BUILD": "x", "PUSHLINE_ZZZ": "1", "HOME": "/"})

    assert warnings == [
        "PUSHLINE_BUILD sets nothing; did you mean PUSHLINE_BUILDS?",
        "PUSHLINE_ZZZ sets nothing; see `pushline up --help`",
    ]


def test_secrets_are_never_shown() -> None:
    """Neither repr nor an error carries the value of a secret; the others are shown."""
    secrets = [field.name for field in msgspec.structs.fields(Settings) if is_secret(field)]
    settings = load(Settings, {variable(name): f"hush-{name}" for name in secrets})

    assert {"github_webhook_secret", "gitlab_webhook_token", "gitlab_signing_token"} < set(secrets)
    assert {"registry_password", "gateway_password", "s3_secret_key"} < set(secrets)
    assert "hush" not in repr(settings)
    assert "hush" not in f"{settings}"
    assert "github_webhook_secret=***" in repr(settings)
    assert "listen='127.0.0.1:8080'" in repr(settings)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    """Its variable with _FILE names the file; the line's end is not a part of it."""
    file = tmp_path / "token"
    file.write_text("hush\n")
    environ = {"PUSHLINE_TOKEN_FILE": str(file)}

    assert load(Settings, environ) == Settings(token="hush")
    assert unknown(Settings, environ) == []
    assert len(unknown(Settings, {"PUSHLINE_LISTEN_FILE": str(file)})) == 1


def test_a_secret_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing file, bytes that are no text, and both variables at once: each with its cure."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingInvalid, match="none cannot be read: No such file"):
        load(Settings, {"PUSHLINE_TOKEN_FILE": str(tmp_path / "none")})
    with pytest.raises(SettingInvalid, match="it is no text"):
        load(Settings, {"PUSHLINE_TOKEN_FILE": str(binary)})
    with pytest.raises(SettingInvalid, match="are both set") as caught:
        load(Settings, {"PUSHLINE_TOKEN_FILE": "/x", "PUSHLINE_TOKEN": "hush"})
    assert "hush" not in str(caught.value)


def test_a_heading_stands_before_its_first_variable() -> None:
    """The README's table is grouped, and no heading is lost."""
    lines = markdown().splitlines()

    for name, heading in GROUPS.items():
        [at] = [n for n, line in enumerate(lines) if line.startswith(f"| `{variable(name)}` |")]
        assert lines[at - 1] == f"| **{heading}** | | |"


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:80", ("localhost", 80)),
        ("[::1]:8080", ("::1", 8080)),
        ("127.1.2.3:8080", ("127.1.2.3", 8080)),
    ],
)
def test_loopback_addresses_are_taken(listen: str, expected: tuple[str, int]) -> None:
    """Whatever no other machine reaches may be listened on."""
    assert address(listen, allow_remote=False) == expected


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.168.1.7:80", "example:80"])
def test_other_addresses_need_to_be_allowed(listen: str) -> None:
    """Before sign-in exists, nobody outside is let in by accident."""
    with pytest.raises(SettingInvalid, match="nobody has to sign in") as caught:
        address(listen, allow_remote=False)

    assert "PUSHLINE_ALLOW_REMOTE=true" in caught.value.hint
    assert address(listen, allow_remote=True)[1] in {80, 8080}


def test_a_port_that_does_not_exist_is_refused() -> None:
    """65536 is no port."""
    with pytest.raises(SettingInvalid, match="no port 65536"):
        address("127.0.0.1:65536", allow_remote=False)


def test_home_is_the_setting_or_the_data_folder(tmp_path: Path) -> None:
    """The setting goes first, then XDG, and the answer is absolute."""
    data = {"XDG_DATA_HOME": str(tmp_path)}

    assert home_of(Settings(home=str(tmp_path / "a" / ".." / "b")), data) == tmp_path / "b"
    assert home_of(Settings(), data) == tmp_path / "pushline"
    assert home_of(Settings(), {}).parts[-3:] == (".local", "share", "pushline")


def test_every_setting_says_what_it_means() -> None:
    """A variable without a meaning would be no help."""
    assert all(row.meaning for row in manual(Settings))


def test_trusted_proxies_are_addresses_and_networks() -> None:
    """What is neither is refused at the start, by the variable's name, with the way to write it."""
    assert trusted_of(Settings()) == ()
    given = Settings(trusted_proxies="127.0.0.1, 10.0.0.0/8,::1")
    assert trusted_of(given) == ("127.0.0.1", "10.0.0.0/8", "::1")
    with pytest.raises(SettingInvalid, match="PUSHLINE_TRUSTED_PROXIES: proxy is neither"):
        trusted_of(Settings(trusted_proxies="127.0.0.1,proxy"))
