"""The envelope on the wire."""

from hypothesis import given
from hypothesis import strategies as st

from bus import envelope
from schemas import catalog, subjects
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted

TEXT = st.text(st.characters(codec="utf-8"), max_size=80)
NAME = TEXT.filter(bool)
FACT = RunBuildStarted(function="f")


@given(TEXT)
def test_a_header_is_printable_and_comes_back(text: str) -> None:
    """Any text survives as a header value; what is sent is ASCII without spaces and quotes."""
    value = envelope.escape(text)

    assert all(0x21 <= ord(char) <= 0x7E and char != '"' for char in value)
    assert envelope.unescape(value) == text


@given(forge=st.sampled_from(["local", "github"]), project=TEXT, id=TEXT, event=NAME, actor=TEXT)
def test_an_event_comes_back(forge: str, project: str, id: str, event: str, actor: str) -> None:
    """Aggregates, ids and actors of any length and alphabet are read as they were written."""
    of = Aggregate(forge, project, "run", id)
    headers = envelope.of_fact(FACT, of, event, cause=None, run="", actor=actor, name="")
    block = "NATS/1.0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in headers.items())

    read = envelope.to_event(
        subjects.subject(of, FACT),
        envelope.parse(f"{block}\r\n".encode()),
        catalog.encode(FACT),
        7,
    )
    assert (read.of, read.id, read.actor, read.run, read.fact) == (of, event, actor, id, FACT)
    assert envelope.size(headers, b"12345") == len(block) + 2 + 5


@given(forge=TEXT.filter(lambda text: "/" not in text), id=TEXT, header=TEXT, body=st.binary())
def test_a_delivery_comes_back(forge: str, id: str, header: str, body: bytes) -> None:
    """A webhook's identity, chosen headers and body are read as they were stored."""
    headers = envelope.of_delivery(forge, id, {"x-github-event": header})
    delivery = envelope.to_delivery(headers, body, 7)
    assert (delivery.forge, delivery.id, delivery.body) == (forge, id, body)
    assert delivery.headers == {"x-github-event": header}
