"""What forges show of a commit, and what befalls a deployment meanwhile."""

from typing import Any

import pytest

from consumers.forges.asking import Answer, ForgeUnavailable
from consumers.forges.checks import Check
from consumers.status.decide import Saying
from consumers.status.github import Checks
from consumers.status.report import Report
from consumers.status.standing import Standing, Text
from schemas.repository import Repository

SHA = "98ec823" + "0" * 33
REPORT = Report(
    saying=Saying("", "completed", "success", "x", 1),
    about=Check(environment="production", run="01JD8Z6Q5V0000000000000000"),
    text=Text(title="t", summary="s", description="d"),
)
COMMIT = Standing(
    forge="github",
    project="1",
    environment="production",
    sha=SHA,
    repository=Repository("alexellis", "fns", "main", installation="7"),
    state="live",
    run="01JD8Z6Q5V0000000000000000",
)


class Shown:
    """A GitHub that shows check runs of a commit, or is away."""

    def __init__(self, *there: dict[str, Any], away: bool = False) -> None:
        """Begin with these."""
        self.there, self.away = there, away
        self.written: list[str] = []

    async def request(
        self,
        method: str,
        path: str,
        *,
        installation: str = "",
        json: Any = None,
        query: Any = None,
    ) -> Answer:
        """Answer as GitHub does."""
        assert installation == "7"
        if self.away:
            raise ForgeUnavailable("GitHub answers 502")
        if method == "GET":
            assert query["check_name"] == "pushline/production"
            return Answer(200, {"total_count": len(self.there), "check_runs": list(self.there)})
        self.written.append(f"{method} {path.rpartition('check-runs')[2]}")
        return Answer(201 if method == "POST" else 200, {"id": 5} | (json or {}))


def run(id: int, app: int, name: str = "pushline/production") -> dict[str, Any]:
    """Return a check run as GitHub lists it."""
    return {"id": id, "name": name, "app": {"id": app}, "output": {"annotations_count": 0}}


@pytest.mark.weakness(17)
async def test_a_check_run_is_found_again() -> None:
    """It looked for the App's id among names and made another each time; ours changes its own.

    One of another App, or of another name, is none of ours.
    """
    shown = Shown(run(1, 99), run(2, 42, "other"), run(3, 42))

    id = await Checks(shown, "42").tell(COMMIT, REPORT, "")
    await Checks(shown, "42").tell(COMMIT, REPORT, id)

    assert (id, shown.written) == ("3", ["PATCH /3", "PATCH /3"])


@pytest.mark.weakness(17)
async def test_where_none_is_there_one_is_made() -> None:
    """Under the context's own name, which was the App's id where checks were off."""
    shown = Shown()

    assert await Checks(shown, "42").tell(COMMIT, REPORT, "") == "5"
    assert shown.written == ["POST "]


@pytest.mark.weakness(14)
@pytest.mark.weakness(17)
async def test_a_list_that_cannot_be_had_is_asked_for_again() -> None:
    """It dereferenced the list that it had not got; ours makes nothing, and tries later."""
    shown = Shown(away=True)

    with pytest.raises(ForgeUnavailable):
        await Checks(shown, "42").tell(COMMIT, REPORT, "")

    assert shown.written == []
