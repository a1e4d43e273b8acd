"""The catalog: every fact can be written, read again, and told from others."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalog
from schemas.catalog import BY_TAG, FACTS
from schemas.envelope import Unknown
from schemas.errors import Undecodable
from schemas.events import Event
from schemas.events.run import RunBuildStarted, RunQueued, RunSuperseded
from schemas.ids import tag_of
from schemas.repository import Repository

TAG = re.compile(r"[a-z]+\.[a-z]+(-[a-z]+)*/[1-9]\d*")


def sample(fact: type[Event]) -> Event:
    """Return a fact with something in each field that has no default."""
    values = {}
    for field in msgspec.structs.fields(fact):
        if field.required:
            values[field.name] = value_of(field.type)
    return fact(**values)


def value_of(type: Any) -> Any:
    """Return a value that the type takes."""
    texts = ("x", "a" * 40, "a" * 43, "sha256:" + "a" * 64, "2026-11-25T13:00:00Z")
    for value in (*texts, 1, True, (), Repository("o", "n", "main")):
        try:
            return msgspec.convert(msgspec.to_builtins(value), type)
        except msgspec.ValidationError:
            continue
    info = msgspec.inspect.type_info(type)
    assert isinstance(info, msgspec.inspect.LiteralType), type
    return info.values[0]


@pytest.mark.parametrize("fact", FACTS, ids=tag_of)
def test_each_fact(fact: type[Event]) -> None:
    """Tag, name and docstring follow the rule; what is written can be read."""
    tag = tag_of(fact)
    kind, _, rest = tag.partition(".")
    words = rest.partition("/")[0].split("-")
    assert TAG.fullmatch(tag)
    assert fact.__name__ == "".join(word.capitalize() for word in (kind, *words))
    assert fact.__module__ == f"schemas.events.{kind}"
    assert "Written by" in (fact.__doc__ or "")
    assert fact.__struct_config__.frozen

    one = sample(fact)

    assert catalog.decode(tag, catalog.encode(one)) == one
    assert msgspec.json.decode(catalog.encode(one))["type"] == tag


def test_tags_are_unique() -> None:
    """No two facts share a tag."""
    assert len(BY_TAG) == len(FACTS)


def test_a_tag_of_a_newer_release_is_kept() -> None:
    """Who does not know it can still show it."""
    unknown = catalog.decode("run.sung/1", b'{"type":"run.sung/1","song":1}')

    assert unknown == Unknown("run.sung/1", msgspec.Raw(b'{"type":"run.sung/1","song":1}'))


def test_a_field_of_a_newer_release_is_passed_over() -> None:
    """An additive change keeps its tag: older readers go on."""
    body = b'{"type":"run.build-started/1","function":"a","machine":"m"}'

    assert catalog.decode("run.build-started/1", body) == RunBuildStarted("a")


def test_a_field_that_was_not_there_has_its_default() -> None:
    """Facts recorded before a field came are read with what it means not to have it."""
    body = msgspec.json.decode(catalog.encode(sample(RunQueued)))
    del body["push"]
    fact = catalog.decode("run.queued/1", msgspec.json.encode(body))

    assert isinstance(fact, RunQueued)
    assert fact.push == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"type":"run.superseded/1"}', "`by`"),
        (b'{"type":"run.superseded/1","by":1}', r"\$\.by"),
        (b'{"type":"run.cancelled/1","by":"x"}', "Invalid value 'run.cancelled/1'"),
        (b"{", "malformed|truncated"),
        (b"[]", "object"),
    ],
)
def test_another_shape_than_promised_is_an_error(body: bytes, message: str) -> None:
    """A known tag with another shape names the tag and the field."""
    with pytest.raises(Undecodable, match=message) as raised:
        catalog.decode(tag_of(RunSuperseded), body)

    assert "run.superseded/1" in str(raised.value)


@given(st.sampled_from([*BY_TAG, "run.sung/1"]), st.binary())
def test_no_bytes_are_another_error(tag: str, body: bytes) -> None:
    """Whatever was stored, reading it gives a fact or says that it cannot be read."""
    try:
        fact = catalog.decode(tag, body)
    except Undecodable:
        return
    assert isinstance(fact, Unknown)
