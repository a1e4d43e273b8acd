"""Recovery: what a forge never told us is found by asking it, every few minutes.

Reads   what the log says of branches, pull requests, projects and tenants; the list of customers;
        reconciliation.requested/1, tenant.suspended/1
Writes  deliveries, delivery.recovered/1, reconciliation.finished/1
Calls   a Forge
Twice   is harmless: a delivery's id is the forge's, or derives from what is missing and from the
        newest fact about it. Intake does the rest, and passes over what was overtaken meanwhile

Webhooks are under way for some seconds: what differs is looked at again a while later, and counts
if it still does.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import structlog

from bus.fold import Fold
from bus.follow import Follow
from bus.log import EventLog, Guard
from consumers.forges.asking import ForgeRefused, ForgeUnavailable
from consumers.forges.customers import LISTED, READ, Admitted, admits
from consumers.recovery import instruments
from consumers.recovery.compare import Comparison
from consumers.recovery.finding import NAME, Finding, Findings
from consumers.recovery.forge import Forge, Lists, Roster, Sent
from consumers.recovery.known import Known
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict, PushlineError
from schemas.events import Event
from schemas.events.reconciliation import ReconciliationFinished, ReconciliationRequested
from schemas.events.tenant import TenantSuspended
from schemas.ids import event_id

SOONEST: Final = 5.0  # seconds until it is tried again what the log did not take
QUIET: Final = timedelta(hours=1)  # between two facts that say nothing new
REQUESTS: Final = "ev.*.=.reconciliation.=.requested"
BACK: Final = "ev.*.=.tenant.*.suspended"  # suspended, or no more
REMEMBERED: Final = timedelta(days=7)  # older deliveries are left: our own may have been forgotten

CaughtUp = Callable[[], Awaitable[bool]]

log = structlog.get_logger(__name__)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often a forge is asked."""

    every: float = 300.0  # seconds between two comparisons
    settle: float = 30.0  # until what differs is looked at again
    spread: float = 0.5  # the share of ``every`` that looking at all projects takes at most
    gap: float = 1.0  # seconds between two projects, if there is room


class Done(msgspec.Struct):
    """What came of a comparison."""

    projects: int = 0
    recovered: int = 0
    silent: int = 0
    reason: str = ""  # why the forge gave no answer at all
    after: float = 0.0  # seconds in which it need not be asked again


