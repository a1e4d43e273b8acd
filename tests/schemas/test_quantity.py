"""Kubernetes quantities, and what a stack may ask."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.deployer.openfaas.quota import resources, scaling
from consumers.deployer.openfaas.settings import Quota
from consumers.deployer.openfaas.wire import Resources
from schemas.errors import DeployFailed
from schemas.quantity import QuantityInvalid, quantity
from schemas.stack_spec import FunctionSpec
from schemas.stack_spec import Resources as Asked

QUOTA = Quota(memory="1Gi", cpu="1", replicas=4, memory_default="256Mi")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"),
        ("128974848", "128974848"),
        ("129e6", "129000000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("128974848000m", "128974848"),
        ("123Mi", "128974848"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("1.", "1"),
        ("100m", "0.1"),
        ("100n", "0.0000001"),
        ("1Ki", "1024"),
        ("1k", "1000"),
        ("+2", "2"),
    ],
)
def test_quantities_are_what_kubernetes_makes_of_them(text: str, amount: str) -> None:
    """Decimal and binary suffixes, exponents, fractions: exactly."""
    assert quantity(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1K",
        "1mi",
        "1 Mi",
        "-1",
        "1e",
        "1e99",
        "1e3Mi",
        "1..5",
        "0x1",
        "\uff11",
        "9" * 33,
        "1\n",
    ],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """Nothing is guessed, and nothing takes long."""
    with pytest.raises(QuantityInvalid):
        quantity(text)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    """Any text is an amount or refused."""
    with contextlib.suppress(QuantityInvalid):
        assert quantity(text) >= 0


def spec(**fields: Any) -> FunctionSpec:
    """Return a function with these fields."""
    return FunctionSpec(name="hello", language="exec", handler="", **fields)


def test_a_stack_that_says_nothing_gets_the_operators_default() -> None:
    """Memory is always limited, a CPU only where the stack says so."""
    assert resources(spec(), QUOTA) == (Resources("256Mi"), None)


def test_what_is_asked_within_the_quota_is_given() -> None:
    """The quota itself is allowed; Docker's m is mebibytes."""
    asked = spec(limits=Asked("1024Mi", "1000m"), requests=Asked("64m", "0.1"))

    assert resources(asked, QUOTA) == (Resources("1024Mi", "1000m"), Resources("64Mi", "0.1"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limits": Asked(memory="2Gi")}, "limits.memory: 2Gi is asked for, 1Gi is allowed here"),
        ({"limits": Asked(cpu="1001m")}, "limits.cpu: 1001m is asked for, 1 is allowed here"),
        ({"requests": Asked(cpu="2")}, "requests.cpu: 2 is asked for, 1 is allowed here"),
        ({"requests": Asked(memory="512Mi")}, "requests.memory: 512Mi is asked for, 256Mi is its"),
        ({"limits": Asked(memory="1K")}, "limits.memory: '1K' is not an amount"),
    ],
)
def test_over_the_quota_a_deployment_fails(fields: dict[str, Any], said: str) -> None:
    """The message names the field, what was asked and what is allowed."""
    with pytest.raises(DeployFailed) as failed:
        resources(spec(**fields), QUOTA)

    assert failed.value.message.startswith(f"functions.hello.{said}")


def labels(**values: str) -> dict[str, str]:
    """Return scaling labels."""
    return {f"com.openfaas.scale.{name}": value for name, value in values.items()}


def test_scaling_is_the_predecessors_where_the_stack_says_nothing() -> None:
    """And what the stack says within the quota; what gateways of today refuse is not added."""
    assert scaling(spec(), QUOTA) == labels(min="1", max="4", factor="20")
    asked = labels(min="2", max="3", zero="true", type="rps", target="50", factor="0")
    assert scaling(spec(labels=asked | {"team": "a"}), QUOTA) == asked


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"max": "5"}, "max: 5 is asked for, 1 to 4 is allowed here"),
        ({"min": "3", "max": "2"}, "max: 2 is asked for, 3 to 4"),
        ({"min": "0"}, "min: 0 is asked for, 1 to 4"),
        ({"min": "-1"}, "min: -1"),
        ({"max": "²"}, "max: ²"),
        ({"factor": "101"}, "factor: 101"),
        ({"target": "many"}, "target: many"),
        ({"zero": "yes"}, "zero: yes is none of true, false"),
        ({"type": "moon"}, "type: moon is none of rps, capacity, cpu"),
    ],
)
def test_scaling_over_the_quota_fails(asked: dict[str, str], name: str) -> None:
    """The message names the label, what was asked and what is allowed."""
    with pytest.raises(DeployFailed) as failed:
        scaling(spec(labels=labels(**asked)), QUOTA)

    assert failed.value.message.startswith(f"functions.hello.labels.com.openfaas.scale.{name}")
