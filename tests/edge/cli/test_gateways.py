"""The operator's words become the gateway's settings; a bad one is named at once."""

import pytest

from consumers.deployer.openfaas.settings import Quota
from edge.cli.gateways import gateway_settings
from edge.cli.honoured import honoured
from edge.cli.settings import Settings
from edge.cli.variables import load
from schemas.errors import SettingInvalid


def settings(**values: str) -> Settings:
    """Return settings with these variables set."""
    return load(Settings, {f"PUSHLINE_{name.upper()}": value for name, value in values.items()})


def test_what_the_operator_says_arrives() -> None:
    """URL, credentials, namespaces and quotas; the password is not shown."""
    chosen = settings(
        gateway_url="https://gateway.example:8443/",
        gateway_user="bob",
        gateway_password="secret-word",
        gateway_namespace="fn",
        gateway_namespaces="team-a, team-b,",
        gateway_seconds="7",
        memory_most="512Mi",
        cpu_most="500m",
        replicas_most="2",
    )

    made = gateway_settings(chosen, "2030-01-01")

    assert (made.url, made.user, made.password) == (
        "https://gateway.example:8443",
        "bob",
        "secret-word",
    )
    assert (made.namespace, made.namespaces, made.seconds) == ("fn", ("team-a", "team-b"), 7)
    assert made.quota == Quota(memory="512Mi", cpu="500m", replicas=2, memory_default="256Mi")
    assert "secret-word" not in repr(made)


def test_the_usual_memory_is_within_the_quota() -> None:
    """A stack that says nothing can be deployed, however little the operator allows."""
    made = gateway_settings(settings(memory_most="128Mi"), "")

    assert made.quota.memory_default == "128Mi"


def test_two_logs_are_two_installations() -> None:
    """Of a gateway that both use each knows its own functions."""
    one, other = (gateway_settings(settings(), born).installation for born in ("1", "2"))

    assert one != other


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("memory_most", "lots"),
        ("cpu_most", "1K"),
        ("gateway_url", "http://admin:secret-word@gateway:8080"),
    ],
)
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    """And a password in a URL, which would stand in every fact, is not taken, nor shown."""
    with pytest.raises(SettingInvalid, match=f"PUSHLINE_{variable.upper()}") as invalid:
        gateway_settings(settings(**{variable: value}), "")

    assert "secret-word" not in str(invalid.value)


def test_what_is_honoured_depends_on_the_choice() -> None:
    """Embedded, secrets; with an engine and a gateway what both say."""
    assert honoured(settings()) == {"secrets"}
    assert "namespace" in honoured(settings(platform="openfaas"))
    assert "build_args" in honoured(settings(builder="buildkit"))
    assert honoured(settings(builder="buildkit", platform="openfaas")) > honoured(
        settings(platform="openfaas")
    )
