"""YAML from strangers: read with lines, or refused for a reason, and soon."""

import time

import pytest

from schemas.stack_yaml import BYTES, Scalar, Table, YamlInvalid, read

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 10))
    for name in range(ord("b"), ord("i"))
)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        (b"a:\n\t- b\n", 2, "\\t"),
        (b"a: b: c\n", 1, "mapping values"),
        (b"a: 1\n---\nb: 2\n", 2, "a second document"),
        (b"a: *nobody\n", 1, "before its anchor"),
        (b"a: &a [*a]\n", 1, "before its anchor"),
        (b"? [a]\n: b\n", 1, "as a key"),
        (b"x: y\na: \xff\n", 2, "not UTF-8"),
        (b"x: y\na: \x01\n", 2, "control character"),
        (b"[" * 10_000, 1, "nested deeper"),
        (b"a: {<<: b}\n", 1, "merges mappings"),
        (b"#" * (BYTES + 1), 0, "more than"),
        (BOMB, 5, "aliases expanded"),
    ],
)
def test_what_is_no_good_yaml_is_refused_with_its_line(body: bytes, line: int, said: str) -> None:
    """Each trap of YAML has its own words, and none takes long."""
    began = time.monotonic()

    with pytest.raises(YamlInvalid) as caught:
        read(body)

    assert (caught.value.line, said in caught.value.message) == (line, True)
    assert time.monotonic() - began < 10


def test_tags_make_no_objects() -> None:
    """A tag that asks for a Python object is text like any other."""
    found = read(b"a: !!python/object/apply:os.system [x]\nb: !!binary aGk=\n")

    assert isinstance(found, Table)
    assert found.rows["b"].value == Scalar("aGk=", 2, plain=True)


def test_a_key_that_stands_twice_is_kept_for_who_reads() -> None:
    """The first value holds, the second one's line is known."""
    found = read(b"a: 1\nb: 2\na: 3\n")

    assert isinstance(found, Table)
    assert found.rows["a"].value == Scalar("1", 1, plain=True)
    assert [(key.text, key.line) for key in found.repeated] == [("a", 3)]


def test_a_byte_order_mark_is_passed_over() -> None:
    """Files of some editors begin with one."""
    found = read(b"\xef\xbb\xbfa: b\n")

    assert isinstance(found, Table)
    assert list(found.rows) == ["a"]
