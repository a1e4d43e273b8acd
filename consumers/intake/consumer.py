"""Intake: turn each delivery into facts.

Reads   deliveries; the list of customers, as its facts tell it
Writes  branch.pushed/1, branch.push-outdated/1, branch.deleted/1, tenant.*, project.*, pull.*,
        delivery.translated/1, delivery.ignored/1
Calls   Installs: a forge where each project says itself whether it is installed
        Buttons: a forge that knows who may press them; Accounts: one that has others' names
Twice   is harmless: a delivery's own fact is written last, with all or after all of its facts,
        once; ids derive from the delivery; a branch's facts are guarded by its history
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Literal

import structlog
from msgspec.structs import replace

from bus.fold import Fold
from bus.log import Draft, EventLog, Guard
from consumers.forges.buttons import Buttons
from consumers.forges.customers import LISTED, READ, Admitted, admits
from consumers.forges.github import translate as github
from consumers.forges.gitlab import translate as gitlab
from consumers.forges.installs import Accounts, Installs
from consumers.forges.local import translate as local
from consumers.forges.meaning import Ignored, Meaning, Pressed, Push, Statement
from consumers.forges.recovered import is_late
from consumers.intake import branches, installed
from consumers.intake.admission import CustomersUnread, account_of, refused
from consumers.intake.branches import Branch
from consumers.intake.decide import decide
from consumers.intake.overtaken import REASON, current, overtaken
from consumers.intake.pausing import paused
from consumers.intake.renamed import confirmed
from schemas import subjects
from schemas.envelope import Aggregate, Delivery, Recorded
from schemas.errors import Conflict, PayloadInvalid
from schemas.events import Event
from schemas.events.delivery import DeliveryIgnored, DeliveryTranslated
from schemas.events.project import ProjectInstalled
from schemas.ids import event_id

log = structlog.get_logger(__name__)

TRANSLATORS: Final[dict[str, Callable[[Delivery], Meaning]]] = {
    github.FORGE: github.translate,
    gitlab.FORGE: gitlab.translate,
    local.FORGE: local.translate,
}
BATCH: Final = 500  # facts appended at once; the server takes 1,000
TRIES: Final = 20  # decisions on one delivery, before it waits its turn again
UNASKED: Final = "nobody can be asked whose button this is: set PUSHLINE_GITHUB_APP_ID and its key"


def fold(snapshots: Path | None = None) -> Fold[Branch]:
    """Return the fold that intake decides by; whoever runs intake runs it too."""
    return Fold(
        "intake-branches",
        row=Branch,
        key=branches.key,
        reduce=branches.reduce,
        snapshots=snapshots,
    )


@dataclass(frozen=True, slots=True)
class Intake:
    """A worker; ``bus/work`` calls ``handle``."""

    events: EventLog
    branches: Fold[Branch]
    customers: Fold[Admitted]
    installs: Mapping[str, Installs] = field(default_factory=dict)  # by forge
    buttons: Mapping[str, Buttons] = field(default_factory=dict)  # by forge
    accounts: Mapping[str, Accounts] = field(default_factory=dict)  # by forge
    places: int = 16
    durable: ClassVar[str] = "intake"
    reads: ClassVar = (Delivery,)
    begins: ClassVar[Literal["first", "now"]] = "first"

    def key(self, delivery: Delivery) -> str:
        """Return what the delivery is about, so that its pushes are taken in their order."""
        match understand(delivery).says:
            case Push(of=of) | Pressed(of=of) | (Statement(of=of), *_):
                return f"{of.forge} {of.project or of.id}"
            case _:
                return delivery.event_id

    async def handle(self, delivery: Delivery) -> None:
        """Record all facts of the delivery, unless they are in the log."""
        since = await self.since(delivery)
        if not since or await self.said(delivery) is None:
            await self.take(delivery, since)

    async def since(self, delivery: Delivery) -> int:
        """Return the sequence that guards the delivery's own fact; to be read before ``said``."""
        return await self.events.last_seq(subjects.history(of_delivery(delivery)))

    async def said(self, delivery: Delivery) -> Recorded[Event] | None:
        """Return the delivery's own fact: what it came to, None while it has come to nothing."""
        return await self.events.last(of_delivery(delivery), DeliveryTranslated, DeliveryIgnored)

    async def meaning(self, delivery: Delivery) -> Meaning:
        """Return what a delivery means here: nothing, of who is no customer or not installed."""
        meaning = await self._admitted(understand(delivery))
        meaning = await paused(meaning, self.events)
        asked = self._told(delivery, await self.asked(delivery.forge, meaning))
        if asked.also == meaning.also:
            return asked
        return await self._admitted(asked)

    async def asked(self, forge: str, meaning: Meaning) -> Meaning:
        """Return what a delivery means once its forge was asked; raises ForgeUnavailable."""
        if isinstance(meaning.says, Pressed):
            return await self._pressed(forge, meaning, meaning.says)
        meaning = await confirmed(meaning, self.accounts)
        installs = self.installs.get(forge)
        return await installed.asked(meaning, installs, self.events) if installs else meaning

    @staticmethod
    def _told(delivery: Delivery, meaning: Meaning) -> Meaning:
        """Return a meaning whose project is installed since it was told, not since it was asked."""
        also = tuple(
            replace(one, fact=replace(one.fact, told=delivery.time))
            if isinstance(one.fact, ProjectInstalled)
            else one
            for one in meaning.also
        )
        return replace(meaning, also=also)

    async def _pressed(self, forge: str, meaning: Meaning, pressed: Pressed) -> Meaning:
        buttons = self.buttons.get(forge)
        if buttons is None:
            return replace(meaning, says=Ignored(UNASKED))
        return replace(meaning, says=await buttons.meant(pressed))

    async def _admitted(self, meaning: Meaning) -> Meaning:
        account = account_of(meaning)
        if account is None:
            return meaning
        rows = self.customers.rows
        if READ not in rows:
            await self.customers.reached(await self.events.last_seq(LISTED))
        if READ not in rows:
            raise CustomersUnread(
                "the list of customers was not read yet",
                hint="it goes on by itself; is PUSHLINE_CUSTOMERS right?",
            )
        return meaning if admits(rows, *account) else refused(meaning, account)

    async def take(self, delivery: Delivery, since: int) -> None:
        """Record all facts of the delivery that are not in the log."""
        match (meaning := await self.meaning(delivery)).says:
            case Ignored(reason=reason):
                ignored = DeliveryIgnored(meaning.kind, reason)
                await self._append(delivery, meaning, [], ignored, since=since)
            case Push() as push:
                push = replace(push, late=is_late(delivery))
                await self._push(delivery, meaning, push, since)
            case tuple() as statements:
                await self._states(delivery, meaning, statements, since)

    async def _push(self, delivery: Delivery, meaning: Meaning, push: Push, since: int) -> None:
        """Decide with the branch as it is; decide again when it moved meanwhile."""
        history = subjects.history(push.of)
        for _ in range(TRIES):
            await self.branches.reached(await self.events.last_seq(history))
            branch = self.branches.rows.get(f"{push.of.forge} {push.of.project} {push.of.id}")
            fact = decide(branch or Branch(), push)
            if overtaken(delivery, branch.seq if branch else 0):
                fact = Ignored(f"{push.branch}: {REASON}")
            name = push.repository.full_name
            try:
                if isinstance(fact, Ignored):
                    also = drafts(delivery, meaning.also)
                    ignored = DeliveryIgnored(meaning.kind, fact.reason)
                    await self._append(delivery, meaning, also, ignored, since=since, name=name)
                else:
                    guard = Guard(history, branch.seq if branch else 0)
                    id = event_id(self.durable, delivery.event_id, fact)
                    moved = [*drafts(delivery, meaning.also), Draft(fact, push.of, id, guard)]
                    done = DeliveryTranslated(meaning.kind, len(moved))
                    await self._append(delivery, meaning, moved, done, since=since, name=name)
            except Conflict:
                log.info("branch_moved_meanwhile", delivery=delivery.event_id)
            else:
                return
        raise Conflict(f"{history} moved {TRIES} times while {delivery.event_id} was decided on")

    async def _states(
        self, delivery: Delivery, meaning: Meaning, statements: Sequence[Statement], since: int
    ) -> None:
        """Record what needs no decision; a large installation in several batches."""
        all_of_it = drafts(delivery, (*statements, *meaning.also))
        facts = await current(delivery, all_of_it, self.events)
        done: Event = DeliveryTranslated(meaning.kind, len(facts))
        if not facts:
            done = DeliveryIgnored(meaning.kind, REASON)
        name = statements[0].name if len(statements) == 1 else ""
        while len(facts) > BATCH:
            now, facts = facts[:BATCH], facts[BATCH:]
            await self.events.append_all(now, cause=delivery, actor=meaning.actor or self.durable)
        await self._append(delivery, meaning, facts, done, since=since, name=name)

    async def _append(
        self,
        delivery: Delivery,
        meaning: Meaning,
        drafts: Sequence[Draft],
        end: Event,
        *,
        since: int,
        name: str = "",
    ) -> None:
        """Append facts and the delivery's own, all or none."""
        of = of_delivery(delivery)
        id = event_id(self.durable, delivery.event_id, end)
        own = Draft(end, of, id, Guard(subjects.history(of), since))
        actor = meaning.actor or self.durable
        await self.events.append_all([*drafts, own], cause=delivery, actor=actor, name=name)


def drafts(delivery: Delivery, statements: Iterable[Statement]) -> list[Draft]:
    """Return the facts of what a delivery states, under ids that derive from it."""
    return [
        Draft(
            said.fact,
            said.of,
            event_id(Intake.durable, delivery.event_id, said.fact, *said.parts),
        )
        for said in statements
    ]


def of_delivery(delivery: Delivery) -> Aggregate:
    """Return what a delivery's own facts are about."""
    return Aggregate(delivery.forge, "", "delivery", delivery.id)


def understand(delivery: Delivery) -> Meaning:
    """Return what a delivery means; what cannot be understood is ignored, with the reason.

    A sender's mistake is no dead letter: nobody here could mend it. It is recorded, and its raw
    body stays in DELIVERIES.
    """
    translate = TRANSLATORS.get(delivery.forge)
    if translate is None:
        return Meaning("", Ignored(f"no forge is called {delivery.forge}"))
    try:
        return translate(delivery)
    except PayloadInvalid as error:
        log.warning("payload_invalid", delivery=delivery.event_id, reason=str(error))
        kind = delivery.headers.get(f"x-{delivery.forge}-event", "")
        return Meaning(kind, Ignored(str(error)))
