"""What is wrong with single lines of a commit's files, for forges that show it there."""

from typing import Final

from consumers.status.standing import Annotation, Standing
from consumers.status.texts.inert import clean, line
from schemas.events.run import Problem

TITLE: Final = 255  # characters
MESSAGE: Final = 4000  # characters; a forge takes 64 KiB


def annotations(at: Standing) -> tuple[Annotation, ...]:
    """Return errors, then warnings; what blames no line is told of in the summary alone."""
    errors = [_of(one, "failure") for one in at.problems if one.line]
    return tuple(errors + [_of(one, "warning") for one in at.warnings if one.line])


def _of(problem: Problem, level: str) -> Annotation:
    said = f"{problem.message} ({problem.cure})" if problem.cure else problem.message
    return Annotation(
        path=problem.file,
        line=problem.line,
        message=clean(said)[:MESSAGE],
        title=line(problem.field, TITLE),
        level="warning" if level == "warning" else "failure",
    )
