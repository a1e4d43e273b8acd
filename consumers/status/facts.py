"""What is written down of what forges were told."""

from consumers.status.decide import Saying
from consumers.status.standing import Standing
from schemas.envelope import Aggregate
from schemas.errors import PushlineError
from schemas.events.status import StatusReported, StatusReportFailed


def status(at: Standing, function: str) -> Aggregate:
    """Return what a forge's knowledge of a commit is kept under."""
    return Aggregate(at.forge, at.project, "status", f"{at.environment}/{function}@{at.sha}")


def reported(at: Standing, saying: Saying, check: str) -> StatusReported:
    """Return that a forge shows it, as the check of its own id, if there is one."""
    return StatusReported(
        environment=at.environment,
        sha=at.sha,
        headline=saying.headline,
        as_of=saying.as_of,
        function=saying.function,
        run=at.run,
        status=saying.status,
        conclusion=saying.conclusion,
        check=check,
    )


def failed(
    at: Standing, saying: Saying, error: PushlineError, *, waits: bool
) -> StatusReportFailed:
    """Return that a forge does not take it; ``waits``: yet."""
    return StatusReportFailed(
        environment=at.environment,
        sha=at.sha,
        headline=saying.headline,
        as_of=saying.as_of,
        code=error.code,
        message=str(error),
        function=saying.function,
        run=at.run,
        waits=waits,
    )
