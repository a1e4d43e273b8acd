"""What a tar says of itself: ``com.openfaas.docker.config`` beside the folder ``context``.

The newer builder API may put ``com.openfaas.secrets`` there too: sealed, and opened elsewhere.
"""

import tarfile
from pathlib import Path
from typing import Final

import msgspec

from edge.build.port import Job
from edge.ingest.gate import Refusal

CONFIG: Final = "com.openfaas.docker.config"
SECRETS: Final = "com.openfaas.secrets"
LIMIT: Final = 256 * 1024  # bytes of each of them
MEMBERS: Final = 100_000  # of a tar


class Config(msgspec.Struct, frozen=True, rename="camel"):
    """The predecessor's words, and those of the newer builder API; others are passed over."""

    ref: str = ""  # the predecessor's
    image: str = ""  # the newer API's
    frontend: str = ""  # the daemon's own reads the Dockerfile, as the predecessor's did
    build_args: dict[str, str] | None = None
    platforms: list[str] | None = None
    skip_push: bool = False


def read(archive: Path) -> Job:
    """Return what is to be built; blocks. Refuses with 400 what is no such tar."""
    found = _beside(archive)
    config = _config(found)
    image = (config.ref or config.image).lower()
    if not image:
        raise Refusal(400, f"{CONFIG}: ref is missing")
    return Job(
        archive=archive,
        image=image,
        arguments=config.build_args or {},
        platforms=tuple(config.platforms or ()),
        push=not config.skip_push,
        sealed=found.get(SECRETS, b""),
    )


def _config(found: dict[str, bytes]) -> Config:
    if CONFIG not in found:
        raise Refusal(400, f"{CONFIG} is missing in the tar")
    try:
        return msgspec.json.decode(found[CONFIG], type=Config)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refusal(400, f"{CONFIG}: {error}") from None


def _beside(archive: Path) -> dict[str, bytes]:
    """Return what stands beside the context, by name; the first of a name counts."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:") as tar:
            for place, member in enumerate(tar):
                if place > MEMBERS:
                    raise Refusal(413, f"a tar has at most {MEMBERS} files here")
                name = member.name.removeprefix("./")
                if name in (CONFIG, SECRETS) and name not in found and member.isreg():
                    if member.size > LIMIT:
                        raise Refusal(413, f"{name} has at most {LIMIT} bytes")
                    body = tar.extractfile(member)
                    found[name] = body.read() if body else b""
    except tarfile.TarError as error:
        raise Refusal(400, f"the body is no tar: {error}") from None
    return found
