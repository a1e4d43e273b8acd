"""What a stack may ask for one function: over it, a deployment fails and says by how much."""

from collections.abc import Mapping
from typing import Final

from consumers.deployer.openfaas.settings import Quota
from consumers.deployer.openfaas.wire import Resources
from schemas.errors import DeployFailed
from schemas.quantity import QuantityInvalid, memory, quantity
from schemas.stack_spec import FunctionSpec

SCALE: Final = "com.openfaas.scale."
_KINDS: Final = ("rps", "capacity", "cpu")


def resources(spec: FunctionSpec, quota: Quota) -> tuple[Resources, Resources | None]:
    """Return limits and requests; raises DeployFailed, which names field, asked and allowed."""
    limits = Resources(memory(spec.limits.memory or quota.memory_default), spec.limits.cpu)
    requests = Resources(memory(spec.requests.memory), spec.requests.cpu)
    most = Resources(quota.memory, quota.cpu)
    for kind, asked in (("limits", limits), ("requests", requests)):
        for name in ("memory", "cpu"):
            field = f"functions.{spec.name}.{kind}.{name}"
            _within(field, getattr(asked, name), getattr(most, name), "is allowed here")
    for name in ("memory", "cpu"):
        field = f"functions.{spec.name}.requests.{name}"
        _within(field, getattr(requests, name), getattr(limits, name), "is its limit")
    return limits, requests if requests != Resources() else None


def _within(field: str, asked: str, most: str, what: str) -> None:
    if not asked or not most:
        return
    try:
        over = quantity(asked) > quantity(most)
    except QuantityInvalid as error:
        raise DeployFailed(f"{field}: {error}", hint="such as 128Mi, or 500m of a CPU") from None
    if over:
        raise DeployFailed(f"{field}: {asked} is asked for, {most} {what}", hint=f"at most {most}")


def scaling(spec: FunctionSpec, quota: Quota) -> dict[str, str]:
    """Return the labels that a gateway scales by; raises DeployFailed, which names the label.

    The predecessor's values where the stack says nothing, save ``zero``: gateways of today
    refuse it where they can't do it.
    """
    asked = {key: value for key, value in spec.labels.items() if key.startswith(SCALE)}
    found = {SCALE + "min": "1", SCALE + "max": str(quota.replicas), SCALE + "factor": "20"} | asked
    least = _number(spec, found, "min", 1, quota.replicas)
    _number(spec, found, "max", least, quota.replicas)
    _number(spec, found, "factor", 0, 100)
    if SCALE + "target" in found:
        _number(spec, found, "target", 1, 1_000_000)
    _one_of(spec, found, "zero", ("true", "false"))
    _one_of(spec, found, "type", _KINDS)
    return found


def _number(spec: FunctionSpec, labels: Mapping[str, str], name: str, least: int, most: int) -> int:
    said = labels[SCALE + name]
    if not said.isdecimal() or len(said) > 9 or not least <= int(said) <= most:
        raise DeployFailed(
            f"functions.{spec.name}.labels.{SCALE}{name}: {said} is asked for, "
            f"{least} to {most} is allowed here"
        )
    return int(said)


def _one_of(
    spec: FunctionSpec, labels: Mapping[str, str], name: str, known: tuple[str, ...]
) -> None:
    said = labels.get(SCALE + name, known[0])
    if said not in known:
        raise DeployFailed(
            f"functions.{spec.name}.labels.{SCALE}{name}: {said} is none of {', '.join(known)}"
        )
