"""What a tar says of itself: ``com.openfaas.docker.config`` beside the folder ``context``."""

import tarfile
from pathlib import Path
from typing import Final

import msgspec

from edge.build.port import Job
from edge.ingest.gate import Refusal

CONFIG: Final = "com.openfaas.docker.config"
CONTEXT: Final = "context"
LIMIT: Final = 256 * 1024  # bytes of it
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
    config = _config(archive)
    image = (config.ref or config.image).lower()
    if not image:
        raise Refusal(400, f"{CONFIG}: ref is missing")
    return Job(
        archive=archive,
        image=image,
        arguments=config.build_args or {},
        platforms=tuple(config.platforms or ()),
        push=not config.skip_push,
    )


def _config(archive: Path) -> Config:
    try:
        with tarfile.open(archive, "r:") as tar:
            for place, member in enumerate(tar):
                if place > MEMBERS:
                    raise Refusal(413, f"a tar has at most {MEMBERS} files here")
                if member.name.removeprefix("./") == CONFIG and member.isreg():
                    if member.size > LIMIT:
                        raise Refusal(413, f"{CONFIG} has at most {LIMIT} bytes")
                    body = tar.extractfile(member)
                    return msgspec.json.decode(body.read() if body else b"", type=Config)
    except tarfile.TarError as error:
        raise Refusal(400, f"the body is no tar: {error}") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refusal(400, f"{CONFIG}: {error}") from None
    raise Refusal(400, f"{CONFIG} is missing in the tar")
