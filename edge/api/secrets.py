"""Secrets under ``/api``: names are read, values are only written."""

import base64
from typing import Annotated, Final

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from edge.api import scopes
from edge.api.queries import After, Asks, Cursor, Limit
from edge.api.secret_store import SecretStore
from edge.api.shapes import Page, SecretView, SecretWritten
from edge.api.then import READS
from edge.api.views import Views, reached
from edge.auth.asking import Asking
from edge.auth.policy import Resource
from schemas.environments import PRODUCTION, Kind
from schemas.secrets import PublicKey, Rotated, Scope, SecretInvalid
from schemas.tenants import lineage

BODY: Final = 256 * 1024  # bytes; 64 KiB of value, sealed and in base64, take 171

Forge = Annotated[
    str, QueryParameter(description="github, gitlab or local, where several know the owner")
]


class NewValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value to keep, exactly one of the three; and which environments get it."""

    value: str | None = None
    value_base64: str | None = None
    sealed: str | None = None  # by the public key, for this very place
    environments: tuple[Kind, ...] = (PRODUCTION,)

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "NewValue()"


@get("/secrets", dependencies=READS, summary="Names of secrets; values are not handed out")
async def secrets(
    *,
    views: NamedDependency[Views],
    store: NamedDependency[SkipValidation[SecretStore]],
    asking: Asks,
    project: Annotated[
        str, QueryParameter(description="owner/name: its own and its tenant's; or an owner")
    ] = "",
    limit: Limit = 100,
    cursor: Cursor = "",
    after: After = 0,
) -> Page[SecretView]:
    """Return which secrets there are, set here or sealed in a secrets.yml, by place and name."""
    seq = await reached(store, after)
    rows = {}
    for row in store.known():
        of = views.name_of(row.forge, row.project, row.of)
        seen = asking.may("read", _whose(views, Scope(row.forge, row.of, row.project)))
        if seen and _concerns(project.lower(), of.lower()):
            rows[f"{of} {row.forge} {row.name} {'sealed' if row.sealed else ''}"] = SecretView(
                forge=row.forge,
                of=of,
                name=row.name,
                set=row.set,
                by=row.by,
                key_id=row.key_id,
                environments=row.environments,
                sealed=row.sealed,
                keys=row.keys,
                sha=row.sha,
            )
    keys = sorted(key for key in rows if key > cursor)
    items = [rows[key] for key in keys[:limit]]
    return Page(items=items, seq=seq, cursor=keys[limit - 1] if len(keys) > limit else "")


@get("/secrets/public-key", summary="What secrets can be sealed with, by anybody")
async def public_key(*, store: NamedDependency[SkipValidation[SecretStore]]) -> PublicKey:
    """Return the newest key's public half, to whoever is known here."""
    return await store.public_key()


@put("/secrets/{place:path}", summary="Set a secret", request_max_body_size=BODY)
async def set_secret(
    *,
    views: NamedDependency[Views],
    store: NamedDependency[SkipValidation[SecretStore]],
    asking: Asks,
    place: FromPath[str],
    data: JSONBody[NewValue],
    forge: Forge = "",
) -> SecretWritten:
    """Keep a value: of a project at OWNER/PROJECT/NAME, of all of a tenant's at OWNER/NAME."""
    scope, name = _place(views, store, asking, place, forge)
    by = asking.actor
    if data.sealed is not None and data.value is data.value_base64 is None:
        gets = data.environments
        seq = await store.put_sealed(scope, name, data.sealed, by=by, environments=gets)
    else:
        value = _bytes(data)
        seq = await store.put(scope, name, value, by=by, environments=data.environments)
    return SecretWritten(forge=scope.forge, of=scope.of, name=name, seq=seq)


@delete("/secrets/{place:path}", status_code=200, summary="Remove a secret")
async def remove_secret(
    *,
    views: NamedDependency[Views],
    store: NamedDependency[SkipValidation[SecretStore]],
    asking: Asks,
    place: FromPath[str],
    forge: Forge = "",
) -> SecretWritten:
    """Take a secret away; what runs keeps what it was given until its next deploy."""
    scope, name = _place(views, store, asking, place, forge)
    seq = await store.remove(scope, name, by=asking.actor)
    return SecretWritten(forge=scope.forge, of=scope.of, name=name, seq=seq)


@post("/secrets/rotation", status_code=200, summary="Seal all secrets with a new key")
async def rotate(*, store: NamedDependency[SkipValidation[SecretStore]], asking: Asks) -> Rotated:
    """Make a key, seal every secret with it, drop the old one; or end what was begun so."""
    asking.need("operate")
    return await store.rotate()


HANDLERS = (secrets, public_key, set_secret, remove_secret, rotate)


def _concerns(project: str, of: str) -> bool:
    """Tell whether a secret of ``of`` is asked for: a project sees its tenant's, an owner all."""
    return not project or of in lineage(project) or project in lineage(of)


def _place(
    views: Views, store: SecretStore, asking: Asking, place: str, forge: str
) -> tuple[Scope, str]:
    """Return whose secret a path means, and its name; raises Forbidden unless it may be changed."""
    of, _, name = str(place).strip("/").rpartition("/")
    places = scopes.of_projects(views.projects.rows.values())
    taken = {(place.forge, place.of.lower()) for place in places}
    places += [
        Scope(row.forge, row.of, row.project)
        for row in store.known()
        if (row.forge, row.of.lower()) not in taken  # a name that went over to another project
    ]
    seen = [place for place in places if asking.may("read", _whose(views, place))]
    scope = scopes.resolve(of, forge, seen)
    asking.need("secrets" if scope.project else "tenant-secrets", _whose(views, scope))
    return scope, name


def _whose(views: Views, scope: Scope) -> Resource:
    """Return the tenant that a secret's place belongs to; a project's: whoever owns it now."""
    if not scope.project:
        return Resource(scope.forge, scope.owner)
    return Resource.of(scope.forge, views.name_of(scope.forge, scope.project, scope.of))


def _bytes(data: NewValue) -> bytes:
    match (data.value, data.value_base64, data.sealed):
        case (str(text), None, None):
            return text.encode()
        case (None, str(text), None):
            try:
                return base64.b64decode(text, validate=True)
            except ValueError:
                raise SecretInvalid("value_base64: it is not base64") from None
        case _:
            raise SecretInvalid("value: say exactly one of value, value_base64 and sealed")
