"""What is remembered of heads: what comes again, and no more than there is room for."""

from edge.router.fields import Known


def test_what_comes_twice_is_remembered() -> None:
    """The first time costs no memory: most heads of a scan never come again."""
    known: Known[int] = Known()

    known.keep(b"once", 1)
    assert b"once" not in known
    known.keep(b"once", 1)
    assert known == {b"once": 1}


def test_it_never_holds_more_than_its_most() -> None:
    """A full one begins anew; what comes again is there again."""
    known: Known[int] = Known(most=4)
    for _ in range(2):
        for number in range(4):
            known.keep(b"%d" % number, number)
    assert len(known) == 4

    for _ in range(2):
        known.keep(b"one more", 5)
    assert known == {b"one more": 5}


def test_a_long_head_is_not_remembered() -> None:
    """64 KiB twice two thousand would be a lot of memory for a caller to fill."""
    known: Known[int] = Known()
    for _ in range(3):
        known.keep(b"x" * 5000, 1)
    assert known == {}


def test_strangers_do_not_push_out_friends() -> None:
    """A thousand heads that come once leave what is used in its place."""
    known: Known[int] = Known(most=8)
    for _ in range(2):
        known.keep(b"friend", 1)
    for number in range(1000):
        known.keep(b"%d" % number, number)
    assert known[b"friend"] == 1
