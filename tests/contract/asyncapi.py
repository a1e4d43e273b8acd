"""The AsyncAPI 3.0 document: every subject of the log, what stands there, who writes and reads."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.catalog import FACTS
from schemas.events import Event
from schemas.ids import tag_of
from tests.architecture.source_tree import ROOT
from tests.contract import shapes, who
from tests.contract.streams import OTHERS, Channel

IN: Final = "#/components/schemas/{name}"
TOKENS: Final = {
    "forge": "github, gitlab or local",
    "project": "the forge's own id of the repository; = where the fact is above projects",
    "id": "the aggregate's own id; = where it has none",
    "fact": "the last word of the message's name",
}
Json = dict[str, Any]


def document(retired: dict[str, Json]) -> Json:
    """Return the document; ``retired`` are the schemas of tags that are read by an upcaster."""
    channels = {kind: _channel(kind, facts) for kind, facts in who.aggregates().items()}
    old = {tag: shapes.moved(schema, tag) for tag, schema in retired.items()}
    for tag in old:
        channels[tag.partition(".")[0]]["messages"][_key(tag)] = _ref("messages", _key(tag))
    channels |= {name: _other(name, channel) for name, channel in OTHERS.items()}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:pushline:log",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {"log": _server()},
        "channels": channels,
        "operations": dict(sorted(_operations())),
        "components": {
            "messages": _messages() | {_key(tag): _retired(tag) for tag in old},
            "schemas": _schemas() | {k: v for part in old.values() for k, v in part.items()},
            "securitySchemes": {"role": {"type": "userPassword", "description": "one a role"}},
        },
    }


def _info() -> Json:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "title": "Pushline's log",
        "version": project["version"],
        "description": "Every step of a push is a fact in EVENTS. Facts are CloudEvents 1.0 in NATS"
        " headers (binary mode) with a JSON body; a subject's token keeps letters, digits, _ and -,"
        " any other byte is =XX. A new field comes under the same name, a new meaning under a new"
        " version; a reader passes over what it does not know.",
        "license": {"name": project["license"]},
    }


def _server() -> Json:
    return {
        "host": "{host}",
        "protocol": "nats",
        "description": "the log's server: `pushline up` starts one on a port of its choice",
        "variables": {"host": {"default": "127.0.0.1:4222"}},
        "security": [{"$ref": "#/components/securitySchemes/role"}],
    }


def _channel(kind: str, facts: list[type[Event]]) -> Json:
    words = [tag_of(fact).partition("/")[0].partition(".")[2] for fact in facts]
    return {
        "address": f"ev.{{forge}}.{{project}}.{kind}.{{id}}.{{fact}}",
        "title": kind,
        "description": f"Facts about a {kind}, in the stream EVENTS, for ever.",
        "messages": {_key(tag): _ref("messages", _key(tag)) for tag in map(tag_of, facts)},
        "parameters": {
            name: {"description": said, **({"enum": sorted(set(words))} if name == "fact" else {})}
            for name, said in TOKENS.items()
        },
        "x-stream": "EVENTS",
    }


def _other(name: str, channel: Channel) -> Json:
    words = re.findall(r"{(\w+)}", channel.address)
    return {
        "address": channel.address,
        "title": name,
        "description": channel.says,
        "messages": {name: _ref("messages", name)},
        "parameters": {word: {"description": TOKENS.get(word, f"the {word}")} for word in words},
        "x-stream": channel.stream,
    }


def _messages() -> Json:
    made: Json = {}
    for fact in FACTS:
        tag = tag_of(fact)
        made[_key(tag)] = {
            "name": tag,
            "title": fact.__name__,
            "summary": shapes.sentence(fact),
            "headers": _ref("schemas", "Envelope"),
            "payload": _ref("schemas", fact.__name__),
            "correlationId": {"location": "$message.header#/ce-correlationid"},
            "x-aggregate": tag.partition(".")[0],
        }
    for name, channel in OTHERS.items():
        headers = {key: {"type": "string", "description": d} for key, d in channel.headers.items()}
        made[name] = {
            "name": name,
            "summary": channel.says,
            "contentType": channel.content,
            **({"headers": {"type": "object", "properties": headers}} if headers else {}),
        }
        if channel.payload is not None:
            made[name]["payload"] = _ref("schemas", channel.payload.__name__)
    return made


def _retired(tag: str) -> Json:
    return {
        "name": tag,
        "summary": "Written by older releases; read as its newest version, by an upcaster.",
        "headers": _ref("schemas", "Envelope"),
        "payload": _ref("schemas", _key(tag)),
    }


def _schemas() -> Json:
    structs = [channel.payload for channel in OTHERS.values() if channel.payload is not None]
    _, made = msgspec.json.schema_components([*FACTS, *structs], ref_template=IN)
    for fact in FACTS:
        made[fact.__name__]["description"] = shapes.sentence(fact)
    envelope = {k: v for k, v in shapes.envelope().items() if not k.startswith("$")}
    return dict(sorted({**made, "Envelope": envelope}.items()))


def _operations() -> Iterator[tuple[str, Json]]:
    for kind, facts in who.aggregates().items():
        for action, people in (("send", who.writers), ("receive", who.readers)):
            by: dict[str, list[str]] = {}
            for fact in facts:
                for name in people(fact):
                    by.setdefault(name, []).append(_key(tag_of(fact)))
            for name, keys in by.items():
                yield _operation(name, action, kind, keys)
    for name, channel in OTHERS.items():
        for action, parties in (("send", channel.sent), ("receive", channel.received)):
            for party in parties:
                yield _operation(party, action, name, [name])


def _operation(party: str, action: str, channel: str, keys: list[str]) -> tuple[str, Json]:
    word = "writes" if action == "send" else "reads"
    return f"{party}.{word}.{channel}", {
        "action": action,
        "title": f"{party} {word} {channel}",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{key}"} for key in keys],
    }


def _key(tag: str) -> str:
    return tag.replace("/", "-")


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
