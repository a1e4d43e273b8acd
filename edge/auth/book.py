"""The book: all that auth knows, folded from the log; whoever asks it runs its folds."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.fold import Fold
from edge.auth import labels, members, publickeys, sessions, tokens
from edge.auth.labels import Tenant
from edge.auth.members import Granted, together
from edge.auth.publickeys import PublicKey
from edge.auth.sessions import Known
from edge.auth.tokens import Token
from schemas.people import Membership, names


@dataclass(frozen=True, slots=True)
class Book:
    """People and their sessions, tokens, keys, roles given by hand, and whose a label is."""

    people: Fold[Known]  # by user
    tokens: Fold[Token]  # by id
    keys: Fold[PublicKey]  # by kid
    members: Fold[Granted]  # by who was named
    labels: Fold[Tenant]  # by label

    @classmethod
    def make(cls, snapshots: Path | None) -> "Book":
        """Return a book that keeps its snapshots in a folder, if given."""
        return cls(
            _fold("auth-people", Known, sessions, snapshots),
            _fold("auth-tokens", Token, tokens, snapshots),
            _fold("auth-keys", PublicKey, publickeys, snapshots),
            _fold("auth-members", Granted, members, snapshots),
            _fold("auth-labels", Tenant, labels, snapshots),
        )

    @property
    def folds(self) -> tuple[Fold[Any], ...]:
        """Return each fold."""
        return (self.people, self.tokens, self.keys, self.members, self.labels)

    def load(self) -> None:
        """Take over the snapshots, without the log."""
        for fold in self.folds:
            fold.load()

    async def reached(self, seq: int) -> None:
        """Wait until all of it is true at a sequence."""
        await asyncio.gather(*(fold.reached(seq) for fold in self.folds))

    def memberships(self, user: str) -> tuple[Membership, ...]:
        """Return what a person is now: by the newest sign-in, and by hand."""
        known = self.people.rows.get(user)
        if known is None:
            return ()
        rows = (self.members.rows.get(name) for name in names(user, known.login))
        return together(known.memberships, [row for row in rows if row is not None])

    def tenant_of(self, label: str) -> Tenant | None:
        """Return whose a label is."""
        return self.labels.rows.get(label.lower())

    def label_of(self, forge: str, owner: str) -> str:
        """Return a tenant's label, "" where it has none yet."""
        wanted = Tenant(forge, owner.lower())
        return next((label for label, one in self.labels.rows.items() if one == wanted), "")


def _fold(name: str, row: type[Any], module: Any, snapshots: Path | None) -> Fold[Any]:
    return Fold(name, row=row, key=module.key, reduce=module.reduce, snapshots=snapshots)
