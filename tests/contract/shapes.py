"""JSON Schemas (2020-12) of what stands in the streams, made of the code that writes it."""

from typing import Any, Final

import msgspec

from schemas.catalog import FACTS
from schemas.events import Event
from schemas.ids import tag_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID: Final = "urn:pushline:"
DEFINED: Final = "#/$defs/{name}"

_TEXT: Final = {"type": "string", "minLength": 1}
_TIME: Final = {"type": "string", "format": "date-time"}
# what a header may carry: space, double quote and whatever is not printable ASCII is %XX
_ESCAPED: Final = {"type": "string", "pattern": r"^([!#$&-~]|%[0-9A-F]{2})+$"}
_TOKEN: Final = r"(=|(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+|.{40}=_[0-9a-f]{16})"

SUBJECT: Final = rf"^ev\.{_TOKEN}\.{_TOKEN}\.[a-z]+\.{_TOKEN}\.[a-z]+(-[a-z]+)*$"

Schema = dict[str, Any]


def of_fact(fact: type[Event]) -> Schema:
    """Return the schema of a fact's body, whole in itself."""
    tag = tag_of(fact)
    made = _plain(msgspec.json.schema(fact, ref_template=DEFINED))
    others = made["$defs"]
    body = others.pop(made["$ref"].rpartition("/")[2])
    body["description"] = sentence(fact)
    head = {"$schema": DIALECT, "$id": ID + tag}
    return {**head, **body, **({"$defs": others} if others else {})}


def facts() -> dict[str, Schema]:
    """Return the schema of each fact, by its tag."""
    return {tag_of(fact): of_fact(fact) for fact in FACTS}


def envelope() -> Schema:
    """Return the schema of the headers around each fact: CloudEvents 1.0, binary mode."""
    required: Schema = {
        "Nats-Msg-Id": _ESCAPED,
        "ce-specversion": {"const": "1.0"},
        "ce-type": {"type": "string", "pattern": r"^[a-z]+\.[a-z]+(-[a-z]+)*/[1-9][0-9]*$"},
        "ce-source": {"type": "string", "pattern": r"^/[!#$&-.0-~%]+/([!#$&-~]|%[0-9A-F]{2})*$"},
        "ce-id": _ESCAPED,
        "ce-time": _TIME,
        "ce-datacontenttype": {"const": "application/json"},
    }
    told: Schema = {
        "ce-subject": "the project's name when this was written, owner/name",
        "ce-correlationid": "the run that this belongs to",
        "ce-causationid": "the id of the event or delivery that led to this one",
        "ce-actor": "who did it: a person's login, or a consumer",
        "ce-aggregateid": "the aggregate's id, where its token in the subject had to be shortened",
        "ce-replayid": "the replay that this is a message of: no worker acts on it",
    }
    optional = {name: {**_ESCAPED, "description": said} for name, said in told.items()}
    trace = {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"}
    return {
        "$schema": DIALECT,
        "$id": ID + "envelope",
        "title": "Envelope",
        "description": "What stands around a fact: attributes of CloudEvents 1.0 as NATS headers,"
        " percent-encoded; ce-id and Nats-Msg-Id are the same.",
        "type": "object",
        "properties": {**required, **optional, "traceparent": trace},
        "patternProperties": {"^Nats-(Expected-|Batch-|TTL$|Schedule)": _TEXT},
        "additionalProperties": False,
        "required": list(required),
    }


def sentence(fact: type[Event]) -> str:
    """Return what a fact's docstring says, as one line."""
    return " ".join((fact.__doc__ or "").split())


def _plain(schema: Schema) -> Schema:
    """Return a schema as its JSON says it: defaults that are tuples become lists."""
    return msgspec.json.decode(msgspec.json.encode(schema), type=Schema)


def moved(schema: Schema, tag: str) -> dict[str, Schema]:
    """Return a committed schema, and what it refers to, as components of one document."""
    name = tag.replace("/", "-")
    parts = {name: {k: v for k, v in schema.items() if not k.startswith("$")}}
    parts |= {f"{name}-{key}": value for key, value in schema.get("$defs", {}).items()}
    text = msgspec.json.encode(parts).replace(b"#/$defs/", f"#/components/schemas/{name}-".encode())
    return msgspec.json.decode(text, type=dict[str, Schema])
