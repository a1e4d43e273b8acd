"""What functions and secrets are called at a gateway, and by which marks we know our own.

A function is the predecessor's ``<label>-<function>``, a preview has its environment behind it.
That is not unique (tenant ``a-b`` with ``c``, tenant ``a`` with ``b-c``) and may be too long, so
there is a second name, unique by its hash, for whoever finds the first one taken. A secret must
never be anybody else's, so its name is unique by itself.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from consumers.deployer.openfaas.wire import Status
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed
from schemas.secrets import SecretInvalid, bound_name

PRODUCTION: Final = "production"
OURS: Final = "com.openfaas.cloud."  # the predecessor's prefix; a stack cannot set it
REVISION: Final = OURS + "revision"  # annotation: the revision's key
INSTALLATION: Final = OURS + "installation"  # annotation: which log it stands in
GENERATION: Final = OURS + "generation"  # label
TRIAL: Final = OURS + "trial"  # annotation of a revision that is tried beside the live one

_LONGEST: Final = 63  # characters of a DNS label
_LONGEST_WITH_SECRETS: Final = 45  # faas-netes names a volume after the function
_HASH: Final = 8  # hex digits, 32 bits: names of one tenant's functions at one gateway


class Mark(msgspec.Struct, frozen=True):
    """What a function at the gateway says of itself, if it is ours."""

    key: str
    generation: int
    trial: bool

    @property
    def of(self) -> str:
        """Return the function that it is a revision of."""
        return self.key.rpartition("@")[0]


def mark_of(status: Status, installation: str) -> Mark | None:
    """Return the marks of a function, None for one that this installation did not deploy."""
    key = status.mark(REVISION)
    if not key or status.mark(INSTALLATION) != installation:
        return None
    said = (status.labels or {}).get(GENERATION, "")
    return Mark(key, int(said) if said.isdecimal() else 0, bool(status.mark(TRIAL)))


def services(revision: Revision) -> tuple[str, ...]:
    """Return what a function may be called, the usual name first."""
    parts = [revision.label, revision.function]
    parts += [revision.environment] if revision.environment != PRODUCTION else []
    plain = re.sub(r"[^a-z0-9-]", "-", "-".join(parts).lower()).strip("-")
    if not plain[0].isalpha():  # a Kubernetes service begins with a letter
        plain = f"fn-{plain}"
    unique = _cut(plain, revision.of, _longest(revision))
    return (plain, unique) if len(plain) <= _longest(revision) else (unique,)


def trial_of(service: str, revision: Revision) -> str:
    """Return what a revision is called while it is tried beside the live one."""
    return _cut(service, revision.key, _longest(revision))


def secret(label: str, name: str, field: str) -> str:
    """Return what a tenant's secret is called; raises DeployFailed, which names the field."""
    try:
        return bound_name(label, name)
    except SecretInvalid as error:
        raise DeployFailed(f"{field}: {error.message}", hint=error.hint) from error


def label_value(text: str) -> str:
    """Return a text as Kubernetes takes it for a label's value, as near as that comes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:_LONGEST].strip("-_.")


def invalid_marks(marks: Mapping[str, str], *, values: bool) -> str:
    """Return the first label or annotation that Kubernetes would refuse, "" for none."""
    for key, value in marks.items():
        prefix, slash, name = key.rpartition("/")
        good = _NAME.fullmatch(name) and (not slash or _PREFIX.fullmatch(prefix))
        if not good or (values and value and not _NAME.fullmatch(value)):
            return key
    return ""


_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def _longest(revision: Revision) -> int:
    return _LONGEST_WITH_SECRETS if revision.spec.secrets else _LONGEST


def _cut(name: str, salt: str, longest: int) -> str:
    hex = hashlib.sha256(salt.encode()).hexdigest()[:_HASH]
    return f"{name[: longest - _HASH - 1].rstrip('-')}-{hex}"
