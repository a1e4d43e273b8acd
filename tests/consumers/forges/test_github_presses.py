"""Buttons under GitHub's checks, in our words."""

from typing import Any

import pytest

from consumers.forges.checks import APPROVE, CANCEL, Check, external_id
from consumers.forges.github.translate import translate
from consumers.forges.meaning import Ignored, Meaning, Pressed, Statement
from schemas.envelope import Aggregate
from schemas.events import Event
from schemas.events.run import RunCancelRequested, RunRerunRequested
from tests.consumers.forges.samples import A, account, delivery, github_repository

RUN = "01JD8Z6Q5V0000000000000000"
BUILT = external_id(Check(environment="production", function="hello", run=RUN))
HELD = external_id(Check(environment="pr-7", pull=7, sha=A))
PROJECT = Aggregate("github", "1296269", "project", "")


def check(action: str, id: str | None, button: str = "") -> Meaning:
    """Return what a press means, of a check with this external id."""
    body: dict[str, Any] = {
        "action": action,
        "check_run": {"id": 4, "external_id": id, "name": "pushline/production"},
        "repository": github_repository(),
        "sender": account("ada"),
        "installation": {"id": 957387},
    }
    if button:
        body["requested_action"] = {"identifier": button}
    return translate(delivery("github", "check_run", body))


@pytest.mark.parametrize(
    ("action", "button", "fact"),
    [("rerequested", "", RunRerunRequested()), ("requested_action", CANCEL, RunCancelRequested())],
)
def test_what_a_run_is_asked_for(action: str, button: str, fact: Event) -> None:
    """A run of the very repository, whatever the check's id says; by whoever pressed."""
    meaning = check(action, BUILT, button)

    of = Aggregate("github", "1296269", "run", RUN)
    assert meaning.says == (Statement(of, fact, (RUN,), "Octo/Hello-World"),)
    assert meaning.actor == "ada"


def test_an_approval_is_for_the_forge_to_confirm() -> None:
    """That the button was pressed lets nothing in by itself."""
    assert check("requested_action", HELD, APPROVE).says == Pressed(
        of=PROJECT, name="Octo/Hello-World", installation="957387", who="ada", pull=7, sha=A
    )


@pytest.mark.parametrize(
    ("action", "id", "button", "reason"),
    [
        ("created", BUILT, "", "nothing was asked for"),
        ("completed", BUILT, "", "nothing was asked for"),
        ("rerequested", "of another App", "", "none of ours"),
        ("rerequested", None, "", "none of ours"),
        ("rerequested", HELD, "", "waits until a member approves"),
        ("requested_action", BUILT, APPROVE, "no button"),
        ("requested_action", HELD, CANCEL, "no button"),
        ("requested_action", BUILT, "destroy", "no button"),
    ],
)
def test_presses_that_lead_to_nothing(
    action: str, id: str | None, button: str, reason: str
) -> None:
    """Each says why."""
    says = check(action, id, button).says

    assert isinstance(says, Ignored)
    assert reason in says.reason


@pytest.mark.parametrize(("action", "asks"), [("rerequested", True), ("requested", False)])
def test_a_whole_suite(action: str, *, asks: bool) -> None:
    """Which runs its checks are of, GitHub knows."""
    body = {
        "action": action,
        "check_suite": {"id": 118578147, "head_sha": A},
        "repository": github_repository(),
        "sender": account("ada"),
        "installation": {"id": 957387},
    }
    says = translate(delivery("github", "check_suite", body)).says

    wanted = Pressed(PROJECT, "Octo/Hello-World", "957387", "ada", suite=118578147)
    assert says == wanted if asks else isinstance(says, Ignored)
