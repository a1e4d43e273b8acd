"""What a delivery means: the words that the forges' translations answer in."""

from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from schemas.envelope import Aggregate, Delivery
from schemas.errors import PayloadInvalid
from schemas.events import Event
from schemas.ids import Sha
from schemas.repository import Repository

FORM: Final = "application/x-www-form-urlencoded"
HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"

Text = Annotated[str, Meta(min_length=1, max_length=1024)]
# http(s) and no credentials: they would be recorded for ever
CloneUrl = Annotated[str, Meta(pattern=r"^https?://[^\s/@]+/\S*$(?!\n)", max_length=2048)]

P = TypeVar("P", bound=msgspec.Struct)


class Push(msgspec.Struct, frozen=True):
    """A branch moved, the forge says; what of it is news depends on the branch's own history."""

    of: Aggregate
    branch: str
    before: Sha  # zeros: the branch was made
    after: Sha  # zeros: the branch is gone
    repository: Repository
    pusher: str = ""
    late: bool = False  # found by asking the forge, after others may have come


class Statement(msgspec.Struct, frozen=True):
    """A fact as it stands, whatever was recorded before."""

    of: Aggregate
    fact: Event
    parts: tuple[str, ...] = ()  # of its id, where a delivery says the same of several
    name: str = ""


class Pressed(msgspec.Struct, frozen=True):
    """Somebody pressed a button; what that means, and whether they may, the forge tells."""

    of: Aggregate  # the project
    name: str  # owner/name
    installation: str
    who: str  # the forge's login
    suite: int = 0  # of checks that are all to run again; or the two below
    pull: int = 0  # a fork's pull request whose commit is to be let in
    sha: str = ""


class Ignored(msgspec.Struct, frozen=True):
    """Nothing of it is for us."""

    reason: str


class Meaning(msgspec.Struct, frozen=True):
    """One delivery, understood."""

    kind: str  # the forge's word
    says: Push | Pressed | Ignored | tuple[Statement, ...]
    actor: str = ""  # a login, never a person's name or address
    also: tuple[Statement, ...] = ()  # what its forge said when it was asked about this


def is_zero(sha: str) -> bool:
    """Tell whether this is git's word for "no commit", in SHA-1 or SHA-256."""
    return not sha.strip("0")


def decode(delivery: Delivery, kind: type[P]) -> P:
    """Return the delivery's JSON as ``kind``; PayloadInvalid names the field."""
    try:
        return msgspec.json.decode(_json_of(delivery), type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise PayloadInvalid(
            f"the body is not what {delivery.forge} documents: {error}",
            hint="send it again as the forge made it; the raw body is kept for 30 days",
        ) from error


def _json_of(delivery: Delivery) -> bytes:
    """Return the JSON, which an HTML form carries as its field ``payload``."""
    if not delivery.headers.get("content-type", "").lower().startswith(FORM):
        return delivery.body
    fields = parse_qs(delivery.body.decode(), max_num_fields=16)
    if "payload" not in fields:
        raise PayloadInvalid(
            "the form has no field `payload`",
            hint="choose the content type application/json where the webhook is set up",
        )
    return fields["payload"][0].encode()


def push(
    forge: str,
    project: str,
    *,
    ref: str,
    before: str,
    after: str,
    repository: Repository,
    pusher: str = "",
) -> Push | Ignored:
    """Return what a moved ref means: branches count, tags and other refs do not."""
    if ref.startswith(TAGS):
        return Ignored(f"a tag: {ref.removeprefix(TAGS)}; only branches are deployed")
    branch = ref.removeprefix(HEADS)
    if branch == ref or not branch:
        return Ignored(f"not a branch: {ref}")
    if is_zero(before) and is_zero(after):
        return Ignored(f"{branch}: no commit before and none after")
    of = Aggregate(forge, project, "branch", branch)
    return Push(of, branch, before, after, repository, pusher)
