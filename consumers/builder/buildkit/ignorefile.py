"""Reading a .dockerignore, for contexts that no daemon filters (one fetched by HTTP)."""

from consumers.builder.buildkit.paths import clean


def read_ignore_file(text: str) -> list[str]:
    """Return the patterns of a .dockerignore; comments and blank lines are none."""
    patterns = []
    for line in text.removeprefix("\ufeff").split("\n"):
        if line.startswith("#") or not (pattern := line.strip()):
            continue
        exception = pattern.startswith("!")
        if exception:
            pattern = pattern[1:].strip()
        if pattern:
            pattern = clean(pattern)
            pattern = pattern.removeprefix("/") or pattern
        patterns.append("!" + pattern if exception else pattern)
    return patterns
