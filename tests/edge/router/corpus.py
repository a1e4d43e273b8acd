r"""The corpus: requests that would smuggle or get round something, as data in ``corpus/``.

``raw`` are lines, joined by CRLF; ``\u00XX`` is a byte, ``{text*N}`` is ``text`` N times. A case
is refused with ``cause``, or is harmless: then ``arrives`` says what the upstream gets.
"""

import re
import tomllib
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).with_name("corpus")
_REPEATED: Final = re.compile(r"\{([^{}*]+)\*([0-9]+)\}")


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attempt."""

    name: str
    why: str  # what it would do to somebody less strict
    raw: list[str]
    cause: str = ""  # of the refusal
    status: int = 0  # of the refusal, where its cause does not say
    location: str = ""  # where the clean form is
    arrives: list[str] = []  # method and target of each request that reaches the upstream
    has: list[str] = []  # bytes that arrive
    lacks: list[str] = []  # what does not, in lower case
    closes: bool = False  # answered, then hung up on

    @property
    def sent(self) -> bytes:
        """Return the bytes."""
        raw = [_REPEATED.sub(_repeat, line).encode("latin-1") for line in self.raw]
        return b"\r\n".join(raw)


def _repeat(found: re.Match[str]) -> str:
    text, times = found[1], int(found[2])
    if ":" in text:  # a header line
        return f"\r\n{text}" * times
    return text * times


def load() -> dict[str, Case]:
    """Return all cases, by file and name."""
    cases: dict[str, Case] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for case in msgspec.convert(tomllib.loads(file.read_text())["case"], list[Case]):
            key = f"{file.stem}: {case.name}"
            if key in cases:
                raise ValueError(f"two cases are called {key}")
            cases[key] = case
    return cases
