"""Settings of the container builder, as an operator writes them."""

from pathlib import Path
from typing import Any

import pytest

from edge.cli.containers import container_settings, repositories
from edge.cli.settings import Settings
from schemas.errors import SettingInvalid


def test_settings_reach_the_builder() -> None:
    """Registries, password, limits, arguments; of the environment the proxies alone."""
    chosen = Settings(
        registry="127.0.0.1:31115/functions/",
        push_registry="registry:5000/functions/",
        registry_user="pusher",
        registry_password="a made-up word",
        build_attestations="provenance,sbom",
        build_seconds=60,
        build_args="GO111MODULE",
        base_images="static.BASE=mirror:5000/alpine:3.20",
        buildkit_tls="/etc/buildkit",
    )

    made = container_settings(
        chosen, {"PATH": "/bin", "https_proxy": "http://p:1", "PIP_INDEX_URL": "x"}, Path("/home")
    )

    assert (made.registry.host, made.push_registry.host) == ("127.0.0.1:31115", "registry:5000")
    assert made.registry.shared
    assert made.login.password == "a made-up word"
    assert "a made-up word" not in repr(made)
    assert made.attestations == {"provenance", "sbom"}
    assert (made.seconds, made.tls) == (60, Path("/etc/buildkit"))
    assert made.arguments.allowed == {"GO111MODULE"}
    assert made.arguments.bases == {"static": {"BASE": "mirror:5000/alpine:3.20"}}
    assert made.arguments.proxies == {"https_proxy": "http://p:1"}


def test_one_registry_is_enough() -> None:
    """Pushed to where it is pulled from, by nobody in particular, with provenance."""
    made = container_settings(Settings(), {}, Path("/home"))

    assert made.push_registry == made.registry
    assert made.login.user == ""
    assert made.attestations == {"provenance"}
    assert (
        container_settings(Settings(build_attestations="none"), {}, Path("/home")).attestations
        == frozenset()
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("registry", "https://x"),
        ("push_registry", "a b"),
        ("build_args", "A B"),
        ("base_images", "cobol.BASE=x"),
    ],
)
def test_a_bad_setting_is_named(setting: str, value: str) -> None:
    """By its variable, with what would do."""
    bad: dict[str, Any] = {setting: value}

    with pytest.raises(SettingInvalid, match=f"PUSHLINE_{setting.upper()}: ") as caught:
        container_settings(Settings(**bad), {}, Path("/home"))

    assert caught.value.hint


def test_whose_repositories_are_made_first() -> None:
    """Those at Amazon, where the images are pushed to, by a whole key or by the machine's role."""
    amazon = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/functions"

    assert repositories(Settings()) is None
    assert repositories(Settings(registry=amazon, push_registry="registry:5000")) is None
    assert repositories(Settings(push_registry=amazon)) is not None
    assert repositories(Settings(registry=amazon, ecr_access_key="a", ecr_secret_key="b"))
    with pytest.raises(SettingInvalid, match="PUSHLINE_ECR_SECRET_KEY"):
        repositories(Settings(registry=amazon, ecr_access_key="a"))
