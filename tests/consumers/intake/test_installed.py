"""The tag rule: a GitLab project is taken once the project itself says so, asked by intake."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bus.connection import Bus
from consumers.forges.asking import ForgeUnavailable
from consumers.forges.gitlab.api import Api
from consumers.forges.gitlab.installs import GitLabInstalls
from consumers.intake.again import IntakeAgain
from consumers.intake.consumer import Intake, fold
from consumers.intake.renamed import UNCONFIRMED
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed
from schemas.events.delivery import DeliveryIgnored, DeliveryResendRequested, DeliveryTranslated
from schemas.events.project import ProjectInstalled, ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.pull import PullClosed, PullOpened
from schemas.events.tenant import TenantRenamed
from tests.consumers.intake.listing import customers, everybody
from tests.consumers.intake.test_consumer import recorded, store
from tests.heavy.forges.gitlab import payloads
from tests.heavy.forges.gitlab.played import Played

TAG = "openfaas-cloud"
SYSTEM = "System Hook"


class Hall:
    """Intake in front of a GitLab with one project, group/sub/shop."""

    def __init__(self, bus: Bus, gitlab: Played) -> None:
        self.bus = bus
        self.gitlab = gitlab
        self.world = gitlab.world
        self.alice = self.world.user("alice")
        self.project = self.world.project("group/sub/shop", by=self.alice)
        self.api = Api(gitlab.url, self.world.token(self.alice))
        self.installs = GitLabInstalls(self.api, TAG)
        asked = {"gitlab": self.installs}
        self.intake = Intake(bus.log, fold(), everybody(), asked, accounts=asked)
        self.told = 0

    async def hear(self, body: dict[str, Any], hook: str = SYSTEM) -> list[type[Event]]:
        """Let intake take a delivery; return the facts that it recorded."""
        before = len(await recorded(self.bus))
        self.told += 1
        delivery = await store(self.bus, "gitlab", f"d-{self.told}", body, x_gitlab_event=hook)
        await self.intake.handle(delivery)
        return [type(event.fact) for event in (await recorded(self.bus))[before:]]

    async def push(self, name: str = "main") -> list[type[Event]]:
        """Push a commit."""
        before = self.project.branches.get(name, payloads.ZEROS)
        sha = self.world.push(self.project, name, {"a": str(self.told)}, by=self.alice)
        return await self.hear(self.pushed(name, before, sha))

    async def updated(self) -> list[type[Event]]:
        """Let GitLab tell that the project's settings were saved."""
        return await self.hear(payloads.project_event(self.world, self.project, "project_update"))

    def pushed(self, name: str, before: str, after: str) -> dict[str, Any]:
        """Return what GitLab tells of a push."""
        ref = f"refs/heads/{name}"
        return payloads.push(self.world, self.project, self.alice, ref, before=before, after=after)


@pytest.fixture
async def hall(bus: Bus, gitlab_api: Played) -> AsyncIterator[Hall]:
    """Yield intake with its fold following the log."""
    made = Hall(bus, gitlab_api)
    following = asyncio.create_task(made.intake.branches.run(bus.follow))
    yield made
    following.cancel()
    await made.api.close()


async def reasons(bus: Bus) -> list[str]:
    """Return why deliveries were ignored, and projects removed."""
    return [
        event.fact.reason
        for event in await recorded(bus)
        if isinstance(event.fact, DeliveryIgnored | ProjectRemoved)
    ]


async def test_a_project_is_installed_by_its_topic(hall: Hall, bus: Bus) -> None:
    """Without it a push builds nothing and says what to do; with it all later ones are taken."""
    assert await hall.push() == [DeliveryIgnored]
    hall.world.set_topics(hall.project, "OpenFaaS-Cloud", "shop", silent=True)
    first, asked = await hall.push(), len(hall.gitlab.doors.calls)
    later = [await hall.push(), await hall.push("next")]

    assert first == [ProjectInstalled, BranchPushed, DeliveryTranslated]
    assert later == [[BranchPushed, DeliveryTranslated]] * 2
    assert len(hall.gitlab.doors.calls) == asked
    assert f'add the topic "{TAG}"' in (await reasons(bus))[0]
    (installed,) = [e for e in await recorded(bus) if isinstance(e.fact, ProjectInstalled)]
    told = (await bus.deliveries.get(2)).time
    assert installed.fact == ProjectInstalled("group/sub", "shop", private=True, told=told)
    assert (installed.of.project, installed.name) == (str(hall.project.id), "group/sub/shop")


@pytest.mark.weakness(8)
@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 0])
async def test_only_gitlab_s_own_answer_removes(hall: Hall, bus: Bus, status: int) -> None:
    """A project_update while GitLab answers anything else leads to nothing, and is tried again."""
    hall.world.set_topics(hall.project, TAG, silent=True)
    await hall.push()
    hall.world.set_topics(hall.project, silent=True)
    match status:
        case 401:
            hall.world.tokens.clear()
        case 403:
            (token,) = hall.world.tokens.values()
            token.scopes = frozenset({"read_user"})
        case 429:
            hall.gitlab.doors.limit = 1
            await hall.installs.shown(str(hall.project.id))
        case 0:
            hall.api.url = "http://127.0.0.1:9"  # where nobody listens
        case _:
            hall.gitlab.doors.down = status

    with pytest.raises(ForgeUnavailable):
        await hall.updated()

    assert await hall.installs.stands("gitlab", str(hall.project.id), "") == "unknown"
    assert await reasons(bus) == []


