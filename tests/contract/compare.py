"""Old against new: what a changed schema would break for those who read or wrote by the old one.

The log is for ever: what was valid when it was written has to be valid, and mean the same, for as
long as its tag is known.
"""

from collections.abc import Iterator
from typing import Any, Final

CURE: Final = "write it as a new tag, and add an upcaster from the old one to schemas/upcast.py"
LIMITS: Final = {  # keyword → the larger value lets more through
    "minimum": False,
    "exclusiveMinimum": False,
    "minLength": False,
    "minItems": False,
    "maximum": True,
    "exclusiveMaximum": True,
    "maxLength": True,
    "maxItems": True,
}

Schema = dict[str, Any]


def breaks_of(old: Schema, new: Schema) -> list[str]:
    """Return every break from ``old`` to ``new``: the field, and what is different about it."""
    return list(_Pair(old, new).of(old, new, "$"))


class _Pair:
    """Two documents and their definitions; a pair of definitions is compared once."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str]] = set()

    def of(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        """Yield the breaks of one place."""
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._choices(_choices(old), _choices(new), at)
            return
        yield from _values(old, new, at)
        yield from _limits(old, new, at)
        yield from self._fields(old, new, at)
        yield from self._items(old, new, at)

    def _choices(self, old: list[Schema], new: list[Schema], at: str) -> Iterator[str]:
        for each in old:
            if all(list(_Pair(self._old, self._new).of(each, other, at)) for other in new):
                yield f"{at}: {_kind(_resolved(each, self._old))} is taken no more"

    def _fields(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name not in after:
                yield f"{at}.{name}: the field is gone (renamed?)"
            else:
                yield from self.of(schema, after[name], f"{at}.{name}")
        for name in new.get("required", []):
            if name not in old.get("required", []):
                yield f"{at}.{name}: is required now; what was written has no such field"
        for keyword in ("additionalProperties", "items"):
            if old.get(keyword, True) is not False and new.get(keyword, True) is False:
                yield f"{at}: takes no more fields or items ({keyword})"

    def _items(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        for keyword in ("items", "additionalProperties"):
            if isinstance(new.get(keyword), dict):
                before = old.get(keyword)
                yield from self.of(
                    before if isinstance(before, dict) else {}, new[keyword], f"{at}[]"
                )
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) != len(after):
            yield f"{at}: holds {len(after)} values, no longer {len(before)}"
            return
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from self.of(one, other, f"{at}[{place}]")


def _values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    """Yield what is different about type, choice, pattern and default."""
    if new.get("type") not in (None, old.get("type")) and (old.get("type"), new["type"]) != (
        "integer",
        "number",
    ):
        yield f"{at}: is {_kind(new)} now, it was {_kind(old)}"
    chosen, left = _chosen(old), _chosen(new)
    if left is not None and (gone := [v for v in chosen or ["any other"] if v not in left]):
        yield f"{at}: {', '.join(map(repr, gone))} is taken no more"
    for keyword in ("pattern", "format"):
        if new.get(keyword) not in (None, old.get(keyword)):
            yield f"{at}: {keyword} is {new[keyword]!r} now, it was {old.get(keyword)!r}"
    if "default" in old and old["default"] != new.get("default"):
        yield f"{at}: without it {new.get('default')!r} is meant now, it was {old['default']!r}"


def _limits(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for keyword, wider in LIMITS.items():
        if keyword not in new:
            continue
        before = old.get(keyword)
        if before is None or (new[keyword] < before if wider else new[keyword] > before):
            yield f"{at}: {keyword} is {new[keyword]} now, it was {before or 'not there'}"


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return what a reference within the document leads to, with what stands beside it."""
    while "$ref" in schema:
        place: Any = root
        for word in schema["$ref"].removeprefix("#/").split("/"):
            place = place[word]
        schema = {**place, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _choices(schema: Schema) -> list[Schema]:
    return schema.get("anyOf") or [schema]


def _chosen(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _kind(schema: Schema) -> str:
    return str(schema.get("type") or schema.get("title") or schema.get("enum") or "anything")
