"""Whose turn it is, on plain values."""

from itertools import count

from bus.fair import Line


def turns(line: Line[str], number: int) -> list[str]:
    """Return who gets the one place, turn after turn."""
    found = []
    for _ in range(number):
        turn = line.take()
        if turn is None:
            break
        key, item = turn
        line.ended(key)
        found.append(item)
    return found


def test_one_place_goes_around() -> None:
    """Three lanes take turns, however much one of them has waiting."""
    line: Line[str] = Line()
    for number in range(50):
        line.add("flood", f"f{number}", f"f{number}")
    for lane in "ab":
        for number in range(2):
            line.add(lane, f"{lane}{number}", f"{lane}{number}")

    assert turns(line, 8) == ["f0", "a0", "b0", "f1", "a1", "b1", "f2", "f3"]


def test_a_place_goes_to_whom_has_fewest() -> None:
    """While a flood has all places, the next that is free goes to somebody else."""
    line: Line[str] = Line()
    for number in range(10):
        line.add("flood", f"f{number}", f"f{number}")
    running = [line.take() for _ in range(4)]
    line.add("late", "l", "l")

    line.ended("f0")

    assert [turn and turn[0] for turn in running] == ["f0", "f1", "f2", "f3"]
    assert line.take() == ("l", "l")
    assert line.take() == ("f4", "f4")


def test_a_key_s_own_come_in_order_and_one_at_a_time() -> None:
    """While one of a key runs, the next of another key is taken; then the key's next."""
    line: Line[str] = Line()
    for item in ("a1", "a2", "b1", "a3"):
        line.add("lane", item[0], item)

    assert line.take() == ("a", "a1")
    assert line.take() == ("b", "b1")
    assert line.take() is None
    line.ended("a")
    assert line.take() == ("a", "a2")
    line.ended("a")
    assert (line.take(), line.size) == (("a", "a3"), 0)


def test_a_lane_s_most_holds_while_others_go_on() -> None:
    """A lane that has what it may have waits, with places free; a larger share counts at once."""
    most = {"small": 1}
    line: Line[str] = Line(lambda lane: most.get(lane, 0))
    for lane in ("small", "big"):
        for number in range(3):
            line.add(lane, f"{lane}{number}", f"{lane}{number}")

    taken = [line.take() for _ in range(5)]
    assert [turn and turn[1] for turn in taken] == ["small0", "big0", "big1", "big2", None]
    most["small"] = 2
    assert line.take() == ("small1", "small1")


def test_what_is_left_to_others_is_the_newest_of_the_longest() -> None:
    """Whole keys, and nothing of what runs; the rest keeps its order."""
    line: Line[str] = Line()
    number = count()
    for key in ("f1", "f2", "f3", "f4", "f3"):
        line.add("flood", key, f"{key}-{next(number)}")
    line.add("other", "o", "o-5")
    line.take()
    line.add("flood", "f1", "f1-6")

    assert line.leave(2) == ["f4-3", "f3-2", "f3-4"]
    assert line.size == 3
    line.ended("f1")
    assert turns(line, 9) == ["o-5", "f2-1", "f1-6"]


def test_nothing_is_remembered_of_what_is_over() -> None:
    """A year of accounts leaves nothing behind."""
    line: Line[str] = Line()
    for number in range(100):
        line.add(f"lane{number}", f"key{number}", "one")
    turns(line, 100)

    kept = [value for value in vars(line).values() if hasattr(value, "__len__")]
    assert [len(value) for value in kept] == [0] * len(kept)
    assert list(line) == []


def test_all_that_waits_can_be_taken_back() -> None:
    """At the end it is given back; what runs goes on to its end."""
    line: Line[str] = Line()
    for item in ("a1", "a2", "b1"):
        line.add("lane", item[0], item)
    line.take()

    assert sorted(line.clear()) == ["a2", "b1"]
    line.ended("a")
    assert (line.take(), line.size) == (None, 0)
