"""What an error of gRPC means: whose fault it is, and whether another try may help."""

import re
from typing import Final

import grpc

from consumers.builder.buildkit.errors import (
    BuildkitError,
    Denied,
    SolveFailed,
    TooOld,
    Unavailable,
)
from consumers.builder.buildkit.progress import Vertex
from consumers.builder.buildkit.watch import Watch

# BuildKit has no types for these; the words are those of its executor, containerd's resolver and
# Go's net package.
EXIT: Final = re.compile(
    r"(?:did not complete successfully|executor failed running .*): "
    r"exit code: (\d+)",
    re.DOTALL,
)
DENIED: Final = re.compile(
    r"401 Unauthorized|403 Forbidden|\bunauthorized: |authorization failed|insufficient_scope"
    r"|pull access denied|(?<!permission )denied: |no basic auth credentials"
    r"|authentication required"
    r"|entitlement .* is not allowed"
)
LATER: Final = re.compile(
    r"connection refused|connection reset|broken pipe|i/o timeout|no such host"
    r"|server misbehaving|TLS handshake timeout|unexpected EOF|: EOF\b|429 Too Many Requests"
    r"|5\d\d (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout)"
    r"|temporary failure in name resolution|deadline exceeded|network is unreachable"
    r"|no route to host|no space left on device|no active session",
    re.IGNORECASE,
)
MISSING: Final = re.compile(r"exporter \S+ could not be found|unknown (method|service)")
HANDSHAKE: Final = re.compile(r"certificate|SSL_ERROR_SSL|verification check", re.IGNORECASE)
GONE: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,  # not by us: the daemon is being stopped
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
REFUSED: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


def failure(error: grpc.aio.AioRpcError, watch: Watch | None = None) -> BuildkitError:
    """Return the error to raise for one of gRPC's; ``watch`` saw the build, if it was one."""
    code, said = error.code(), error.details() or error.code().name
    if code in GONE:
        if HANDSHAKE.search(said):
            return Denied(f"no TLS connection with the daemon, check the certificates: {said}")
        return Unavailable(f"the daemon is not there or went away: {said}")
    if code == grpc.StatusCode.UNIMPLEMENTED or MISSING.search(said):
        return TooOld(f"the daemon does not know this: {said}")
    if code in REFUSED:
        return Denied(said)
    step = _step(said, watch) if watch else None
    ran = EXIT.search(said)
    if not ran and DENIED.search(said):
        return Denied(said)
    return SolveFailed(
        said,
        vertex=step.name if step else "",
        exit_code=int(ran[1]) if ran else None,
        tail=watch.tail(step.digest) if watch and step else (),
        retryable=not ran and LATER.search(said) is not None,
    )


def _step(said: str, watch: Watch) -> Vertex | None:
    """Return the step to blame; others were only stopped because of it."""
    steps = list(watch.failed.values())
    for step in steps:
        if step.error in said:
            return step
    return next((one for one in steps if "context canceled" not in one.error), None)
