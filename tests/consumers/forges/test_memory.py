"""Answers that are kept for their tags: as many as there is room for."""

from consumers.forges.memory import LARGEST, Kept, Memory

A, B, C = (("", f"/{name}") for name in "abc")


def test_the_least_used_goes_first() -> None:
    """Of too many, and of too many bytes together; what was asked for stays."""
    memory: Memory[str] = Memory(entries=2)
    memory.put(A, "a", tag="1", size=1)
    memory.put(B, "b", tag="1", size=1)
    memory.get(A)
    memory.put(C, "c", tag="1", size=1)

    assert [memory.get(key) for key in (A, B, C)] == [Kept("1", "a", 1), None, Kept("1", "c", 1)]

    small: Memory[str] = Memory(bytes=10)
    small.put(A, "a", tag="1", size=6)
    small.put(B, "b", tag="1", size=6)
    small.put(B, "b", tag="2", size=4)

    assert [small.get(key) for key in (A, B)] == [None, Kept("2", "b", 4)]
    assert len(small) == 1


def test_what_is_not_kept() -> None:
    """What has no tag, for it cannot be asked after, and what is large; nor what was before it."""
    memory: Memory[str] = Memory()
    for tag, size in (("", 1), ("2", LARGEST + 1)):
        memory.put(A, "a", tag="1", size=1)
        memory.put(A, "other", tag=tag, size=size)

        assert memory.get(A) is None


def test_answers_are_of_whoever_asked() -> None:
    """What one installation may see is not told to another."""
    memory: Memory[str] = Memory()
    memory.put(("7", "/repos/a/b"), "a", tag="1", size=1)

    assert memory.get(("8", "/repos/a/b")) is None
