"""Every fold there is, empty: what ``state`` reads, and what is rebuilt to be compared."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from bus.fold import Fold
from consumers.collector import artefacts, buildlogs
from consumers.collector.consumer import Folds as Collected
from consumers.comments import pulls
from consumers.deployer import desired
from consumers.forges import customers
from consumers.intake import consumer as intake
from consumers.metrics import consumer as metrics
from consumers.planner.folds import Folds
from consumers.recovery.known import Known
from consumers.secrets import register
from consumers.source.quota import Quotas, Usual
from consumers.status import commits
from consumers.timer.wanted import wanted
from edge import domains
from edge.api.views import Views
from edge.auth.book import Book
from edge.router import routes
from schemas import allowed
from schemas.allowed import Said
from schemas.quotas import Quota

Makers: TypeAlias = tuple[Callable[[], tuple[Fold[Any], ...]], ...]

MAKERS: Final[Makers] = (
    lambda: Views.make(None, _nowhere).folds,
    lambda: Folds.kept().all(),
    lambda: Collected.kept().all(),
    lambda: Known.kept().all(),
    lambda: Book.make(None).folds,
    lambda: (
        routes.fold(),
        domains.fold(),
        intake.fold(),
        register.fold(),
        desired.desired(),
        desired.desired(name="followed"),
        desired.desired(name="secret-copies"),
        customers.fold("customers"),
        customers.fold("intake-customers"),
        customers.fold("recovery-customers"),
        wanted(),
        metrics.fold(None),
        artefacts.fold(),
        buildlogs.fold(),
        *Quotas.kept(Usual(), Quota()).all(),
        Fold("builder-quotas", row=Said, key=allowed.key, reduce=allowed.reduce),
        commits.fold(),
        pulls.fold(),
    ),
)


def every() -> dict[str, Fold[Any]]:
    """Return each fold by its name."""
    return {fold.name: fold for make in MAKERS for fold in make()}


def _nowhere(label: str, environment: str, function: str) -> str:  # noqa: ARG001 - the port's names
    return ""
