"""What is asked of a daemon, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from consumers.builder.buildkit.session import Session


@dataclass(frozen=True, slots=True)
class Export:
    """Where the result goes: image, oci, docker, tar, local, or an engine's moby."""

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cache:
    """Where steps are kept between builds: registry, inline, local, s3 and others."""

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solve:
    """One build."""

    frontend: str = "dockerfile.v0"
    frontend_attrs: Mapping[str, str] = field(default_factory=dict)
    exports: Sequence[Export] = ()
    cache_imports: Sequence[Cache] = ()
    cache_exports: Sequence[Cache] = ()
    entitlements: Sequence[str] = ()
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A build that went well."""

    response: Mapping[str, str]  # "containerimage.digest", …; what each exporter says

    @property
    def digest(self) -> str:
        """Return the image's digest, "" where no image was exported."""
        return self.response.get("containerimage.digest", "")
