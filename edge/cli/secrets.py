"""`pushline secrets`: values that builds and functions get, and nobody reads back."""

import base64
import getpass
import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from cyclopts import App, Parameter

from consumers.secrets import box
from edge.api.projects import Project
from edge.api.scopes import of_projects, resolve
from edge.api.shapes import Page, SecretView, SecretWritten
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, table, when
from edge.cli.where import HERE, At, JsonOption, target
from schemas.environments import PRODUCTION
from schemas.sealed import FILE
from schemas.secrets import (
    FORGES,
    PublicKey,
    Rotated,
    Scope,
    SecretInvalid,
    check_name,
    check_value,
)

app = App(name="secrets", help="Keep what builds and functions need and nobody may read.")

PATIENCE = 600.0  # seconds that a rotation may take

Of: TypeAlias = Annotated[
    str, Parameter(help="OWNER/PROJECT, or OWNER for all of its projects; the project's own wins.")
]
Name: TypeAlias = Annotated[
    str, Parameter(help="As stack.yml calls it: small letters, digits and dashes.")
]
FileOption: TypeAlias = Annotated[
    Path | None,
    Parameter(name="--from-file", help="Take the value from a file, byte by byte."),
]
ForgeOption: TypeAlias = Annotated[
    str,
    Parameter(
        name="--forge",
        help="github, gitlab or local: where several know the owner, or ahead of a first push.",
    ),
]


@app.command(name="set")
def set_(
    of: Of,
    name: Name,
    *,
    from_file: FileOption = None,
    sealed: Annotated[
        bool, Parameter(negative=(), help="What is given was sealed by `secrets seal`.")
    ] = False,
    previews: Annotated[
        bool, Parameter(negative=(), help="Previews get it too; else production alone does.")
    ] = False,
    forge: ForgeOption = "",
    at: At = HERE,
) -> int:
    """Give a secret its value, from standard input or a file; on a terminal it is asked for.

    It is never an argument, which would show in the shell's history and in the list of processes.
    The line break at the end of standard input is no part of it.
    """
    check_name(name)
    value = _value(f"{name} of {of}", from_file, visible=sealed)
    body: dict[str, object] = {"environments": [PRODUCTION, *["previews"] * previews]}
    body |= {"sealed": value.decode("utf-8", "replace")} if sealed else _encoded(value)
    api = Api(target(at))
    written = api.send("PUT", _path(of, name), SecretWritten, body, forge=forge)
    sys.stdout.write(f"{written.name} is set for {_spoken(written)}\n")
    return 0


@app.command
def seal(
    of: Of,
    name: Name,
    *,
    from_file: FileOption = None,
    key: Annotated[
        Path | None, Parameter(help="What `secrets public-key` printed; else it is asked for.")
    ] = None,
    forge: ForgeOption = "",
    at: At = HERE,
) -> int:
    """Print a value as a sealed text, which only this Pushline opens, for this place and name.

    The text may be committed or sent by mail; `secrets set --sealed` takes it. A rotation of keys
    makes texts void that were not set before.
    """
    check_name(name)
    if key is None:
        api = Api(target(at))
        public = api.get("/api/secrets/public-key", PublicKey)
        projects = api.pages("/api/projects", Page[Project], 0)
        scope = resolve(of, forge, of_projects(projects))
    else:
        public = _public_key(key)
        scope = _said(of, forge)
    value = _value(f"{name} of {of}", from_file, visible=False)
    check_value(value)
    sys.stdout.write(box.seal_for(value, scope, name, public) + "\n")
    return 0


