"""Renames of accounts, where whoever has a webhook's token could tell of one.

All webhooks of a GitLab may share one token, and a rename takes hosts, projects and members along:
GitLab itself has to have somebody of the new name, and nobody of the old.
"""

from collections.abc import Mapping
from typing import Final

from consumers.forges.installs import Accounts
from consumers.forges.meaning import Ignored, Meaning, Statement
from schemas.events.tenant import TenantRenamed

ASKED: Final = frozenset({"gitlab"})
UNCONFIRMED: Final = "the rename is not taken: "  # how a reason begins
UNASKED: Final = f"{UNCONFIRMED}set PUSHLINE_GITLAB_TOKEN, so that GitLab can be asked"


async def confirmed(meaning: Meaning, accounts: Mapping[str, Accounts]) -> Meaning:
    """Return what is left of a rename once its forge was asked; raises ForgeUnavailable."""
    match meaning.says:
        case (Statement(of=of, fact=TenantRenamed(to=to)),) if of.forge in ASKED:
            pass
        case _:
            return meaning
    known = accounts.get(of.forge)
    if known is None:
        return Meaning(meaning.kind, Ignored(UNASKED), meaning.actor)
    if await known.named(of.id):
        reason = f"{UNCONFIRMED}there is somebody called {of.id}"
    elif not await known.named(to):
        reason = f"{UNCONFIRMED}nobody is called {to}"
    else:
        return meaning
    return Meaning(meaning.kind, Ignored(reason), meaning.actor)
