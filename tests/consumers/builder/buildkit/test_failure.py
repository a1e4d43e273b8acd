"""What daemons say when something goes wrong, and what it means to a caller."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from consumers.builder.buildkit import (
    BuildkitError,
    Denied,
    SolveFailed,
    TooOld,
    Unavailable,
)
from consumers.builder.buildkit.failure import failure
from consumers.builder.buildkit.watch import Tail, Watch
from consumers.builder.pb import control_pb2 as pb

UNKNOWN, GONE = grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE


def said(code: grpc.StatusCode, details: str) -> AioRpcError:
    """Return an error as grpcio raises it."""
    return AioRpcError(code, Metadata(), Metadata(), details)


PROCESS = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'
OLD = "executor failed running [/bin/sh -c curl connection refused]: exit code: 7"


@pytest.mark.parametrize(
    ("code", "details", "kind", "retryable"),
    [
        (GONE, "Socket closed", Unavailable, True),
        (GONE, "failed to connect: Connection refused", Unavailable, True),
        (GONE, "Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", Denied, False),
        (grpc.StatusCode.CANCELLED, "context canceled", Unavailable, True),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", Unavailable, True),
        (grpc.StatusCode.UNIMPLEMENTED, "unknown method Info", TooOld, False),
        (UNKNOWN, 'exporter "image" could not be found', TooOld, False),
        (grpc.StatusCode.PERMISSION_DENIED, "no", Denied, False),
        (UNKNOWN, "failed to push: unexpected status: 401 Unauthorized", Denied, False),
        (UNKNOWN, "pull access denied, repository does not exist", Denied, False),
        (UNKNOWN, "entitlement network.host is not allowed", Denied, False),
        (UNKNOWN, "dial tcp 127.0.0.1:9: connect: connection refused", SolveFailed, True),
        (UNKNOWN, "unexpected status: 503 Service Unavailable", SolveFailed, True),
        (UNKNOWN, "unexpected status: 429 Too Many Requests", SolveFailed, True),
        (UNKNOWN, 'Head "http://r/v2/": EOF', SolveFailed, True),
        (UNKNOWN, "no active session for x: context deadline exceeded", SolveFailed, True),
        (UNKNOWN, "write /var: no space left on device", SolveFailed, True),
        (UNKNOWN, "dockerfile parse error line 1", SolveFailed, False),
        (UNKNOWN, PROCESS, SolveFailed, False),
        (UNKNOWN, OLD, SolveFailed, False),
    ],
)
def test_whose_fault_it_is(
    code: grpc.StatusCode,
    details: str,
    kind: type[BuildkitError],
    retryable: bool,  # noqa: FBT001 - a column
) -> None:
    """Each error has its type, and says whether another try may help."""
    error = failure(said(code, details))

    assert type(error) is kind
    assert error.retryable is retryable
    assert details in str(error)


@pytest.mark.parametrize(("details", "code"), [(PROCESS, 2), (OLD, 7), ("line 1", None)])
def test_exit_code(details: str, code: int | None) -> None:
    """The code is that of the step, in the words of new and of old daemons."""
    error = failure(said(UNKNOWN, details))

    assert isinstance(error, SolveFailed)
    assert error.exit_code == code


def test_the_step_to_blame_is_the_one_that_failed_first() -> None:
    """Steps that were only stopped because another failed are not to blame."""
    watch = Watch(lambda _: None)
    stopped = pb.Vertex(digest="a", name="[1/2] RUN a", error="a: context canceled")
    failed = pb.Vertex(digest="b", name="[2/2] RUN make", error=PROCESS)
    log = pb.VertexLog(vertex="b", stream=1, msg=b"one\r\ntwo\nthr")
    watch.take(pb.StatusResponse(vertexes=[stopped, failed], logs=[log]))

    error = failure(said(UNKNOWN, "failed to solve: " + PROCESS), watch)

    assert isinstance(error, SolveFailed)
    assert error.vertex == "[2/2] RUN make"
    assert error.tail == ("one", "two", "thr")


def test_a_tail_is_short_whatever_is_printed() -> None:
    """Lines without end, and endless lines, need no more room than a few."""
    tail = Tail()
    for number in range(1000):
        tail.add(1, b"x" * 10_000)
        tail.add(2, f"\nline {number}\n".encode())

    lines = tail.lines()

    assert len(lines) == 20
    assert lines[-1] == "line 999"
    assert max(map(len, lines)) <= 4096
