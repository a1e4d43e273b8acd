"""Samples: whatever was ever stored can be read, for as long as the log lives."""

import jsonschema
import msgspec
import pytest

from bus import envelope
from schemas import catalog
from schemas.envelope import Unknown
from schemas.events import Event
from schemas.ids import tag_of
from schemas.upcast import UPCASTERS
from tests.contract import released, samples, shapes
from tests.contract.samples import Sample

STORED = samples.stored()


def test_every_tag_has_its_sample() -> None:
    """A new fact comes with a message of its own; the command that records it is named."""
    assert samples.problems() == []


def test_no_sample_is_ever_deleted() -> None:
    """Each tag that was ever released has its sample, and each sample its tag."""
    assert set(STORED) == set(released.schemas())


@pytest.mark.parametrize("tag", STORED)
def test_a_sample_is_read(tag: str) -> None:
    """A message of this tag is a fact that the code knows, with everything that was written."""
    sample = STORED[tag]

    event = sample.read()

    raw = (sample.subject.encode(), sample.block, sample.body.encode())
    assert envelope.event_of(*raw, 1) == event  # the quick way reads the same
    assert not isinstance(event.fact, Unknown)
    assert (event.actor, event.name, event.of.forge) == ("sample", samples.NAME, samples.FORGE)
    if tag not in UPCASTERS:
        assert tag_of(event.fact) == tag
        read = msgspec.json.decode(catalog.encode(event.fact))
        assert {**read, **msgspec.json.decode(sample.body)} == read


@pytest.mark.parametrize("tag", STORED)
def test_a_sample_is_valid(tag: str) -> None:
    """Subject, headers and body are what the contract says of them."""
    sample = STORED[tag]
    headers = envelope.parse(sample.block)

    jsonschema.validate(headers, shapes.envelope(), jsonschema.Draft202012Validator)
    jsonschema.validate(
        msgspec.json.decode(sample.body), released.schemas()[tag], jsonschema.Draft202012Validator
    )
    jsonschema.validate(sample.subject, {"pattern": shapes.SUBJECT})
    assert sample.subject.split(".")[3::2] == list(tag.partition("/")[0].split("."))


def test_an_envelope_without_its_source_is_invalid() -> None:
    """The schema of the envelope refuses a missing attribute, and one that nobody knows."""
    headers = envelope.parse(next(iter(STORED.values())).block)
    judge = jsonschema.Draft202012Validator(shapes.envelope())

    assert list(judge.iter_errors({**headers, "authorization": "Bearer x"}))
    del headers["ce-source"]
    assert list(judge.iter_errors(headers))


def test_recording_makes_what_is_stored(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A recorded sample is a message of a real log: read again it is the example."""
    folder = tmp_path_factory.mktemp("samples")

    (path,) = samples.record(["run.build-started/1"], folder)

    sample = msgspec.json.decode(path.read_bytes(), type=Sample)
    assert path.name == "run.build-started-1.json"
    fact: Event = sample.read().fact
    assert fact == STORED["run.build-started/1"].read().fact
