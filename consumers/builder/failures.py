"""How a build fails, in words for whoever pushed: what is theirs, and what comes back by itself."""

import re
from typing import Final

from consumers.builder.buildkit import BuildkitError, Denied, SolveFailed, TooOld, Unavailable
from consumers.builder.images import BuildInterrupted, EngineMissing
from consumers.builder.log import TAIL, printable
from consumers.builder.registry import RegistryRefused
from schemas.errors import BuildFailed, EngineUnavailable, PushlineError, RegistryUnavailable

CURE: Final = (
    "whoever runs Pushline has to set PUSHLINE_REGISTRY_USER and PUSHLINE_REGISTRY_PASSWORD "
    "to one that may push there"
)
SHOWN: Final = 500  # characters of a message
_PUSH = re.compile(r"failed to push|pushing (layers|manifest)|exporting to image")
_REFUSED = re.compile(
    r"\b40[13]\b|unauthorized|denied|forbidden|insufficient.scope|authoriz|no basic auth",
    re.IGNORECASE,
)


def of_build(error: BuildkitError, registry: str) -> PushlineError:
    """Return the error to raise for one of BuildKit's; ``registry`` is the host pushed to."""
    if isinstance(error, Unavailable):
        return EngineUnavailable(error.message)
    if isinstance(error, TooOld):
        hint = "whoever runs Pushline has to give it a newer BuildKit"
        return EngineMissing(f"this BuildKit can't do that: {error.message}", hint=hint)
    message = _bounded(error.message)
    tail: tuple[str, ...] = ()
    if isinstance(error, SolveFailed):
        tail = tuple(map(printable, error.tail[-TAIL:]))
        if error.exit_code is not None:
            message = f"{_bounded(error.vertex) or 'a step'} ended with {error.exit_code}"
            return BuildFailed(message, hint="see the last lines of its log", tail=tail)
    if isinstance(error, SolveFailed | Denied) and pushes(error, registry):
        return of_push(message, registry)
    if error.retryable:
        return BuildInterrupted(message, tail=tail)
    return BuildFailed(message, tail=tail)


def pushes(error: SolveFailed | Denied, registry: str) -> bool:
    """Tell whether it was the push that failed, and not a step or a base image."""
    said = f"{getattr(error, 'vertex', '')} {error.message}"
    return registry in error.message and _PUSH.search(said) is not None


def of_push(message: str, registry: str) -> RegistryRefused | RegistryUnavailable:
    """Return the error to raise for a push that failed with this message."""
    message = _bounded(message)
    if _REFUSED.search(message):
        return RegistryRefused(f"the registry {registry} refused the image: {message}", hint=CURE)
    return RegistryUnavailable(f"the image was not pushed to {registry}: {message}")


def _bounded(text: str) -> str:
    """Return it for a fact: a step may be a script of many lines, and says who it likes."""
    line = printable(text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
