"""Hosts of the operator's own programs, which a proxy lets people into by asking us.

``HOST=WHO`` by commas; WHO is ``signed-in``, ``operators``, a tenant as ``github/acme`` (all of
it), or one from a role on, as ``github/acme:owner``. A host that is not named is closed.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from edge.auth.people import Caller
from edge.auth.policy import INSTALLATION, Action, Resource, Verdict, decide
from schemas.errors import SettingInvalid

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_TENANT: Final = re.compile(
    r"(github|gitlab|local)/([^\s:/]+(?:/[^\s:/]+)*)(?::(viewer|member|owner))?"
)
_POLICIES: Final = {"viewer": "members", "member": "role:member", "owner": "role:owner"}


class Rule(NamedTuple):
    """What somebody has to be let to do, to be let into a host."""

    action: Action
    on: Resource

    def verdict(self, caller: Caller | None) -> Verdict:
        """Return whether this caller gets in."""
        return decide(caller, self.action, self.on)


def rule(who: str) -> Rule:
    """Return what a word of the setting asks for; ValueError for one that nobody knows."""
    if who == "operators":
        return Rule("operate", INSTALLATION)
    if who == "signed-in":
        return Rule("invoke", Resource(function_policy="signed-in"))
    match = _TENANT.fullmatch(who)
    if match is None:
        raise ValueError(who)
    forge, owner, role = match.groups()
    return Rule("invoke", Resource(forge, owner.lower(), _POLICIES[role or "viewer"]))


def parse(setting: str) -> Mapping[str, Rule]:
    """Return the rule of each host; SettingInvalid names the part that is none."""
    rules: dict[str, Rule] = {}
    for part in (part.strip() for part in setting.split(",")):
        if not part:
            continue
        host, _, who = (word.strip() for word in part.partition("="))
        try:
            wanted = rule(who)
        except ValueError:
            wanted = None
        if wanted is None or not _HOST.fullmatch(host.lower()) or host.lower() in rules:
            raise SettingInvalid(
                f"PUSHLINE_PROTECTED_HOSTS: {part!r} is not a host, named once, and who may enter",
                hint="write HOST=signed-in, HOST=operators or HOST=github/OWNER[:ROLE]",
            )
        rules[host.lower()] = wanted
    return rules