@app.command
def ls(of: str = "", *, then: MomentOption = "", json: JsonOption = False, at: At = HERE) -> int:
    """List secrets: whose, how called, since when and by whom; never a value.

    Those that a repository's secrets.yml seals are shown with their commit and their keys, by the
    name that they have there.

    Parameters
    ----------
    of
        OWNER/PROJECT: what it gets, of its own and of its tenant; OWNER: all of the tenant's.
    """
    api = Api(target(at))
    query = {"project": of, "at": moment(then)}
    found = list(api.pages("/api/secrets", Page[SecretView], 0, **query))
    if json:
        as_json(found)
        return 0
    rows = [
        (
            row.of,
            row.name,
            row.forge,
            ", ".join(row.environments),
            when(row.set),
            f"{FILE} of {row.sha[:7]}" if row.sealed else row.by,
            f"sealed: {', '.join(row.keys)}" if row.sealed else row.key_id,
        )
        for row in found
    ]
    headings = ("OF", "NAME", "FORGE", "FOR", "SET", "BY", "KEY")
    table(headings, rows, empty="no secrets: pushline secrets set OWNER/PROJECT NAME")
    return 0


@app.command
def rm(of: Of, name: Name, *, forge: ForgeOption = "", at: At = HERE) -> int:
    """Take a secret away; what runs keeps what it was given until its next deploy."""
    gone = Api(target(at)).send("DELETE", _path(of, name), SecretWritten, forge=forge)
    sys.stdout.write(f"{gone.name} is gone from {_spoken(gone)}\n")
    return 0


@app.command
def rotate(*, at: At = HERE) -> int:
    """Make a new key, seal every secret with it, and drop the old key.

    Cut short, it goes on with the next call. Sealed texts that were not set yet are void
    afterwards.
    """
    done = Api(target(at)).send("POST", "/api/secrets/rotation", Rotated, timeout=PATIENCE)
    if done.resumed:
        sys.stdout.write("went on with a rotation that had been cut short\n")
    count = "a secret" if done.resealed == 1 else f"{done.resealed} secrets"
    sys.stdout.write(f"key {done.key_id} seals from now on: {count} sealed anew\n")
    for old in done.dropped:
        sys.stdout.write(f"key {old} is gone\n")
    return 0


@app.command(name="public-key")
def public_key(*, at: At = HERE) -> int:
    """Print the key that `secrets seal --key` takes; anybody may have it."""
    as_json([Api(target(at)).get("/api/secrets/public-key", PublicKey)])
    return 0


@app.command
def cert(*, at: At = HERE) -> int:
    """Print the certificate that kubeseal seals a secrets.yml with; anybody may have it.

    For functions that run on Kubernetes: kubeseal --cert takes it. Elsewhere there is none, and
    `secrets set` keeps values.
    """
    with Api(target(at)).stream("/pub-cert.pem", PATIENCE) as answer:
        sys.stdout.write(answer.read().decode("ascii", "replace"))
    return 0


def _value(what: str, file: Path | None, *, visible: bool) -> bytes:
    """Return what the user gives, a little more than may be."""
    if file is not None:
        try:
            with file.open("rb") as reader:
                return reader.read(box.LONGEST + 1)
        except OSError as error:
            raise SecretInvalid(f"--from-file: {file}: {error.strerror}") from error
    if sys.stdin.isatty():
        ask = input if visible else getpass.getpass
        return ask(f"{what}: ").encode()
    given = sys.stdin.buffer.read(box.LONGEST + 1)
    return given.removesuffix(b"\n").removesuffix(b"\r")


def _encoded(value: bytes) -> dict[str, str]:
    check_value(value)
    return {"value_base64": base64.b64encode(value).decode()}


def _path(of: str, name: str) -> str:
    return f"/api/secrets/{of.strip('/')}/{name}"


def _said(of: str, forge: str) -> Scope:
    """Return a place that nobody is asked about."""
    if forge not in FORGES:
        hint = f"with --key it has to be said: {', '.join(FORGES)}"
        raise SecretInvalid(f"--forge: {forge!r} is none", hint=hint)
    return Scope(forge, of)


def _public_key(file: Path) -> PublicKey:
    try:
        return msgspec.json.decode(file.read_bytes(), type=PublicKey)
    except (OSError, msgspec.DecodeError) as error:
        raise SecretInvalid(
            f"--key: {file}: {error}", hint="pushline secrets public-key prints one"
        ) from error


def _spoken(written: SecretWritten) -> str:
    return written.of if "/" in written.of else f"all projects of {written.of}"