async def test_the_topic_lost_and_found(hall: Hall, bus: Bus) -> None:
    """Taken away the project is removed, once; given back it is installed; 404 removes it, too."""
    hall.world.set_topics(hall.project, TAG, silent=True)
    assert await hall.updated() == [ProjectUpdated, ProjectInstalled, DeliveryTranslated]
    assert await hall.updated() == [ProjectUpdated, DeliveryTranslated]
    hall.world.set_topics(hall.project, "other", silent=True)
    assert await hall.updated() == [ProjectUpdated, ProjectRemoved, DeliveryTranslated]
    assert await hall.updated() == [DeliveryIgnored]
    assert await hall.installs.stands("gitlab", str(hall.project.id), "") == "no"
    hall.world.set_topics(hall.project, TAG, silent=True)
    assert await hall.updated() == [ProjectUpdated, ProjectInstalled, DeliveryTranslated]
    assert await hall.installs.stands("gitlab", str(hall.project.id), "") == "yes"
    del hall.project.members[hall.alice.id]
    assert await hall.updated() == [ProjectUpdated, ProjectRemoved, DeliveryTranslated]
    assert "not installed any more. Its forge shows us no such project" in (await reasons(bus))[-1]


async def test_merge_requests_of_others_wait_for_the_topic(hall: Hall) -> None:
    """What would be built is asked for; what closes something always counts."""
    await hall.push()
    await hall.push("next")
    asked = hall.world.open_merge(hall.project, "next", hall.project, "main", by=hall.alice)

    def told(action: str) -> dict[str, Any]:
        return payloads.merge_request(hall.world, asked, hall.alice, action)

    assert await hall.hear(told("open"), "Merge Request Hook") == [DeliveryIgnored]
    assert await hall.hear(told("close"), "Merge Request Hook") == [PullClosed, DeliveryTranslated]
    hall.world.set_topics(hall.project, TAG, silent=True)
    reopened = await hall.hear(told("reopen"), "Merge Request Hook")
    assert reopened == [PullOpened, ProjectInstalled, DeliveryTranslated]
    before = hall.project.branches["next"]
    hall.world.delete_branch(hall.project, "next", by=hall.alice)
    hall.world.set_topics(hall.project, silent=True)
    gone = hall.pushed("next", before, payloads.ZEROS)
    assert await hall.hear(gone) == [BranchDeleted, DeliveryTranslated]


async def test_what_is_told_of_a_project_is_what_gitlab_has(hall: Hall, bus: Bus) -> None:
    """Webhooks may share a token: nobody lets a project be another tenant's by telling so."""
    hall.world.set_topics(hall.project, TAG, silent=True)
    await hall.push()
    body = payloads.project_event(hall.world, hall.project, "project_transfer")
    await hall.hear(body | {"path_with_namespace": "eve/loot", "project_visibility": "public"})
    told = [one for one in await recorded(bus) if isinstance(one.fact, ProjectRenamed)]

    assert [(one.fact, one.name) for one in told] == [
        (ProjectRenamed("group/sub", "shop"), "group/sub/shop")
    ]


@pytest.mark.parametrize(
    ("old", "new", "taken"),
    [
        ("team", "group", True),  # nobody is called team any more
        ("alice2", "alice", True),
        ("group", "evil", False),
        ("group/sub", "group", False),
        ("team", "nobody", False),
        ("alice", "group", False),
    ],
)
async def test_a_rename_is_what_gitlab_confirms(
    hall: Hall, bus: Bus, old: str, new: str, *, taken: bool
) -> None:
    """Hosts, projects and members go along: the old name has to be free, the new one there."""
    body = {"event_name": "group_rename", "old_full_path": old, "full_path": new}
    found = await hall.hear(body)

    assert found == ([TenantRenamed, DeliveryTranslated] if taken else [DeliveryIgnored])
    assert all(reason.startswith(UNCONFIRMED) for reason in await reasons(bus))


async def test_a_rename_that_nobody_can_confirm(hall: Hall, bus: Bus) -> None:
    """While GitLab is away it waits; where there is no token it is not taken."""
    body = {"event_name": "user_rename", "old_username": "ada", "username": "alice"}
    hall.gitlab.doors.down = 503
    with pytest.raises(ForgeUnavailable):
        await hall.hear(body)
    hall.intake = Intake(bus.log, hall.intake.branches, everybody())

    assert await hall.hear(body) == [DeliveryIgnored]
    assert "PUSHLINE_GITLAB_TOKEN" in (await reasons(bus))[0]


async def test_who_is_no_customer_installs_nothing(hall: Hall, bus: Bus) -> None:
    """The topic lets nobody in who is not on the list."""
    hall.world.set_topics(hall.project, TAG, silent=True)
    hall.intake = Intake(bus.log, hall.intake.branches, customers(), hall.intake.installs)

    assert await hall.push() == [DeliveryIgnored]
    assert await hall.updated() == [DeliveryIgnored]
    assert 'Customer: "group/sub" not found' in (await reasons(bus))[-1]


async def test_a_delivery_from_before_the_topic_can_be_taken_again(hall: Hall, bus: Bus) -> None:
    """Whoever adds the topic need not push once more: `events resend` takes the last push."""
    await hall.push()
    hall.world.set_topics(hall.project, TAG, silent=True)
    again = IntakeAgain(hall.intake, bus.deliveries, bus.follow.events)
    request = DeliveryResendRequested()
    of = Aggregate("gitlab", "", "delivery", "d-1")
    seq = await bus.log.append(request, of=of, id="test:resend")

    await again.handle(cast("Recorded[DeliveryResendRequested]", await bus.log.get(seq)))

    kinds = [type(event.fact) for event in await recorded(bus)]
    assert ProjectInstalled in kinds
    assert BranchPushed in kinds
