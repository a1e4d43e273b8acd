"""The shapes of the OpenFaaS provider's REST API, as its server and its clients name them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """FunctionResources."""

    memory: str = ""
    cpu: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """FunctionDeployment: what a function is to be."""

    service: str
    image: str
    namespace: str = ""
    envProcess: str = ""  # noqa: N815 - the API's word
    envVars: dict[str, str] = {}  # noqa: N815
    constraints: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    limits: Resources | None = None
    requests: Resources | None = None
    readOnlyRootFilesystem: bool = False  # noqa: N815


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """FunctionStatus, of which gateways leave out what they like: faasd lists no available."""

    name: str
    namespace: str = ""
    image: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    replicas: int = 0  # that ought to be
    availableReplicas: int = 0  # noqa: N815 - that are ready
    createdAt: str = ""  # noqa: N815

    def mark(self, name: str) -> str:
        """Return an annotation, or nothing."""
        return (self.annotations or {}).get(name, "")


class Delete(msgspec.Struct, frozen=True, omit_defaults=True):
    """DeleteFunctionRequest."""

    functionName: str  # noqa: N815
    namespace: str = ""


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """ScaleServiceRequest."""

    serviceName: str  # noqa: N815
    namespace: str = ""
    replicas: int


class Secret(msgspec.Struct, frozen=True, omit_defaults=True):
    """Secret; a gateway never tells the value again."""

    name: str
    namespace: str = ""
    rawValue: bytes = b""  # noqa: N815 - base64 in JSON

    def __repr__(self) -> str:
        """Return all but the value."""
        return f"Secret(name={self.name!r}, namespace={self.namespace!r})"


class Version(msgspec.Struct, frozen=True):
    """Which release something is."""

    release: str = ""
    sha: str = ""


class Provider(msgspec.Struct, frozen=True):
    """What stands behind a gateway."""

    provider: str = ""
    orchestration: str = ""
    version: Version | None = None


class Info(msgspec.Struct, frozen=True):
    """What a gateway says of itself; a bare provider gives its name in the place of the struct."""

    provider: Provider | str
    version: Version | None = None
    orchestration: str = ""
    arch: str = ""

    @property
    def name(self) -> str:
        """Return what runs the functions, such as faasd."""
        return self.provider if isinstance(self.provider, str) else self.provider.provider


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One printed line of one instance."""

    name: str = ""
    instance: str = ""
    timestamp: Annotated[datetime, Meta(tz=True)]
    text: str = ""
