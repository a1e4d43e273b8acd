"""The roster: roles given by hand, beside what the forges say; who writes them, who reads them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from bus.log import Draft, EventLog, Guard
from edge.auth.book import Book
from edge.auth.members import Member, tenant_key
from edge.auth.people import Caller
from edge.auth.policy import Resource
from edge.auth.sessions import Known
from schemas import subjects
from schemas.envelope import tenant
from schemas.errors import Conflict, PushlineError
from schemas.events.tenant import TenantMemberSet
from schemas.people import RANKS, Role, means, named, names
from schemas.tenants import lineage

PROVIDERS: Final = ("github", "gitlab", "oidc")
LONGEST: Final = 255  # letters of a name
TRIES: Final = 20  # against others who write about the same tenant


class MemberInvalid(PushlineError):
    """A member is named in a way that names nobody."""

    code = "member_invalid"
    status: ClassVar = 422


class MemberSelf(PushlineError):
    """Somebody would take his own role away, perhaps the last one that gives any."""

    code = "member_self"
    status: ClassVar = 409


@dataclass(frozen=True, slots=True)
class Roster:
    """Guards each fact by the tenant's history; each answer waits until the book knows it."""

    events: EventLog
    book: Book

    def of(self, on: Resource) -> list[Member]:
        """Return who has a role in a tenant, by name; of two roles the higher."""
        key = tenant_key(on.forge, on.owner)
        found: dict[str, Member] = {}
        for known in self.book.people.rows.values():
            for one in known.memberships:
                if one.forge == on.forge and one.owner in lineage(on.owner):
                    told = found.get(known.login)
                    if told is None or RANKS[one.role] > RANKS[told.role]:
                        found[known.login] = _member(known.login, one.role, known, by_hand=False)
        for who, granted in self.book.members.rows.items():
            if role := granted.roles.get(key):
                person = self._known(who)
                told = found.get(person.login) if person else None
                if told is not None and RANKS[told.role] >= RANKS[role]:
                    continue
                found.pop(told.who if told else "", None)
                found[who] = _member(who, role, person, by_hand=True)
        return [found[name] for name in sorted(found)]

    async def set(self, on: Resource, who: str, role: Role | None, *, asked: Caller) -> int:
        """Give somebody a role in a tenant, None: take it back; return the sequence.

        It stands beside what the forge says. Harmless to repeat. Raises MemberInvalid,
        MemberSelf, Conflict.
        """
        name = checked(who)
        itself = means(name, user=asked.user, login=asked.login)
        if itself and role != "owner" and not asked.operator:
            raise MemberSelf(
                "nobody takes his own role away",
                hint="another owner or an operator can, so that a tenant never has nobody",
            )
        of, id = tenant(on.forge, on.owner), f"auth:{uuid.uuid4()}:tenant.member-set"
        for attempt in range(TRIES):
            seq = await self.events.last_seq(subjects.history(of))
            await self.book.reached(seq)
            guard = Guard(subjects.history(of), seq)
            facts = [TenantMemberSet(one, role or "") for one in self._meant(on, name, role)]
            if not facts:
                return seq
            drafts = [
                Draft(fact, of, f"{id}:{attempt}:{number}", None if number else guard)
                for number, fact in enumerate(facts)
            ]
            try:
                seq = await self.events.append_all(drafts, actor=asked.actor, name=on.owner)
            except Conflict:
                continue
            await self.book.reached(seq)
            return seq
        raise Conflict(f"the members of {on.owner} are being changed by others", hint="try again")

    def _meant(self, on: Resource, name: str, role: Role | None) -> Iterator[str]:
        """Yield ``name`` unless it has this role, and what else the same person got a role by."""
        known, key = self._known(name), tenant_key(on.forge, on.owner)
        others = names(known.user, known.login) - {name} if known else frozenset()
        for one in sorted((name, *others)):
            row = self.book.members.rows.get(one)
            written = None if row is None else row.roles.get(key)
            if written != role and (one == name or written is not None):
                yield one

    def _known(self, name: str) -> Known | None:
        people = self.book.people.rows.values()
        return next((one for one in people if means(name, user=one.user, login=one.login)), None)


def _member(who: str, role: Role, known: Known | None, *, by_hand: bool) -> Member:
    login, seen = ("", None) if known is None else (known.login, known.seen)
    return Member(who=who, role=role, by_hand=by_hand, login=login, seen=seen)


def checked(who: str) -> str:
    """Return the one spelling of a name; raises MemberInvalid."""
    provider, _, name = who.partition(":")
    if provider not in PROVIDERS or not name or len(who) > LONGEST or not name.isprintable():
        raise MemberInvalid(
            f"who: {who[:80]!r} names nobody",
            hint="write github:LOGIN, gitlab:LOGIN, oidc:SUBJECT, or the account's number",
        )
    return named(who)
