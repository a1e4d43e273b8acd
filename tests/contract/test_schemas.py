"""The committed contract is what the code makes, and the official schemas take it."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from bus import streams
from bus.settings import BusSettings
from edge.cli.workers import DURABLE
from schemas import catalog, subjects
from schemas.catalog import FACTS
from schemas.events import Event
from schemas.ids import tag_of
from tests.contract import asyncapi, released, shapes, who
from tests.contract.examples import example
from tests.contract.streams import OTHERS

OFFICIAL = Path(__file__).parent / "official" / "asyncapi-3.0.0.json"
PARTIES = {  # who may be named in "Written by … read by …", beside the workers
    *("edge", "bus", "router", "routes", "audit", "collector", "status", "metrics", "operator"),
    *("auth", "api", "cli", "customers", "recovery", "workers"),
}


def document() -> dict[str, Any]:
    """Return the committed AsyncAPI document."""
    return msgspec.json.decode((released.FOLDER / "asyncapi.json").read_bytes(), type=dict)


def test_what_is_committed_is_what_the_code_makes() -> None:
    """Nobody changes a fact without its schema; the cure is in the message."""
    assert released.differences() == []


def test_the_readme_has_its_table_of_facts() -> None:
    """The place for it is there: what would not be found would not be compared."""
    assert len(released.TABLE.findall(released.README.read_text())) == 1


def test_a_file_more_than_the_code_makes_is_a_released_tag() -> None:
    """Every schema there is belongs to a tag that is read, by its class or by an upcaster."""
    made = {path.name for path in released.wanted()}

    assert {path.name for path in released.FOLDER.rglob("*.json")} - made == {
        f"{tag.replace('/', '-')}.json" for tag in released.retired()
    }


@pytest.mark.parametrize("tag", [*released.schemas(), "envelope"])
def test_each_schema_is_one(tag: str) -> None:
    """The meta-schema of JSON Schema 2020-12 takes it."""
    schema = shapes.envelope() if tag == "envelope" else released.schemas()[tag]

    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("fact", FACTS, ids=tag_of)
def test_a_schema_takes_the_fact_and_no_other(fact: type[Event]) -> None:
    """What the code writes is valid; another tag, and a field of another type, are not."""
    judge = jsonschema.Draft202012Validator(released.schemas()[tag_of(fact)])
    body = msgspec.json.decode(catalog.encode(example(fact)))

    assert list(judge.iter_errors(body)) == []
    assert list(judge.iter_errors({**body, "type": "run.sung/1"}))
    for name in body:
        strange = [{"not": ["this"]}, ["nor", 1, "this"]]
        assert [one for one in strange if list(judge.iter_errors({**body, name: one}))], name


def test_the_asyncapi_document_is_one() -> None:
    """The official schema of AsyncAPI 3.0.0 takes it."""
    official = msgspec.json.decode(OFFICIAL.read_bytes())

    errors = list(jsonschema.Draft7Validator(official).iter_errors(document()))

    assert [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in errors] == []


@pytest.mark.parametrize(
    "damage", [{"asyncapi": "2.6.0"}, {"channels": {"run": {"adress": "ev"}}}, {"info": {}}]
)
def test_the_official_schema_would_find_a_mistake(damage: dict[str, Any]) -> None:
    """It refuses another version, an unknown word, and a document without title."""
    official = msgspec.json.decode(OFFICIAL.read_bytes())

    assert list(jsonschema.Draft7Validator(official).iter_errors({**document(), **damage}))


def test_each_reference_leads_somewhere() -> None:
    """No $ref of the document leads out of it or to nothing."""
    assert_led(document())


def test_a_retired_tag_stays_in_the_document() -> None:
    """What is read by an upcaster alone is still told of, by the schema it was released with."""
    old = {"run.rejected/0": released.schemas()["run.rejected/1"]}
    made = msgspec.json.decode(msgspec.json.encode(asyncapi.document(old)))

    official = msgspec.json.decode(OFFICIAL.read_bytes())
    assert list(jsonschema.Draft7Validator(official).iter_errors(made)) == []
    assert_led(made)
    assert "run.rejected-0" in made["channels"]["run"]["messages"]
    assert "problems" in made["components"]["schemas"]["run.rejected-0"]["properties"]


def assert_led(whole: dict[str, Any]) -> None:
    """Fail unless each reference leads to something within the document."""
    for reference in re.findall(r'"\$ref":"([^"]+)"', msgspec.json.encode(whole).decode()):
        place: Any = whole
        for word in reference.removeprefix("#/").split("/"):
            place = place[word]


def test_every_stream_has_its_channels(tmp_path: Path) -> None:
    """Each subject that a stream is declared with is the address of a channel, and no other is."""
    for name, config in streams.declared(BusSettings(home=tmp_path)).items():
        here = [each for each in document()["channels"].values() if each["x-stream"] == name]
        given = [re.sub(r"{\w+}", "x", channel["address"]) for channel in here]
        wanted = config["subjects"]

        assert [f for f in wanted if not any(subjects.contains(f, each) for each in given)] == []
        assert [g for g in given if not any(subjects.contains(each, g) for each in wanted)] == []


def test_subjects_are_the_addresses() -> None:
    """What the code publishes under has the tokens of its channel's address."""
    made = {
        "raw-delivery": subjects.delivery("f", "i"),
        "build-log": subjects.build_log("f", "p", "r", "x"),
        "function-log": subjects.function_log("f", "p", "x", "r"),
        "usage": subjects.usage("f", "p", "x"),
    }
    for name, subject in made.items():
        address = re.escape(OTHERS[name].address).replace(r"\{", "{").replace(r"\}", "}")
        assert re.fullmatch(re.sub(r"{\w+}", r"[^.]+", address), subject)


@pytest.mark.parametrize("fact", FACTS, ids=tag_of)
def test_docstrings_say_who_writes_and_reads(fact: type[Event]) -> None:
    """Every name after "Written by" and "read by" is one that there is."""
    known = PARTIES | {worker.durable for worker in DURABLE}

    assert who.writers(fact)
    assert {*who.writers(fact), *who.readers(fact)} <= known
