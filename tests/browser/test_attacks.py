"""What others try on somebody who signs in: wrong states, stolen codes, foreign pages.

Weakness 7.9 of the predecessor (state never compared, ``r`` unescaped, cookies everywhere), 7.2 (an
unverified cookie) and 7.10 (what is replayed) each have a test here that says so.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from edge.auth.claims import claims
from edge.auth.signing import SigningFile
from tests.browser.town import Town

REFUSED = "You are not signed in"


def signed_in(here: Town, page: Page) -> bool:
    """Tell whether our own host knows this browser."""
    page.goto(here.system("/session"))
    return page.get_by_role("heading", name="You are signed in").is_visible()


def come_back(here: Town, page: Page, login: str = "alice") -> str:
    """Begin at GitHub; return the address that its answer would lead the browser to."""
    page.goto(here.system("/login"))
    page.get_by_role("link", name="Sign in with GitHub").click()
    return here.github.approve(next(reversed(here.github.asked)), login)


def put(window: BrowserContext, host: str, value: str) -> None:
    """Put a session cookie into a browser."""
    window.add_cookies([{"name": "pushline", "value": value, "domain": host, "path": "/"}])


def taken(window: BrowserContext, host: str) -> str:
    """Return the session cookie that a browser has of a host."""
    ours = [one for one in window.cookies() if (one["domain"], one["name"]) == (host, "pushline")]
    return ours[0]["value"]


@pytest.mark.weakness(9)
def test_another_state_is_refused(here: Town, page: Page) -> None:
    """Weakness 7.9: an answer that somebody else began signs nobody in (login CSRF)."""
    back = come_back(here, page)
    state = back.partition("state=")[2].partition("&")[0]

    page.goto(back.replace(state, "A" * len(state)))

    assert page.get_by_role("heading", name=REFUSED).is_visible()
    assert not signed_in(here, page)


@pytest.mark.weakness(9)
def test_an_attackers_answer_signs_a_victim_in_nowhere(
    here: Town, page: Page, other: BrowserContext
) -> None:
    """Weakness 7.9: the attacker's own code, in a browser that has begun nothing, or its own."""
    back = come_back(here, page, "mallory")
    victim = other.new_page()

    victim.goto(back)
    assert victim.get_by_role("heading", name=REFUSED).is_visible()

    come_back(here, victim)
    victim.goto(back)
    assert victim.get_by_role("heading", name=REFUSED).is_visible()
    assert not signed_in(here, victim)


@pytest.mark.weakness(10)
def test_an_answer_is_good_once(here: Town, page: Page, other: BrowserContext) -> None:
    """Weakness 7.10: replayed in the same browser with its cookie back, it makes no session."""
    back = come_back(here, page)
    kept = page.context.cookies()
    page.goto(back)
    assert signed_in(here, page)

    other.add_cookies(kept)  # type: ignore[arg-type] # cookies as they were read
    thief = other.new_page()
    thief.goto(back)

    assert thief.get_by_role("heading", name=REFUSED).is_visible()
    assert not signed_in(here, thief)


def test_a_code_of_another_client_is_refused(here: Town, page: Page) -> None:
    """A code that was made for another application of the same provider is worth nothing here."""
    back = come_back(here, page)
    theirs = here.github.client("theirs", back.partition("?")[0])
    code = back.partition("code=")[2].partition("&")[0]
    here.github.codes[code].client = theirs.id

    page.goto(back)

    assert page.get_by_role("heading", name=REFUSED).is_visible()
    assert "does not know this code" in page.content()


FOREIGN = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/\t/evil.example/",
    "javascript:alert(1)",
    "/\r\nSet-Cookie: a=b",
    "http:evil.example",
)


@pytest.mark.weakness(9)
def test_a_foreign_return_address_is_not_followed(here: Town, page: Page) -> None:
    """Weakness 7.9: whoever is signed in, now or before, ends at our own host, nowhere else."""
    page.goto(here.system(f"/login?r={quote(FOREIGN[0], safe='')}"))
    here.approve(page, "github", "alice")
    assert page.url == here.system("/")

    for foreign in FOREIGN[1:]:
        page.goto(here.system(f"/login?r={quote(foreign, safe='')}"))
        assert page.url == here.system("/")
    assert {cookie["name"] for cookie in page.context.cookies()} == {"pushline"}


def test_a_foreign_host_is_handed_no_session(here: Town, page: Page) -> None:
    """A grant is for hosts that are served here; of the page nothing is script."""
    proof = "A" * 43
    for host in ("evil.example", "evil.example.localhost", "system.localhost", "<script>"):
        answer = page.goto(here.system(f"/login?host={quote(host)}&proof={proof}&r=/"))
        assert answer is not None
        assert answer.status == 400
    assert "<script>" not in page.content()


def test_a_grant_is_for_one_browser_once(
    here: Town, page: Page, window: BrowserContext, other: BrowserContext
) -> None:
    """Stolen on its way, it fits no other browser; used by its own, it fits none."""
    page.goto(here.function("/signed"))
    asked = page.url.replace("system.localhost", "127.0.0.1")  # which a library finds by itself
    here.sign_in(page, "github", "alice")
    cookie = f"pushline={taken(window, 'system.localhost')}"
    answer = httpx.get(
        asked, headers={"Host": f"system.localhost:{here.here.port}", "Cookie": cookie}
    )
    grant = answer.headers["location"]

    thief = other.new_page()
    thief.goto(grant)
    assert thief.get_by_role("heading", name=REFUSED).is_visible()
    assert other.cookies() == []

    page.goto(grant)
    assert page.url == here.function("/signed")
    page.goto(grant)
    assert page.get_by_role("heading", name=REFUSED).is_visible()


