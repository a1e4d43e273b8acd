"""requirements.txt, line by line: nothing in it may make pip run the repository's code.

``--only-binary`` does not hold for folders, URLs and ``-e``, which pip builds all the same, and a
line may turn it off; so only names with versions pass, and they are what pip is given.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Final

from consumers.builder.images import DependenciesFailed
from consumers.builder.log import printable

FILE: Final = "requirements.txt"
LINES: Final = 1000
DEPTH: Final = 5  # files that name each other

_NAMED = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*"  # a name
    r"(\s*\[[A-Za-z0-9._,\s-]*\])?"  # extras
    r"(\s*\(?\s*(===|[<>=!~]=|[<>])[A-Za-z0-9._*+!,<>=~\s-]*\)?)?"  # versions
    r"(\s*;[^$`\\]*?)?"  # a marker
    r"(\s+--hash=[a-z0-9]+:[0-9a-fA-F]+)*"
)
_FROM_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\s*\[[^\]]*\])?\s*@\s*https?://[^\s$]+")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)[ =]\s*(\S+)")


def requirements(folder: Path, *, wheels_only: bool) -> list[str]:
    """Return the lines for pip of a function's requirements.txt, none without one.

    Raises DependenciesFailed, which names file and line.
    """
    if not (folder / FILE).is_file():
        return []
    found = _read(folder, FILE, wheels_only=wheels_only, depth=0)
    if len(found) > LINES:
        raise DependenciesFailed(f"{FILE} has more than {LINES} lines")
    return found


def _read(folder: Path, name: str, *, wheels_only: bool, depth: int) -> list[str]:
    path = folder / name
    if depth > DEPTH or not path.is_file():
        raise DependenciesFailed(f"{name} can't be read", hint="name a file beside it")
    found: list[str] = []
    text = path.read_text("utf-8", "replace").replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        said = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if not said:
            continue
        if include := _INCLUDE.fullmatch(said):
            option, other = include[1], PurePosixPath(name).parent / include[2]
            if option in ("-c", "--constraint") or ".." in other.parts or other.is_absolute():
                raise _refusal(name, number, said)
            found += _read(folder, str(other), wheels_only=wheels_only, depth=depth + 1)
        elif _NAMED.fullmatch(said) or (not wheels_only and _FROM_URL.fullmatch(said)):
            found.append(said)
        else:
            raise _refusal(name, number, said)
    return found


def _refusal(name: str, number: int, said: str) -> DependenciesFailed:
    message = f"{name}:{number}: {printable(said)[:200]!r} is not taken"
    hint = "name packages with versions, such as requests==2.32.3; they come as wheels"
    return DependenciesFailed(message, hint=hint)
