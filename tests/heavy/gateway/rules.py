"""The published rules of the OpenFaaS provider's API, checked as its servers check them.

Two kinds of wrong: what a server refuses (Refusal, told to the client), and what no correct client
sends though servers let it pass (a fault, which fails the test).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

SERVICE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
KUBERNETES_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
SECRET = re.compile(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
MARK = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
SUFFIXES = ("k", "M", "G", "T")
POWERS = {"m": Decimal("0.001"), "": Decimal(1)}
POWERS |= {name: Decimal(1000) ** power for power, name in enumerate(SUFFIXES, 1)}
POWERS |= {f"{name.upper()}i": Decimal(1024) ** power for power, name in enumerate(SUFFIXES, 1)}
DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
FIELDS: dict[str, type] = {
    "service": str,
    "image": str,
    "namespace": str,
    "envProcess": str,
    "envVars": dict,
    "constraints": list,
    "secrets": list,
    "labels": dict,
    "annotations": dict,
    "limits": dict,
    "requests": dict,
    "readOnlyRootFilesystem": bool,
}


class Refusal(Exception):
    """A server's refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def fields(body: Any, known: Mapping[str, type], needed: tuple[str, ...]) -> list[str]:
    """Return the faults of a JSON object: fields that nobody knows, wrong types, missing ones."""
    if not isinstance(body, dict):
        return ["the body is no JSON object"]
    found = [f"unknown field {name}" for name in body if name not in known]
    found += [f"{name} is missing" for name in needed if not body.get(name)]
    for name, kind in known.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            found.append(f"{name} is no {kind.__name__}")
        else:
            inner: Any = value.values() if isinstance(value, dict) else value
            if kind in (dict, list) and not all(isinstance(item, str) for item in inner):
                found.append(f"{name} holds what is no text")
    return found


def deployment(body: Any) -> list[str]:
    """Return the faults of a FunctionDeployment; raises Refusal as a provider would refuse it."""
    faults = fields(body, FIELDS, ("service", "image"))
    if faults:
        return faults
    service = body["service"]
    if not SERVICE.fullmatch(service):
        refuse(
            400, f"validation failed: service: ({service}) is invalid, must be a valid DNS entry"
        )
    longest = 45 if body.get("secrets") else 63
    if not KUBERNETES_SERVICE.fullmatch(service) or len(service) > longest:
        faults.append(f"service {service} is no name on Kubernetes")
    if not DIGEST.fullmatch(body["image"]):
        faults.append(f"image {body['image']} has no digest")
    faults += [
        f"label {name}={value}"
        for name, value in body.get("labels", {}).items()
        if not MARK.fullmatch(name) or not LABEL.fullmatch(value)
    ]
    faults += [
        f"annotation {name}" for name in body.get("annotations", {}) if not MARK.fullmatch(name)
    ]
    for own in ("faas_function", "app"):
        if body.get("labels", {}).get(own, service) != service:
            faults.append(f"label {own} names another function")
    return faults + resources(body)


def resources(body: dict[str, Any]) -> list[str]:
    """Return the faults of limits and requests; raises Refusal for what is no quantity."""
    faults: list[str] = []
    amounts: dict[tuple[str, str], Decimal] = {}
    for kind in ("limits", "requests"):
        for name, said in body.get(kind, {}).items():
            if name not in ("memory", "cpu", "nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu"):
                faults.append(f"unknown field {kind}.{name}")
                continue
            found = QUANTITY.fullmatch(said)
            if found is None:
                refuse(400, "quantities must match the regular expression")
            amounts[kind, name] = Decimal(found[1]) * POWERS[found[2] or ""]
    for name in ("memory", "cpu"):
        limit, request = amounts.get(("limits", name)), amounts.get(("requests", name))
        if limit is not None and request is not None and request > limit:
            refuse(
                500, f"Deployment.apps is invalid: requests: must be less than or equal to {name}"
            )
        if name == "memory" and limit is not None and limit < 2**20:
            faults.append(f"a limit of {limit} bytes")
    return faults


def secret(body: Any, *, value: bool) -> list[str]:
    """Return the faults of a Secret."""
    known: dict[str, type] = {"name": str, "namespace": str}
    known |= {"value": str, "rawValue": str} if value else {}
    faults = fields(body, known, ("name",))
    if faults:
        return faults
    if not SECRET.fullmatch(body["name"]):
        faults.append(f"secret {body['name']} is no name on Kubernetes")
    try:
        base64.b64decode(body.get("rawValue", ""), validate=True)
    except binascii.Error:
        faults.append("rawValue is no base64")
    return faults


def refuse(status: int, text: str) -> NoReturn:
    """Refuse."""
    raise Refusal(status, text)
