"""Compatibility: what would break a reader of the released contract is found, and named."""

import copy
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pytest

from schemas.upcast import Upcaster
from tests.contract import released
from tests.contract.compare import breaks_of


class Step(msgspec.Struct, frozen=True):
    """A part of a made-up fact."""

    name: str
    size: int = 0


class Old(msgspec.Struct, frozen=True):
    """A made-up fact, as it was released."""

    function: str
    outcome: Literal["live", "failed"]
    digest: str = "sha256:0"
    tries: int = 3
    note: str | None = None
    steps: tuple[Step, ...] = ()
    pair: tuple[int, str] = (0, "")
    labels: dict[str, int] = {}


Schema = dict[str, Any]
OLD: Schema = msgspec.json.decode(
    msgspec.json.encode(msgspec.json.schema(Old, ref_template="#/$defs/{name}"))
)
FIELDS = OLD["$defs"]["Old"]["properties"]
FIELDS["digest"]["pattern"] = "^sha256:"
FIELDS["tries"]["maximum"] = 9


def changed(change: Callable[[Schema], object], kind: str = "Old") -> list[str]:
    """Return the breaks that a change of the released schema makes."""
    new = copy.deepcopy(OLD)
    change(new["$defs"][kind])
    return breaks_of(OLD, new)


def put(field: str, **keywords: Any) -> Callable[[Schema], None]:
    """Return what sets keywords of a field's schema."""
    return lambda schema: schema["properties"][field].update(keywords)


def drop(field: str, keyword: str) -> Callable[[Schema], None]:
    """Return what takes a keyword from a field's schema."""
    return lambda schema: schema["properties"][field].pop(keyword)


BREAKS: dict[str, tuple[Callable[[Schema], object], str]] = {
    "removed": (lambda s: s["properties"].pop("tries"), "$.tries: the field is gone"),
    "renamed": (
        lambda s: s["properties"].update(attempts=s["properties"].pop("tries")),
        "$.tries: the field is gone",
    ),
    "retyped": (put("function", type="integer"), "$.function: is integer now, it was string"),
    "required": (lambda s: s["required"].append("tries"), "$.tries: is required now"),
    "new and required": (
        lambda s: (s["properties"].update(who={"type": "string"}), s["required"].append("who")),
        "$.who: is required now",
    ),
    "narrower choice": (put("outcome", enum=["live"]), "$.outcome: 'failed' is taken no more"),
    "a choice at last": (put("function", enum=["a"]), "$.function: 'any other' is taken no more"),
    "another pattern": (put("digest", pattern="^sha512:"), "$.digest: pattern is '^sha512:' now"),
    "a new pattern": (put("function", pattern="^a"), "$.function: pattern is '^a' now"),
    "less room": (put("tries", maximum=5), "$.tries: maximum is 5 now, it was 9"),
    "a new limit": (put("function", minLength=1), "$.function: minLength is 1 now"),
    "another meaning": (put("tries", default=1), "$.tries: without it 1 is meant now, it was 3"),
    "no null": (put("note", anyOf=[{"type": "string"}]), "$.note: null is taken no more"),
    "longer pair": (
        lambda s: s["properties"]["pair"]["prefixItems"].append({"type": "integer"}),
        "$.pair: holds 3 values, no longer 2",
    ),
    "values of another type": (
        put("labels", additionalProperties={"type": "string"}),
        "$.labels[]: is string now, it was integer",
    ),
    "closed": (lambda s: s.update(additionalProperties=False), "$: takes no more fields"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_is_named(kind: str) -> None:
    """What was valid and no longer is, or means something else, is one line with its field."""
    change, said = BREAKS[kind]

    assert any(line.startswith(said) for line in changed(change)), changed(change)


def test_a_break_within_is_named_by_its_whole_path() -> None:
    """The parts of a fact are compared like the fact."""
    assert changed(lambda s: s["properties"].pop("size"), "Step") == [
        "$.steps[].size: the field is gone (renamed?)"
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda s: s["properties"].update(more={"type": "string", "default": ""}),
        put("outcome", enum=["failed", "live", "partly"]),
        put("tries", maximum=10, type="number"),
        put("note", anyOf=[{"type": "string"}, {"type": "null"}, {"type": "integer"}]),
        put("function", description="said better"),
        drop("digest", "pattern"),
        drop("tries", "maximum"),
        lambda s: s["required"].remove("function"),
    ],
)
def test_an_addition_is_no_break(change: Callable[[Schema], object]) -> None:
    """A field with a default, one more choice, a wider limit and better words are fine."""
    assert changed(change) == []


def test_the_code_breaks_nothing_that_was_released() -> None:
    """The facts of the code against the committed schemas: the cure is in each line."""
    assert released.breaks() == []


def test_a_lost_tag_is_a_break_unless_it_is_upcast() -> None:
    """A tag may leave the code when what took its place can be made of it."""
    old, steps = {"cake.baked/1": OLD}, {"cake.baked/1": Upcaster("cake.baked/2", dict)}

    (said,) = released.breaks(old, {})

    assert said.startswith("cake.baked/1: the code knows it no more")
    assert "upcast.py" in said
    assert released.breaks(old, {"cake.baked/2": OLD}, steps) == []


def test_a_break_is_told_with_its_tag_and_its_cure() -> None:
    """Whoever meets the failure can paste the tag, and knows what to do."""
    new = copy.deepcopy(OLD)
    del new["$defs"]["Old"]["properties"]["note"]

    (said,) = released.breaks({"cake.baked/1": OLD}, {"cake.baked/1": new})

    assert said.startswith("cake.baked/1 $.note: the field is gone")
    assert "schemas/upcast.py" in said
