"""The released contract, as it is committed in schemas/contract/, and what the code makes of it."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.catalog import BY_TAG
from schemas.upcast import UPCASTERS, Upcasters
from tests.architecture.source_tree import ROOT
from tests.contract import asyncapi, shapes, who
from tests.contract.compare import CURE, breaks_of

FOLDER: Final = ROOT / "schemas" / "contract"
EVENTS: Final = FOLDER / "events"
README: Final = ROOT / "README.md"
TABLE: Final = re.compile(r"(<!-- facts: [^\n]*-->\n).*?(<!-- facts end -->)", re.DOTALL)
Schemas = dict[str, dict[str, Any]]


def schemas(folder: Path = EVENTS) -> Schemas:
    """Return the committed schema of each tag ever released."""
    found = (msgspec.json.decode(path.read_bytes()) for path in sorted(folder.glob("*.json")))
    return {schema["$id"].removeprefix(shapes.ID): schema for schema in found}


def breaks(
    old: Schemas | None = None, new: Schemas | None = None, upcasters: Upcasters = UPCASTERS
) -> list[str]:
    """Return what the code would break of the released contract; each names its tag and field."""
    old = schemas() if old is None else old
    new = shapes.facts() if new is None else new
    found = []
    for tag, schema in old.items():
        if tag in new:
            found += [f"{tag} {each}; {CURE}" for each in breaks_of(schema, new[tag])]
        elif tag not in upcasters:
            found.append(f"{tag}: the code knows it no more, the log does; {CURE}")
    return found


def retired() -> Schemas:
    """Return the committed schemas of tags that are read by an upcaster alone."""
    return {tag: schema for tag, schema in schemas().items() if tag not in BY_TAG}


def wanted() -> dict[Path, bytes]:
    """Return every file of the contract as the code makes it."""
    made = {EVENTS / f"{tag.replace('/', '-')}.json": body for tag, body in shapes.facts().items()}
    made[FOLDER / "envelope.json"] = shapes.envelope()
    made[FOLDER / "asyncapi.json"] = asyncapi.document(retired())
    return {**{path: as_json(body) for path, body in made.items()}, README: readme()}


def readme() -> bytes:
    """Return the project's README with the table of facts that the code makes."""
    text = README.read_text()
    return TABLE.sub(lambda found: f"{found[1]}\n{who.markdown()}\n\n{found[2]}", text).encode()


def differences() -> list[str]:
    """Return the files that are not as the code makes them."""
    cure = "python -m tests.contract write"
    return [
        f"{path.relative_to(ROOT)}: is not what the code makes; {cure}"
        for path, body in wanted().items()
        if not path.exists() or path.read_bytes() != body
    ]


def write() -> list[Path]:
    """Write what differs; return the paths."""
    EVENTS.mkdir(parents=True, exist_ok=True)
    written = []
    for path, body in wanted().items():
        if not path.exists() or path.read_bytes() != body:
            path.write_bytes(body)
            written.append(path.relative_to(ROOT))
    return written


def as_json(value: object) -> bytes:
    """Return JSON that a diff shows field by field."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
