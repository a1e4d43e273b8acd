"""A log as a busy installation leaves it: pushes of many projects, each to its end."""

from collections.abc import Iterator
from typing import Final

from bus.connection import Bus
from bus.log import Draft
from schemas.envelope import Aggregate, tenant
from schemas.events.branch import BranchPushed
from schemas.events.delivery import DeliveryTranslated
from schemas.events.function import FunctionClaimed, FunctionDeployed, FunctionDeployStarted
from schemas.events.run import (
    RunArchived,
    RunBuildStarted,
    RunBuilt,
    RunFinished,
    RunQueued,
    RunResolved,
    RunSuperseded,
)
from schemas.events.secret import SecretSealed
from schemas.events.tenant import TenantLabelled
from schemas.ids import digest_of
from schemas.repository import Repository

PROJECTS: Final = 200
EVERY: Final = 20  # one push in so many is superseded
BATCH: Final = 500  # facts appended at once
FORGE: Final = "github"


def project(number: int) -> list[Draft]:
    """Return what is recorded of a project before its first push."""
    owner, id = f"tenant-{number}", str(1000 + number)
    claimed = Aggregate(FORGE, id, "function", "production/hello")
    secret = Aggregate(FORGE, id, "secret", "token")
    sealed = digest_of(owner.encode())
    return [
        Draft(TenantLabelled(owner), tenant(FORGE, owner), f"label:{number}"),
        Draft(FunctionClaimed(owner, "hello"), claimed, f"claim:{number}"),
        Draft(SecretSealed("token", "project", "key", sealed), secret, f"secret:{number}"),
    ]


def push(number: int) -> Iterator[Draft]:
    """Yield what one push leaves in the log."""
    place = number % PROJECTS
    id, owner, run = str(1000 + place), f"tenant-{place}", f"01JD8Z6Q5V{number:016}"
    repository = Repository(owner, "shop", "main", f"https://github.com/{owner}/shop.git")
    sha, before = f"{number + PROJECTS:040x}", f"{number:040x}"
    image = digest_of(sha.encode())
    of = Aggregate(FORGE, id, "run", run)
    function = Aggregate(FORGE, id, "function", "production/hello")
    queued = RunQueued("production", number // PROJECTS + 1, "main", sha, repository, owner)
    started = FunctionDeployStarted(run, number, sha[-8:], image)
    deployed = FunctionDeployed(
        run=run,
        generation=number,
        revision=sha[-8:],
        image=image,
        spec=image,
        sha=sha,
        label=owner,
        environment="production",
        function="hello",
        upstream=f"unix:{sha[-8:]}.sock",
    )
    facts = [
        (DeliveryTranslated("push", 1), Aggregate(FORGE, "", "delivery", sha)),
        (BranchPushed("main", before, sha, repository), Aggregate(FORGE, id, "branch", "main")),
        (queued, of),
        (RunResolved(sha, ("hello",)), of),
    ]
    if number % EVERY == 0:
        facts.append((RunSuperseded("01JD8Z6Q5W"), of))
    else:
        facts += [
            (RunArchived("hello", image, image, "python3-http"), of),
            (RunBuildStarted("hello"), of),
            (RunBuilt("hello", image, image), of),
            (started, function),
            (deployed, function),
            (RunFinished("live"), of),
        ]
    for at, (fact, about) in enumerate(facts):
        yield Draft(fact, about, f"life:{number}:{at}")


def lives(count: int) -> Iterator[Draft]:
    """Yield so many facts."""
    left = count
    for number in range(count):
        first = project(number) if number < PROJECTS else []
        for draft in (*first, *push(number)):
            if not left:
                return
            left -= 1
            yield draft


async def fill(bus: Bus, count: int) -> None:
    """Append so many facts, many at once."""
    batch: list[Draft] = []
    for draft in lives(count):
        batch.append(draft)
        if len(batch) == BATCH:
            await bus.log.append_all(batch, actor="bench", name="tenant/shop")
            batch = []
    if batch:
        await bus.log.append_all(batch, actor="bench", name="tenant/shop")
