"""What compares each forge with the log, as the settings say whom we are there."""

from datetime import datetime

from bus import durables
from bus.connection import Bus
from bus.fold import Fold
from consumers.forges.customers import Admitted
from consumers.intake.consumer import Intake
from consumers.recovery.consumer import Pace, Recovery
from consumers.recovery.finding import Findings
from consumers.recovery.forge import Forge, Lists
from consumers.recovery.github import GitHub
from consumers.recovery.gitlab import GitLab
from consumers.recovery.known import Known
from edge.cli.forge_settings import AtForges
from edge.cli.forges import ForgeApis


def recoveries_of(
    apis: ForgeApis, bus: Bus, known: Known, customers: Fold[Admitted], chosen: AtForges
) -> tuple[Recovery, ...]:
    """Return a comparison of each forge that can be asked; none where none is wanted."""
    every = chosen.reconcile_minutes * 60.0
    pace = Pace(every=every, settle=min(30.0, every / 4))
    born = datetime.fromisoformat(bus.born)

    async def caught_up() -> bool:
        live = await durables.live(bus.js, Intake)
        return live is not None and int(live["num_pending"]) == 0

    def of(forge: Forge, lists: Lists | None) -> Recovery:
        findings = Findings(forge.name, bus.log, bus.deliveries)
        return Recovery(
            forge,
            lists,
            events=bus.log,
            findings=findings,
            known=known,
            customers=customers,
            caught_up=caught_up,
            born=born,
            pace=pace,
        )

    made = []
    if apis.github is not None and chosen.reconcile_minutes:
        github = GitHub(apis.github)
        made.append(of(github, github))
    if apis.gitlab is not None and chosen.reconcile_minutes:
        made.append(of(GitLab(apis.gitlab, chosen.gitlab_installation_tag), None))
    return tuple(made)