class Recovery:
    """One forge's comparison with the log; ``keep`` is a job of ``consumers.run``."""

    def __init__(
        self,
        forge: Forge,
        lists: Lists | None,
        *,
        events: EventLog,
        findings: Findings,
        known: Known,
        customers: Fold[Admitted],
        caught_up: CaughtUp,
        born: datetime,
        pace: Pace | None = None,
    ) -> None:
        """Compare ``forge``; what was sent before the log was ``born`` is not ours.

        ``caught_up``: whether intake has begun with all that is stored.
        """
        self._forge = forge
        self._events = events
        self._findings = findings
        self._known = known
        self._customers = customers
        self._comparison = Comparison(forge, lists, events, known, self._admits)
        self._caught_up = caught_up
        self._born = born
        self._pace = pace or Pace()
        self._of = Aggregate(forge.name, "", "reconciliation", "")
        self._position = 0
        self._request = 0  # the newest request that was seen
        self._woken = asyncio.Event()
        self._unsaid = 0  # deliveries recovered since the last fact
        self._told: set[str] = set()  # projects of which nothing is shown, or we are refused

    @property
    def forge(self) -> str:
        """Return which forge is compared."""
        return self._forge.name

    def wake(self) -> None:
        """Compare now; once more, if that goes on already."""
        self._woken.set()

    async def keep(self, stopping: asyncio.Event) -> None:
        """Compare now and then, and when it is asked for, until told to stop."""
        while not stopping.is_set():
            pause = self._pace.every
            self._woken.clear()
            try:
                done = await self.once(stopping)
                pause = max(pause, done.after)
            except PushlineError as error:  # of the log
                log.info("recovery_waits", forge=self._forge.name, reason=error.message)
                pause = SOONEST
            await _pause(pause, stopping, self._woken)

    async def once(self, stopping: asyncio.Event) -> Done:
        """Compare all there is, and record what came of it; whatever fails stops nothing else."""
        await self._begin()
        done = Done()
        for part in (self._delivered, self._compared):
            try:
                await part(done, stopping)
            except (ForgeUnavailable, ForgeRefused) as error:
                log.info("forge_not_compared", forge=self._forge.name, reason=error.message)
                done.reason = done.reason or error.message
                if isinstance(error, ForgeUnavailable):
                    done.after = max(done.after, error.after)
        if not stopping.is_set():
            await self._record(done)
        return done

    def _admits(self, account: str) -> bool:
        return admits(self._customers.rows, self._forge.name, account)

    async def _begin(self) -> None:
        """Know where the last comparison ended, and who is a customer."""
        await self._customers.reached(await self._events.last_seq(LISTED))
        if READ not in self._customers.rows:
            log.info("recovery_without_customers", forge=self._forge.name)
        last = await self._events.last(self._of, ReconciliationFinished)
        if last is not None:
            self._position = max(self._position, last.fact.position)
        asked = await self._events.last(self._of, ReconciliationRequested)
        self._request = asked.seq if asked else 0

    async def _delivered(self, done: Done, stopping: asyncio.Event) -> None:
        """Store what the forge says that it sent, and we have not."""
        newest, missing = self._position, dict[str, Sent]()
        oldest = max(self._born, datetime.now(UTC) - REMEMBERED)
        projects = self._known.of(self._forge.name).items()
        known = {id: one for id, one in projects if self._admits(one.repository.owner)}
        async for sent in self._forge.sent(known, self._position):
            if stopping.is_set() or (sent.at is not None and sent.at < oldest):
                break
            newest = max(newest, sent.position)
            if not await self._findings.arrived(sent.id):
                missing[sent.id] = sent  # of several attempts the first is what stays
        for sent in sorted(missing.values(), key=lambda each: each.position):
            made = await self._forge.delivery(sent)
            if made is None:
                log.warning("delivery_lost", forge=self._forge.name, delivery=sent.id)
                continue
            finding = Finding(id=sent.id, why="delivery", made=made, sent=sent.at)
            await self._put(finding, done)
        if not stopping.is_set():
            self._position = newest

    async def _compared(self, done: Done, stopping: asyncio.Event) -> None:
        """Store what the forge has and nobody told."""
        roster, differing = await self._comparison.accounts()
        accounts = {one.id for one in differing}
        done.silent += roster.silent
        suspects: dict[str, set[str]] = {}
        projects = self._comparison.projects()
        gap = min(self._pace.gap, self._pace.every * self._pace.spread / max(len(projects), 1))
        for id in projects:
            found = await self._looked(id, roster, done)
            if news := {one.id for one in found if not await self._findings.arrived(one.id)}:
                suspects[id] = news
            if stopping.is_set():
                return
            await _pause(gap, stopping)
        if not suspects and not accounts:
            return
        await _pause(self._pace.settle, stopping)
        if stopping.is_set() or not await self._caught_up():
            return  # what is stored may be the very news
        await self._again(accounts, suspects, roster, done)

    async def _again(
        self, accounts: set[str], suspects: dict[str, set[str]], roster: Roster, done: Done
    ) -> None:
        """Look again at what differed; what still does is stored."""
        if accounts:
            roster, differing = await self._comparison.accounts()
            await self._all((one for one in differing if one.id in accounts), done)
        counted = Done()
        for id, news in suspects.items():
            found = await self._looked(id, roster, counted)
            await self._all((one for one in found if one.id in news), done)

    async def _looked(self, id: str, roster: Roster, done: Done) -> list[Finding]:
        """Return what is missing of a project; one that gives no answer stops no other."""
        try:
            found = await self._comparison.project(id, roster)
        except ForgeUnavailable:
            done.silent += 1
            return []
        except ForgeRefused as error:
            done.silent += 1
            self._tell(id, error.message)
            return []
        done.projects += 1
        if found is None:
            self._tell(id, "the forge shows nothing of it")
            return []
        self._told.discard(id)
        return found

    def _tell(self, project: str, reason: str) -> None:
        """Say once that a project cannot be compared; whether it is gone is others' to find out."""
        if project not in self._told:
            self._told.add(project)
            log.warning(
                "project_not_compared", forge=self._forge.name, project=project, reason=reason
            )

    async def _all(self, findings: Iterable[Finding], done: Done) -> None:
        for finding in findings:
            await self._put(finding, done)

    async def _put(self, finding: Finding, done: Done) -> None:
        if not await self._findings.put(finding):
            return
        done.recovered += 1
        instruments.recovered.labels(self._forge.name, finding.why).inc()
        if finding.sent is not None:
            late = (datetime.now(UTC) - finding.sent).total_seconds()
            instruments.lateness.labels(self._forge.name).observe(max(late, 0.0))
        log.info(
            "delivery_recovered",
            forge=self._forge.name,
            delivery=finding.id,
            why=finding.why,
            kind=finding.made.kind,
            project=finding.name,
            about=finding.about,
        )

    async def _record(self, done: Done) -> None:
        """Say what came of it, where that is news, or was not said for a while."""
        name = self._forge.name
        instruments.silent.labels(name).set(done.silent)
        if not done.reason:
            instruments.compared.labels(name).set_to_current_time()
        self._unsaid += done.recovered
        last = await self._events.last(self._of, ReconciliationFinished)
        same = last is not None and bool(last.fact.reason) == bool(done.reason)
        quiet = last is not None and datetime.now(UTC) - last.time < QUIET
        answered = last is not None and last.fact.request == self._request
        if same and quiet and not self._unsaid and (answered or not self._request):
            return
        fact = ReconciliationFinished(
            projects=done.projects,
            recovered=self._unsaid,
            silent=done.silent,
            reason=done.reason,
            position=self._position,
            request=self._request,
        )
        base = last.seq if last else 0
        with suppress(Conflict):  # another process compares, too, and was faster
            await self._events.append(
                fact,
                of=self._of,
                id=event_id(NAME, f"{name}:{base}", fact),
                actor=NAME,
                guard=Guard(subjects.subject(self._of, fact), base),
            )
        self._unsaid = 0


async def keep_recovered(
    recoveries: Sequence[Recovery], events: EventLog, follow: Follow, stopping: asyncio.Event
) -> None:
    """Compare every forge, each at its own pace, until told to stop."""
    async with asyncio.TaskGroup() as group:
        head = await events.head()
        listening = [
            group.create_task(_listen(recoveries, follow.events(after=head, filter=filter)))
            for filter in (REQUESTS, BACK)
        ]
        for recovery in recoveries:
            group.create_task(recovery.keep(stopping))
        await stopping.wait()
        for each in listening:
            each.cancel()


async def _listen(
    recoveries: Sequence[Recovery], reasons: AsyncGenerator[Recorded[Event], None]
) -> None:
    """Wake whoever is asked to compare, or may look again at an account of its forge."""
    async with aclosing(reasons) as events:
        async for event in events:
            if isinstance(event.fact, TenantSuspended) and event.fact.suspended:
                continue
            for recovery in recoveries:
                if recovery.forge == event.of.forge:
                    recovery.wake()


async def _pause(seconds: float, *until: asyncio.Event) -> None:
    """Wait, or until one of these is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in until]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
