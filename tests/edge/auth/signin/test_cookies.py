"""Our cookies and pages as browsers are told of them."""

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest

from edge.auth.settings import AuthSettings
from edge.auth.signin.cookies import ATTEMPT, Cookies
from edge.auth.signin.reply import message, to

SECURE = Cookies(AuthSettings(root_domain="functions.example", scheme="https"))
PLAIN = Cookies(AuthSettings())


@pytest.mark.weakness(9)
@pytest.mark.parametrize("cookies", [SECURE, PLAIN])
def test_a_session_is_of_one_host_and_out_of_reach(cookies: Cookies) -> None:
    """No Domain, HttpOnly, SameSite=Lax; on https Secure and of a name that other hosts cannot set.

    Weakness 7.9 of the predecessor: its cookie was of the whole domain, and not Secure.
    """
    name, value = cookies.session("token", datetime.now(UTC) + timedelta(hours=1))
    [cookie] = SimpleCookie(value.decode()).values()

    assert name == b"set-cookie"
    assert cookie.value == "token"
    assert (cookie["domain"], cookie["path"], cookie["samesite"]) == ("", "/", "Lax")
    assert cookie["httponly"]
    assert 3590 <= int(cookie["max-age"]) <= 3600
    assert bool(cookie["secure"]) == (cookies is SECURE)
    assert cookie.key == ("__Host-pushline" if cookies is SECURE else "pushline")


@pytest.mark.weakness(2)
def test_cookies_of_one_kind_are_read_once() -> None:
    """Two of a name are none: a sibling host may have set one of them."""
    header = b"__Host-pushline-attempt=a; __Host-pushline=b"
    assert SECURE.read(header, ATTEMPT) == "a"
    assert SECURE.read(header, "") == "b"
    assert SECURE.read(header + b"; __Host-pushline=c", "") == ""
    assert PLAIN.read(header, "") == ""


def test_what_is_forgotten_ends_at_once() -> None:
    """Max-Age 0, and a date that is past for those who know no Max-Age."""
    [cookie] = SimpleCookie(PLAIN.gone()[1].decode()).values()
    assert (cookie.value, cookie["max-age"]) == ("", "0")


@pytest.mark.weakness(9)
def test_a_page_escapes_what_it_is_told() -> None:
    """Weakness 7.9 of the predecessor: a value stood unescaped within a script; code stays code."""
    reply = message("<b>", "<script>alert(1)</script>", "use `a < b`", way=('/"onload="', "<i>"))
    text = reply.body.decode()

    assert "<script>" not in text
    assert "<code>a &lt; b</code>" in text
    assert "&lt;b&gt;" in text
    assert 'href="/&#34;onload=&#34;"' in text


async def test_every_answer_is_safe_in_a_browser() -> None:
    """In nobody's frame, without script, kept by no cache; a redirect too."""
    for reply in (message("a", "b"), to("/x")):
        sent: list[dict[str, object]] = []

        async def send(part: object, sent: list[dict[str, object]] = sent) -> None:
            assert isinstance(part, dict)
            sent.append(part)

        await reply.send(send)
        headers = dict(sent[0]["headers"])  # type: ignore[call-overload] # as ASGI has them
        policy = headers[b"content-security-policy"].decode()
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers[b"x-frame-options"] == b"DENY"
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"referrer-policy"] == b"same-origin"
