"""What a container image is made by: the operator's settings, and one build's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from consumers.builder.arguments import Arguments
from consumers.builder.references import Registry
from consumers.builder.registry import Login


class ContainerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which BuildKit, which registry, and within which limits."""

    url: str  # unix://, tcp:// of buildkitd, docker:// of an engine's socket
    registry: Registry  # where images are pulled from
    push_registry: Registry
    work: Path  # a folder for archives on their way
    tls: Path | None = None  # a folder with ca.pem, cert.pem and key.pem
    seconds: float = 900.0  # for one build, with its push
    again: tuple[float, ...] = (2.0, 10.0)  # seconds before what was interrupted is tried again
    login: Login = Login()
    insecure: bool = False  # plain http also to a registry elsewhere
    cache: bool = False  # kept in the registry
    attestations: frozenset[str] = frozenset({"provenance"})
    arguments: Arguments = Arguments()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that one build needs to be told."""

    archive: Path  # an uncompressed tar
    prefix: str = ""  # of the build context within it
    target: str  # HOST/PATH:TAG
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)
    platforms: str = ""
    cache: str = ""  # HOST/PATH:TAG, "" for none
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    push: bool = True
    foreign: bool = True  # the Dockerfile is the pusher's: it gets no base image by our login
