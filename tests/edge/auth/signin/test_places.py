"""Where somebody who signed in may be led, on plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.auth.signin.attempt import Destination
from edge.auth.signin.errors import AddressForeign
from edge.auth.signin.places import Places, path_of, to_login

PLACES = Places.of(
    "https://functions.example:8443",
    "functions.example",
    tenant=lambda label: label == "alice",
    mapped=lambda host: host == "shop.example.com",
)
PROOF = "p" * 43


@pytest.mark.parametrize("path", ["/", "/a", "/a/b?c=d&e=%2F%2Fevil", "/a//b", "/?r=/x", "/%5C"])
def test_a_path_of_ours_stays(path: str) -> None:
    """With its query, as it was asked for."""
    assert path_of(path) == path


@pytest.mark.weakness(9)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\\b",
        "/a b",
        "/\t/evil.example",
        "/\r\nX: y",
        "/é",
        "/" + "a" * 3000,
    ],
)
def test_whatever_a_browser_could_take_for_elsewhere_is_the_front_page(text: str) -> None:
    """Weakness 7.9 of the predecessor: its ``r`` led anywhere."""
    assert path_of(text) == "/"


@given(st.text(alphabet="/\\.:?#@%\t\r\n ahttps", max_size=12))
def test_no_text_leads_away(text: str) -> None:
    """Whatever is let through begins with one slash, and has nothing that browsers drop."""
    path = path_of(text)
    assert path == "/" or (path[0] == "/" and path[1] not in "/\\")
    assert not set(path) & set("\\\t\r\n ")


@pytest.mark.weakness(9)
@pytest.mark.parametrize(
    "host",
    ["alice.functions.example", "p-1--alice.functions.example", "shop.example.com"],
)
def test_hosts_that_are_served_are_led_back_to(host: str) -> None:
    """A tenant's, a preview's, and one of the operator's own; of our scheme, at our port."""
    wanted = PLACES.destination({"r": "/a?b", "host": host, "proof": PROOF})

    assert wanted == Destination("/a?b", host, PROOF)
    assert PLACES.of_host(host, "/x") == f"https://{host}:8443/x"


@pytest.mark.weakness(9)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "bob.functions.example",
        "functions.example",
        "system.functions.example",
        "alice.functions.example.evil.example",
        "evil.example/alice.functions.example",
        "x.alice.functions.example",
        "alice.functions.example:80",
    ],
)
def test_other_hosts_are_not(host: str) -> None:
    """Nobody's, another's, our own, and what only looks like a tenant's."""
    with pytest.raises(AddressForeign):
        PLACES.destination({"r": "/", "host": host, "proof": PROOF})


@pytest.mark.parametrize("proof", ["", "short", "p" * 44, "p" * 42 + "/"])
def test_a_host_without_a_proof_is_handed_nothing(proof: str) -> None:
    """Only a browser that was led here by that host has one."""
    with pytest.raises(AddressForeign):
        PLACES.destination({"host": "alice.functions.example", "proof": proof})


def test_beginning_again_keeps_the_destination() -> None:
    """What a page's link says is what the next request reads."""
    assert to_login(Destination("/a?b=c")) == "/login?r=%2Fa%3Fb%3Dc"
    assert PLACES.system_host == "system.functions.example"
