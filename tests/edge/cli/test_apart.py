"""What settings make of a process apart; names and URLs as people and processes see them."""

from pathlib import Path

import pytest

from edge.cli import apart
from edge.cli.settings import Settings, public_of
from edge.cli.up import remote
from schemas.errors import SettingInvalid

LOG = "nats://10.0.0.1:4222,nats://10.0.0.2:4222"


def told(**more: str) -> Settings:
    """Return settings of an installation with a log of its own."""
    known = {
        "builder": "buildkit",
        "platform": "openfaas",
        "blobs": "s3",
        "nats_url": LOG,
        "nats_password": "hush",
        "token": "hush-token",
        "root_domain": "faas.example.org",
        "edge_address": "edge:8081",
    }
    return Settings(**known | more)  # type: ignore[arg-type] # texts only


def test_each_command_is_a_role_of_the_log(tmp_path: Path) -> None:
    """The user is the role, unless said otherwise; a log without passwords knows no users."""
    assert apart.log_of(told(), "router", tmp_path).user == "router"
    assert apart.log_of(told(nats_user="mine"), "router", tmp_path).user == "mine"
    assert apart.log_of(told(nats_password=""), "router", tmp_path).user == ""
    assert apart.log_of(told(), "router", tmp_path).nats_url == LOG


def test_people_and_processes_see_their_own_names(tmp_path: Path) -> None:
    """Source and router meet the edge by its address, people by the public URL."""
    chosen = told(public_url="https://faas.example.org/")

    made = apart.settings(chosen, {"XDG_DATA_HOME": str(tmp_path)}, ("source",))

    at = made.endpoint
    assert made.forge.url == "http://edge:8081/git"
    assert (at.host, at.port, at.url) == ("edge", 8081, "https://system.faas.example.org")
    assert at.function_url("alice", "production", "f") == "https://alice.faas.example.org/f"
    assert at.function_url("alice", "pr-7", "f") == "https://pr-7--alice.faas.example.org/f"
    assert remote(at, "alice", "shop") == (
        "https://pushline:hush-token@system.faas.example.org/git/alice/shop.git"
    )
    assert "hush" not in f"{made!r}"
    assert made.init is None


def test_without_a_public_url_the_port_of_the_router_counts() -> None:
    """As on a laptop: http, and the port that is listened on."""
    at = apart.endpoint(told(listen="0.0.0.0:8080"))

    assert at.function_url("alice", "production", "f") == "http://alice.faas.example.org:8080/f"


def test_an_edge_on_this_machine_may_have_a_socket(tmp_path: Path) -> None:
    """Then it is asked there, and the host in its URL is only a name."""
    socket = f"unix:{tmp_path}/edge.sock"
    chosen = told(edge_address=socket, edge_listen=socket)

    made = apart.settings(chosen, {"XDG_DATA_HOME": str(tmp_path)})

    assert made.forge.url == "http://localhost/git"
    assert made.forge.socket == tmp_path / "edge.sock"
    assert made.endpoint.socket == f"{tmp_path}/edge.sock"
    assert apart.listening(chosen) == tmp_path / "edge.sock"


def test_the_public_url_is_at_the_root_domain() -> None:
    """Functions answer at names under it: another host would never be met."""
    with pytest.raises(SettingInvalid, match="PUSHLINE_PUBLIC_URL") as caught:
        public_of(told(public_url="https://example.com"))

    assert "https://faas.example.org" in caught.value.hint
    assert public_of(told(public_url="http://faas.example.org:8000")) == (
        "http://faas.example.org:8000"
    )


def test_only_who_asks_the_edge_needs_the_token(tmp_path: Path) -> None:
    """A planner has no use for it."""
    data = {"XDG_DATA_HOME": str(tmp_path)}

    apart.settings(told(token=""), data, ("planner",))

    for consumers in ((), ("planner", "source")):
        with pytest.raises(SettingInvalid, match="PUSHLINE_TOKEN"):
            apart.settings(told(token=""), data, consumers)
