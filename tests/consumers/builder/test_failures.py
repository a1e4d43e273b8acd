"""How BuildKit's errors reach whoever pushed: theirs, the operator's, or nobody's."""

import pytest

from consumers.builder import failures
from consumers.builder.buildkit import (
    BuildkitError,
    ContextInvalid,
    Denied,
    SolveFailed,
    TooOld,
    Unavailable,
)
from consumers.builder.images import BuildInterrupted, EngineMissing
from consumers.builder.registry import RegistryRefused
from schemas.errors import BuildFailed, EngineUnavailable, PushlineError, RegistryUnavailable

HOST = "registry:5000"
PUSH = "failed to push registry:5000/alice/hello-hello:latest-main-04b8e44: "
REFUSED = "unexpected status from POST request to http://registry:5000/v2/: 401 Unauthorized"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unavailable("the daemon went away"), EngineUnavailable),
        (TooOld("exporter image could not be found"), EngineMissing),
        (ContextInvalid("not a tar"), BuildFailed),
        (SolveFailed("process … exit code: 7", vertex="RUN x", exit_code=7), BuildFailed),
        (SolveFailed("dockerfile parse error on line 2"), BuildFailed),
        (SolveFailed(PUSH + "dial tcp: connection refused", retryable=True), RegistryUnavailable),
        (SolveFailed(PUSH + "EOF"), RegistryUnavailable),
        (SolveFailed(PUSH + "insufficient_scope: authorization failed"), RegistryRefused),
        (Denied(PUSH + REFUSED), RegistryRefused),
        (Denied("registry:5000/theirs: pull access denied"), BuildFailed),
        (Denied("docker.io/library/nothing: pull access denied"), BuildFailed),
        (SolveFailed("example.org/x: i/o timeout", retryable=True), BuildInterrupted),
    ],
)
def test_each_error_has_its_owner(error: BuildkitError, kind: type[PushlineError]) -> None:
    """Who pushed, whoever runs Pushline, or an outage that is waited for."""
    assert type(failures.of_build(error, HOST)) is kind


@pytest.mark.weakness(24)
def test_a_failed_step_says_which_and_how() -> None:
    """With its last lines, and no more of it than can be shown anywhere."""
    script = "[2/2] RUN " + "echo x\n" * 1000
    lines = (*("older",) * 100, "\x1b[2Jred", "y" * 10_000)
    error = SolveFailed("…", vertex=script, exit_code=7, tail=lines)

    failed = failures.of_build(error, HOST)

    assert isinstance(failed, BuildFailed)
    assert failed.message.endswith("… ended with 7")
    assert len(failed.message) < 600
    assert failed.message.isprintable()
    assert len(failed.tail) == 20
    assert failed.tail[-2] == "red"
    assert len(failed.tail[-1]) == 2000


def test_a_refused_push_names_the_operator_s_settings() -> None:
    """In the engine's words too."""
    for said in ("unauthorized: authentication required", "denied: not yours", REFUSED):
        error = failures.of_push(said, HOST)
        assert isinstance(error, RegistryRefused)
        assert "PUSHLINE_REGISTRY_PASSWORD" in error.hint
    for said in ("received unexpected HTTP status: 500", "connect: connection refused"):
        assert isinstance(failures.of_push(said, HOST), RegistryUnavailable)