def test_an_expired_session_leads_to_sign_in(
    here: Town, page: Page, window: BrowserContext
) -> None:
    """Also one that was signed by our own key, for a session that is open."""
    here.sign_in(page, "github", "alice")
    body = jwt.decode(taken(window, "system.localhost"), options={"verify_signature": False})
    [key] = SigningFile(here.here.home / "secrets").read()
    then = datetime.now(UTC) - timedelta(hours=2)
    said = claims(
        issuer=body["iss"],
        host="system.localhost",
        user=body["sub"],
        session=body["sid"],
        now=then,
        until=then + timedelta(hours=1),
    )

    put(window, "system.localhost", key.sign(said))
    assert not signed_in(here, page)

    put(window, "system.localhost", key.sign({**body, "exp": body["exp"]}))  # the same, in time
    assert signed_in(here, page)


def forgeries(good: str) -> dict[str, str]:
    """Return tokens that say what a good one says, without our signature."""
    body: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
    head = jwt.get_unverified_header(good)
    kid = {"kid": head["kid"]}
    public = json.dumps(body["iss"])
    flipped = base64.urlsafe_b64encode(json.dumps({**body, "sub": "github:9"}).encode())
    first, _, last = good.split(".")
    return {
        "unsigned": jwt.encode(body, "", algorithm="none", headers=kid),
        "shared secret": jwt.encode(body, public * 3, algorithm="HS256", headers=kid),
        "somebody else": f"{first}.{flipped.rstrip(b'=').decode()}.{last}",
        "no token": "x.eyJzdWIiOiJnaXRodWI6OSJ9.y",
    }


@pytest.mark.weakness(2)
def test_a_forged_cookie_is_nobodys(here: Town, page: Page, window: BrowserContext) -> None:
    """Weakness 7.2: what a cookie says counts only under our own signature."""
    here.sign_in(page, "github", "alice")
    for forged in forgeries(taken(window, "system.localhost")).values():
        put(window, "system.localhost", forged)
        assert not signed_in(here, page)


def test_a_cookie_is_good_at_its_own_host_alone(
    here: Town, page: Page, window: BrowserContext
) -> None:
    """A function that got hold of its visitor's cookie could do nothing at ours with it."""
    here.sign_in(page, "oidc", "alice")
    page.goto(here.function("/members"))
    own, theirs = taken(window, "system.localhost"), taken(window, "alice.localhost")
    assert own != theirs

    put(window, "system.localhost", theirs)
    assert not signed_in(here, page)

    window.clear_cookies()
    put(window, "alice.localhost", own)
    page.goto(here.function("/members"))
    assert page.get_by_role("heading", name="Sign in").is_visible()


def test_no_cookie_of_ours_reaches_a_function(
    here: Town, page: Page, window: BrowserContext
) -> None:
    """An open function of the same host sees its visitor's other cookies only."""
    here.sign_in(page, "oidc", "alice")
    page.goto(here.function("/members"))
    window.add_cookies([{"name": "theirs", "value": "1", "domain": "alice.localhost", "path": "/"}])

    page.goto(here.function("/echo"))

    headers = {
        name.lower(): value
        for name, value in json.loads(page.inner_text("body"))["headers"].items()
    }
    assert headers["cookie"] == "theirs=1"
    assert taken(window, "alice.localhost") not in page.content()


def test_signing_out_everywhere_ends_all_browsers(
    here: Town, page: Page, other: BrowserContext
) -> None:
    """Within a second, at every host, in the browser of somebody's other machine too."""
    away = other.new_page()
    for one in (page, away):
        here.sign_in(one, "gitlab", "alice")
        one.goto(here.function("/signed"))
        assert one.url == here.function("/signed")

    page.goto(here.system("/session"))
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()

    assert not signed_in(here, away)
    away.goto(here.function("/signed"))
    assert away.get_by_role("heading", name="Sign in").is_visible()


def test_a_tenants_page_changes_nothing_in_ones_name(here: Town, page: Page) -> None:
    """A form of a function's page that posts to our own host is refused: one stays signed in."""
    here.sign_in(page, "github", "alice")
    target = quote(here.system("/logout"), safe="")

    with page.expect_response(here.system("/logout")) as answer:
        page.goto(here.function(f"/evil/post?to={target}"))

    assert answer.value.status == 403
    assert signed_in(here, page)


def test_our_pages_are_in_nobodys_frame(here: Town, page: Page) -> None:
    """A page that would have its visitor click on ours unseen gets no frame (clickjacking)."""
    here.sign_in(page, "github", "alice")

    page.goto(here.function(f"/evil/frame?to={quote(here.system('/session'), safe='')}"))
    page.wait_for_load_state("networkidle")

    assert "framed" in page.content()
    assert "You are signed in" not in "".join(frame.content() for frame in page.frames)
