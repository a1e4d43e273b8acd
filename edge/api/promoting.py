"""Whether an account may have what a promotion would make production of."""

from collections.abc import Iterable
from typing import ClassVar

from edge.api.projects import Project
from edge.api.views import Views
from schemas.allowed import quota_of
from schemas.environments import PRODUCTION
from schemas.errors import PushlineError
from schemas.quotas import over
from schemas.tenants import account
from schemas.using import Held, Using, need_of


class QuotaExceeded(PushlineError):
    """An account's quota has no room for what is asked; the message says which, and how much."""

    code = "quota_exceeded"
    status: ClassVar = 409


def require_room(views: Views, row: Project, preview: str, functions: Iterable[str]) -> None:
    """Raise QuotaExceeded where functions of a preview are too much for production.

    As the API knows it at this moment: of two promotions at once both may pass, and count.
    """
    whose, key = account(row.forge, row.name), f"{row.forge} {row.project}"
    using = views.using.rows.get(key, Using())
    asked = {
        name: need_of(using, using.functions.get(f"{preview}/{name}", Held())) for name in functions
    }
    problems = over(
        quota_of(views.said.rows, whose, views.quota),
        views.using.rows,
        project=key,
        whose=whose,
        environment=PRODUCTION,
        asked=asked,
    )
    for problem in problems:
        raise QuotaExceeded(problem.message, hint=problem.cure)
