"""Buttons under GitHub's checks, pressed. Pure; what only GitHub knows is left to ``buttons``.

https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-checks
"""

from consumers.forges import meaning
from consumers.forges.checks import APPROVE, CANCEL, Check, parse
from consumers.forges.github.payloads import CheckRunPressed, CheckSuitePressed
from consumers.forges.meaning import Ignored, Meaning, Pressed, Statement
from schemas.envelope import Aggregate, Delivery
from schemas.events import Event
from schemas.events.run import RunCancelRequested, RunRerunRequested

AGAIN = "rerequested"  # GitHub's own button; ours come as requested_action


def of_check(kind: str, delivery: Delivery, forge: str) -> Meaning:
    """Return what the event ``check_run`` means; raises PayloadInvalid."""
    press = meaning.decode(delivery, CheckRunPressed)
    who = press.sender.login
    if press.action not in (AGAIN, "requested_action"):
        return Meaning(kind, Ignored(f"{press.action}: nothing was asked for"), who)
    check = parse(press.check_run.external_id or "")
    if check is None:
        return Meaning(kind, Ignored("the check is none of ours"), who)
    button = press.requested_action.identifier if press.requested_action else ""
    return Meaning(kind, _asked(press, check, button or AGAIN, forge), who)


def of_suite(kind: str, delivery: Delivery, forge: str) -> Meaning:
    """Return what the event ``check_suite`` means; raises PayloadInvalid."""
    press = meaning.decode(delivery, CheckSuitePressed)
    if press.action != AGAIN:
        ignored = Ignored(f"{press.action}: nothing was asked for")
        return Meaning(kind, ignored, press.sender.login)
    says = _pressed(press, forge, suite=press.check_suite.id)
    return Meaning(kind, says, press.sender.login)


def _asked(
    press: CheckRunPressed, check: Check, button: str, forge: str
) -> Pressed | Ignored | tuple[Statement, ...]:
    name = press.repository.full_name
    if button == APPROVE and check.pull:
        return _pressed(press, forge, pull=check.pull, sha=check.sha)
    if button == AGAIN and check.run:
        return (run_asked(forge, press.repository.id, check.run, RunRerunRequested(), name),)
    if button == CANCEL and check.run:
        return (run_asked(forge, press.repository.id, check.run, RunCancelRequested(), name),)
    if button == AGAIN:
        return Ignored("there is no run yet: the commit waits until a member approves it")
    return Ignored(f"there is no button {button!r} under this check")


def run_asked(forge: str, project: int | str, run: str, fact: Event, name: str) -> Statement:
    """Return that somebody wants something of a run, which is the project's or nothing."""
    return Statement(Aggregate(forge, str(project), "run", run), fact, (run,), name)


def _pressed(
    press: CheckRunPressed | CheckSuitePressed,
    forge: str,
    *,
    suite: int = 0,
    pull: int = 0,
    sha: str = "",
) -> Pressed:
    return Pressed(
        of=Aggregate(forge, str(press.repository.id), "project", ""),
        name=press.repository.full_name,
        installation=str(press.installation.id) if press.installation else "",
        who=press.sender.login,
        suite=suite,
        pull=pull,
        sha=sha,
    )
