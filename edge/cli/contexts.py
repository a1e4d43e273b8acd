"""Contexts: Pushlines elsewhere that somebody is signed in to; one file, for its user alone."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from edge.cli.home import write_private
from schemas.errors import PushlineError

FILE: Final = "contexts.json"
OTHERS: Final = 0o077  # bits of a mode that let somebody else in
LONGEST: Final = 100  # letters of a name


class ContextUnknown(PushlineError):
    """No context has this name."""

    code = "context_unknown"


class ContextInvalid(PushlineError):
    """A context's name or address cannot be used."""

    code = "context_invalid"


class ContextsUnsafe(PushlineError):
    """The file of contexts can be read by others, or cannot be used at all."""

    code = "contexts_unsafe"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One Pushline, and the token for it."""

    url: str  # scheme://HOST[:PORT]
    token: str
    login: str = ""  # whose the token is
    until: datetime | None = None  # when it ends

    def __repr__(self) -> str:
        """Return where, without the token."""
        return f"Context(url={self.url!r}, login={self.login!r})"


class Contexts(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, and which one commands mean."""

    current: str = ""
    contexts: dict[str, Context] = {}

    def named(self, name: str) -> Context:
        """Return one; ContextUnknown says which there are."""
        found = self.contexts.get(name)
        if found is None:
            there = ", ".join(sorted(self.contexts)) or "none yet: pushline login URL"
            raise ContextUnknown(f"there is no context {name}", hint=f"there are: {there}")
        return found

    def using(self, name: str) -> "Contexts":
        """Return them with another current one; "": none."""
        if name:
            self.named(name)
        return msgspec.structs.replace(self, current=name)

    def with_one(self, name: str, context: Context) -> "Contexts":
        """Return them with one more, which is the current one."""
        if not name or len(name) > LONGEST or not name.isprintable() or " " in name:
            raise ContextInvalid(
                f"{name[:LONGEST]!r} cannot be a context's name", hint="--name NAME"
            )
        return Contexts(current=name, contexts=self.contexts | {name: context})

    def without(self, name: str) -> "Contexts":
        """Return them without one; if it was the current one, there is none."""
        self.named(name)
        kept = {each: context for each, context in self.contexts.items() if each != name}
        return Contexts(current="" if self.current == name else self.current, contexts=kept)


def file_of(environ: Mapping[str, str]) -> Path:
    """Return the file, in the user's folder of configuration."""
    folder = environ.get("XDG_CONFIG_HOME", "")
    try:
        home = Path(folder) if folder else Path("~/.config").expanduser()
    except RuntimeError as error:  # no HOME, and no such user
        raise ContextsUnsafe(
            "there is no folder for contexts", hint="set XDG_CONFIG_HOME"
        ) from error
    return home / "pushline" / FILE


def read(file: Path) -> Contexts:
    """Return the contexts there are, none where there is no file; raises ContextsUnsafe."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if found.st_uid != os.getuid() or found.st_mode & OTHERS:
                raise ContextsUnsafe(
                    f"{file} can be read by others, and has tokens in it",
                    hint=f"chmod 600 {file}, and make new tokens: they may be known",
                )
            return msgspec.json.decode(opened.read(), type=Contexts)
    except FileNotFoundError:
        return Contexts()
    except (OSError, msgspec.DecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no list of contexts"
        raise ContextsUnsafe(f"{file}: {why}", hint="remove it, and sign in again") from error


@contextlib.contextmanager
def changing(file: Path) -> Iterator["Change"]:
    """Hold the file for a change, against other commands at the same moment."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.with_name(f".{FILE}.lock").open("a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Change(file, read(file))


class Change:
    """The contexts as they are, and the way to write them."""

    def __init__(self, file: Path, now: Contexts) -> None:
        """Remember where."""
        self._file = file
        self.now = now

    def to(self, after: Contexts) -> None:
        """Write the file whole, 0600."""
        write_private(self._file, msgspec.json.format(msgspec.json.encode(after)) + b"\n")
        self.now = after


def checked_url(text: str) -> str:
    """Return scheme://HOST[:PORT]; raises ContextInvalid for an address that tokens may not go to.

    Without TLS a token could be read on its way: plain http is for this machine.
    """
    parts = urlsplit(text if "://" in text else f"https://{text}")
    host = parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host, port = "", ""
    if not host or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise ContextInvalid(
            f"{text[:LONGEST]} is no address of a Pushline", hint="write https://system.example.com"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here(host)):
        raise ContextInvalid(
            f"{text[:LONGEST]}: a token does not go there in the clear",
            hint=f"write https://{host}",
        )
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def is_here(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone (RFC 6761 for ``.localhost``)."""
    name = host.rstrip(".").lower()
    return name in ("localhost", "::1") or name.endswith(".localhost") or name.startswith("127.")
