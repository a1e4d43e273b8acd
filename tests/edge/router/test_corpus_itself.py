"""The corpus as data: it says what it expects, and why."""

from edge.router import causes
from edge.router.causes import Cause
from tests.edge.router.corpus import load

NAMES = {one.name for one in vars(causes).values() if isinstance(one, Cause)}


def test_each_case_is_refused_or_arrives() -> None:
    """One of both is said, a cause is one that there is, and the reason is never missing."""
    for name, case in load().items():
        assert bool(case.cause) != bool(case.arrives), name
        assert not case.cause or case.cause in NAMES, name
        assert case.why, name


def test_every_answer_to_a_bad_head_is_tried() -> None:
    """No cause that a head alone can lead to is without a case."""
    tried = {case.cause for case in load().values()}

    assert {name for name in NAMES if name.startswith(("bad_", "not_clean"))} <= tried


def test_repeated_text_is_written_out() -> None:
    """Sizes are those that the case names."""
    cases = load()

    assert len(cases["lines: head over 64 KiB"].sent) > 70_000
    assert cases["lines: over 100 headers"].sent.count(b"\r\nX-A: 1") == 101
