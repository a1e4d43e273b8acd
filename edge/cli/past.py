"""The past that the API reads: every fold it answers from, as it was at any moment."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bus.connection import Bus
from bus.fold import Fold
from bus.past import Past
from consumers.secrets.desk import Desk
from edge.api.then import Then, Told
from edge.api.views import Views
from edge.auth.book import Book


def then_of(bus: Bus, views: Views, desk: Desk, book: Book, snapshots: Path | None) -> Then:
    """Return what answers with ``?at=``; states of the past lie beside the snapshots, if any."""
    folds = (*views.folds, desk.register, *book.folds)
    place = len(views.folds)

    def made(state: Sequence[Fold[Any]], time: datetime) -> Told:
        past = replace(desk, register=state[place])
        return Told(views.then(state[:place], time), past, Book(*state[place + 1 :]))

    past = Past(folds, bus.follow, None if snapshots is None else snapshots / "past")
    return Then(Told(views, desk, book), past, made, bus.moments, bus.log)
