"""Claims: which project a function's name belongs to, in each environment.

A name belongs to the first project of a tenant that claims it. A function answers at
``/function/<label>-<function>`` too, where ``a-b`` + ``c`` and ``a`` + ``b-c`` are the same: the
joined name is what has to be unique, over all tenants.

Reads   function.claimed/1, function.removed/1
"""

from collections.abc import Mapping

import msgspec

from consumers.planner.projects import OpenRun
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import FunctionClaimed, FunctionRemoved


class Claim(msgspec.Struct, frozen=True):
    """A name and whose it is."""

    label: str
    forge: str
    project: str
    name: str  # the project's, owner/name, for people


def key_of(environment: str, label: str, function: str) -> str:
    """Return the key of a name's row."""
    return f"{environment} {label}-{function}"


def key(event: Recorded[Event]) -> str | None:
    """Return whose row a fact belongs to."""
    match event.fact:
        case FunctionClaimed(label=label, function=function):
            return key_of(event.of.id.partition("/")[0], label, function)
        case FunctionRemoved(environment=environment, label=label, function=function):
            return key_of(environment, label, function)
        case _:
            return None


def reduce(claim: Claim | None, event: Recorded[Event]) -> Claim | None:
    """Return whose the name is: the first claim holds until its own project gives it up."""
    of = event.of
    match event.fact:
        case FunctionClaimed(label=label) if claim is None:
            return Claim(label, of.forge, of.project, event.name)
        case FunctionRemoved() if claim and (claim.forge, claim.project) == (of.forge, of.project):
            return None
        case _:
            return claim


def missing(claims: Mapping[str, Claim], run: OpenRun, of: Aggregate) -> tuple[list[str], str]:
    """Return the names that the run has yet to claim, and what is in the way, or nothing."""
    wanted, taken = [], []
    for function in run.functions or ():
        claim = claims.get(key_of(run.environment, run.label, function))
        if claim is None:
            wanted.append(function)
        elif (claim.forge, claim.project) != (of.forge, of.project):
            taken.append(_refusal(claim, run.label, function))
    return wanted, "; ".join(taken)


def _refusal(claim: Claim, label: str, function: str) -> str:
    if claim.label == label:
        whose = f"belongs to {claim.name or claim.project} already"
        return f"{function} {whose} (give it another name in stack.yml, or remove it there)"
    path = f"/function/{label}-{function}"
    return f"{function} would answer at {path}, which is taken (give it another name in stack.yml)"
