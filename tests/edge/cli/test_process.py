"""How a process apart ends: its exit code tells whether starting it again makes sense."""

import socket

import pytest

from edge.cli import process
from edge.cli.listen import PortTaken, listener
from schemas.errors import AccessDenied, LogUnavailable, SettingInvalid


def raising(error: BaseException) -> int:
    """Return the exit code of work that ends so."""

    def work() -> int:
        raise error

    return process.guarded(work)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingInvalid("x", hint="mend it"), 78),
        (AccessDenied("x"), 78),
        (LogUnavailable("x"), 1),
        (ExceptionGroup("tasks", [ExceptionGroup("more", [SettingInvalid("x")])]), 78),
        (ExceptionGroup("tasks", [LogUnavailable("x"), LogUnavailable("y")]), 1),
    ],
)
def test_an_error_of_ours_is_a_code_and_a_line(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """78 where nothing but a person mends it, 1 for what may pass; no traceback."""
    assert raising(error) == code

    assert capsys.readouterr().err.startswith("error: x\n")


def test_an_error_of_others_is_not_hidden() -> None:
    """Alone or beside one of ours, what nobody expected keeps its traceback."""
    with pytest.raises(RuntimeError):
        raising(RuntimeError("what?"))
    with pytest.raises(ExceptionGroup):
        raising(ExceptionGroup("tasks", [RuntimeError("what?"), SettingInvalid("x")]))


def test_work_that_is_done_is_its_own_code() -> None:
    """Nothing is added to what ended well."""
    assert process.guarded(lambda: process.OK) == 0


def test_a_taken_port_names_its_setting() -> None:
    """Unlike `up`, no other port is taken: somebody has written down which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"PUSHLINE_EDGE_LISTEN.*port {port}: it is taken"):
            listener("127.0.0.1", port, "edge_listen")

    with listener("127.0.0.1", port, "edge_listen") as free:
        assert free.getsockname() == ("127.0.0.1", port)
