"""Secrets as edge and consumers both know them: who gets one, how it may be called, how long."""

import re
from typing import Final, Literal

import msgspec

from schemas.envelope import Aggregate
from schemas.errors import GiveUp, PushlineError
from schemas.events.secret import ScopeKind
from schemas.tenants import lineage

MOST: Final = 64 * 1024  # bytes of a value
FORGES: Final = ("github", "gitlab", "local")
Held = Literal["given", "withheld", "none"]  # withheld: there is one, for production alone
_NAME: Final = re.compile(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)  # a DNS label, as Kubernetes has it


class SecretInvalid(PushlineError):
    """A secret's name, value or sealed text cannot be taken; the message names the field."""

    code = "secret_invalid"


class SecretMissing(GiveUp):
    """There is no secret of this name where it is asked for."""

    code = "secret_missing"


class Scope(msgspec.Struct, frozen=True):
    """Who gets a secret: one project, or every project of a tenant."""

    forge: str
    of: str  # owner/name of the project, or the owner alone; a label
    project: str = ""  # the forge's own id of the project; "" for all of the tenant

    @property
    def owner(self) -> str:
        """Return the tenant; no forge tells logins apart by case."""
        return (self.of.rpartition("/")[0] if self.project else self.of).lower()

    @property
    def kind(self) -> ScopeKind:
        """Return what it is."""
        return "project" if self.project else "tenant"

    def secret(self, name: str) -> Aggregate:
        """Return what facts about the secret of this name are about."""
        if self.project:
            return Aggregate(self.forge, self.project, "secret", name)
        return Aggregate(self.forge, "", "secret", f"{self.owner}/{name}")


def reaching(forge: str, project: str, owner: str) -> tuple[Scope, ...]:
    """Return whose secrets a project gets, the nearest first: its own, and those of its tenant."""
    return Scope(forge, owner, project), *(Scope(forge, one) for one in lineage(owner))


def bound_name(label: str, name: str) -> str:
    """Return what a tenant's secret is called among those of all; raises SecretInvalid.

    ``<label>-<name>``, and two dashes where the label has one itself: no label and no name has
    two, so that no two tenants share a secret.
    """
    if not _NAME.fullmatch(name) or "--" in name:
        raise SecretInvalid(
            f"{name[:80]!r} cannot be a secret's name",
            hint="small letters, digits and single inner dashes",
        )
    return bound_prefix(label) + name


def bound_prefix(label: str) -> str:
    """Return what the names of a tenant's secrets begin with."""
    return f"{label}--" if "-" in label else f"{label}-"


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody may seal with, in the shape of the OpenFaaS builder's ``/publickey``."""

    key_id: str
    algorithm: Literal["nacl/box"] = "nacl/box"  # X25519 sealed boxes
    public_key: str  # base64


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation has done."""

    key_id: str  # seals from now on
    resealed: int  # secrets that this very call has sealed anew
    dropped: tuple[str, ...]  # ids of keys that are gone
    resumed: bool  # it went on with a rotation that was cut short, and made no further key


def check_name(name: str) -> None:
    """Raise SecretInvalid unless the name is one that every platform takes."""
    if not _NAME.fullmatch(name):
        raise SecretInvalid(
            f"name: {name[:80]!r} cannot be the name of a secret",
            hint="small letters, digits and inner dashes, at most 63",
        )


def check_value(value: bytes) -> None:
    """Raise SecretInvalid unless there is something to keep, and not too much of it."""
    if not value:
        raise SecretInvalid("value: it is empty", hint="to take a secret away: pushline secrets rm")
    if len(value) > MOST:
        raise SecretInvalid(f"value: it is over {MOST // 1024} KiB", hint="secrets are short texts")
