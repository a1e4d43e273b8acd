"""A build's lines, as they may be shown for ever."""

import pytest

from consumers.builder.log import LINE, printable


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Looking in https://user:s3cr3t@host/simple", "Looking in https://***@host/simple"),
        ("git clone https://ghp_s3cr3t@host/a.git", "git clone https://***@host/a.git"),
        ("a http://u:s3cr3t@h b ssh://k:s3cr3t@h", "a http://***@h b ssh://***@h"),
        ("https://host/@scope/package?a=b@c", "https://host/@scope/package?a=b@c"),
        ("mail alice@example.com", "mail alice@example.com"),
        ("red \x1b[1;31mtext\x1b[0m\x07", "red text"),
        ("https://user:s3\x1b[0mcr3t@host/", "https://***@host/"),
    ],
)
def test_a_line_is_safe_to_show(line: str, shown: str) -> None:
    """No control characters, and no user or password before the host of a URL."""
    assert printable(line) == shown


def test_a_password_is_hidden_before_the_line_is_cut() -> None:
    """A URL over the end of what is kept loses its password, not its end alone."""
    shown = printable("x" * (LINE - 20) + " https://user:s3cr3t@host/")

    assert len(shown) <= LINE
    assert "user" not in shown
