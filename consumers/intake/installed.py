"""Installation: whose deliveries are taken at a forge where each project says that itself.

A project that the log has as installed is taken at its word: its forge tells when that changes,
and the reconciler looks. Of any other the forge is asked, before anything is built for it.
"""

from typing import Final

from msgspec.structs import replace

from bus.log import EventLog
from consumers.forges.installs import Installs, Shown
from consumers.forges.meaning import Ignored, Meaning, Push, Statement, is_zero
from schemas.envelope import Aggregate
from schemas.events import Event
from schemas.events.project import (
    ProjectInstalled,
    ProjectRemoved,
    ProjectRenamed,
    ProjectUpdated,
)
from schemas.events.pull import PullOpened, PullUpdated

UNTAGGED: Final = "the project is not installed. "  # how a reason begins
ENDED: Final = "the project is not installed any more. "
UNSEEN: Final = "Its forge shows us no such project"


async def asked(meaning: Meaning, installs: Installs, events: EventLog) -> Meaning:
    """Return what a delivery means once its forge was asked; raises ForgeUnavailable."""
    project, news = concerned(meaning)
    if project is None:
        return meaning
    last = await events.last(project, ProjectInstalled, ProjectRemoved)
    known = last is not None and isinstance(last.fact, ProjectInstalled)
    if known and not news:
        return meaning
    return settled(meaning, project, await installs.shown(project.project), installs, known=known)


def settled(
    meaning: Meaning, project: Aggregate, shown: Shown | None, installs: Installs, *, known: bool
) -> Meaning:
    """Return what a delivery means where the forge has ``shown`` this; ``known``: as installed."""
    installed = shown is not None and shown.installed
    if not installed and not known:
        return Meaning(meaning.kind, Ignored(f"{UNTAGGED}{_why(shown, installs)}"), meaning.actor)
    meaning = _as_shown(meaning, shown)
    if shown is None or not installed:
        gone = ProjectRemoved(f"{ENDED}{_why(shown, installs)}")
        return replace(meaning, also=(Statement(project, gone),))
    if known or (isinstance(meaning.says, tuple) and _installs(meaning.says)):
        return meaning
    fact = ProjectInstalled(shown.owner, shown.name, shown.private)
    return replace(meaning, also=(Statement(project, fact),))


def concerned(meaning: Meaning) -> tuple[Aggregate | None, bool]:
    """Return the project that has to be installed, None for none; and whether it may be news."""
    match meaning.says:
        case Push(of=of, after=after) if not is_zero(after):
            return Aggregate(of.forge, of.project, "project", ""), False
        case (Statement(of=of, fact=PullOpened() | PullUpdated()),):
            return Aggregate(of.forge, of.project, "project", ""), False
        case (Statement(of=of, fact=ProjectInstalled() | ProjectRenamed() | ProjectUpdated()),):
            return of, True
        case _:  # what closes something always counts
            return None, False


def _as_shown(meaning: Meaning, shown: Shown | None) -> Meaning:
    """Return what is told of a project itself in its forge's own words, whoever told us."""
    match meaning.says:
        case (Statement(fact=ProjectRenamed()) as said,) if shown:
            fact: Event = ProjectRenamed(shown.owner, shown.name)
        case (Statement(fact=ProjectUpdated()) as said,) if shown:
            fact = ProjectUpdated(shown.owner, shown.name, shown.private)
        case _:
            return meaning
    return replace(meaning, says=(replace(said, fact=fact, name=shown.full_name),))


def _installs(says: tuple[Statement, ...]) -> bool:
    return any(isinstance(one.fact, ProjectInstalled) for one in says)


def _why(shown: Shown | None, installs: Installs) -> str:
    if shown is None:
        return f"{UNSEEN}: give the user of our token a role there"
    return installs.wanted
