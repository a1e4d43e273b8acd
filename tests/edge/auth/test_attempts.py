"""How often somebody may be wrong, on plain values and a clock of the test's."""

import pytest

from edge.auth.attempts import MOST, Attempts
from edge.auth.source import HERE, network, source_of


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.at = 43_200.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


def test_a_few_slips_are_nobody_s_business_many_are() -> None:
    """The third failure is one too many; a minute later all is forgotten."""
    clock = Clock()
    attempts = Attempts(each=2, window=60, now=clock)

    assert [attempts.failed("a"), attempts.failed("a")] == [0, 0]
    clock.at += 20
    assert attempts.failed("a") == 40
    assert attempts.wait("a") == 40
    clock.at += 40
    assert attempts.wait("a") == 0
    assert attempts.failed("a") == 0


def test_others_are_not_held_back_until_it_is_an_attack() -> None:
    """One network's failures are its own; those of very many together hold all failures back."""
    attempts = Attempts(each=2, all=10, now=Clock())
    for _ in range(5):
        attempts.failed("a")

    assert attempts.wait("a") > 0
    assert attempts.wait("b") == 0
    for number in range(6):
        attempts.failed(f"n{number}")
    assert attempts.wait("b") > 0


def test_memory_is_bounded() -> None:
    """A million networks cost no more than a few thousand."""
    attempts = Attempts(each=1, all=1_000_000, now=Clock())
    attempts.failed("first")
    attempts.failed("first")
    for number in range(MOST):
        attempts.failed(f"n{number}")

    assert len(attempts._sources) == MOST  # noqa: SLF001 - what is bounded
    assert attempts.wait("first") == 0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("127.0.0.1", HERE),
        ("::1", HERE),
        ("", HERE),
        ("<script>", HERE),
    ],
)
def test_an_address_is_told_as_its_network(address: str, expected: str) -> None:
    """Whoever reads the log learns of no person's address."""
    assert network(address) == expected


def test_the_caller_is_the_nearest_that_is_no_proxy_of_ours() -> None:
    """What is further away was written by somebody whom we do not know."""
    chain = b"198.51.100.1, 203.0.113.7, 10.0.0.2"

    assert source_of(chain, ("10.0.0.0/8",)) == "203.0.113.0/24"
    assert source_of(chain) == "10.0.0.0/24"
    assert source_of(b"10.0.0.2", ("10.0.0.0/8",)) == "10.0.0.0/24"
    assert source_of(b"") == HERE
