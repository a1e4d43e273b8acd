"""What a push means for a branch whose history we know. No clock, no random, no I/O.

Forges do not order their webhooks, and anybody who has seen one can send it again. So a push is
taken at its word only when it begins where the branch is and was never seen. Any other moves the
branch too, but makes the run ask the forge for the head: it can never roll production back.
"""

from consumers.forges.meaning import Ignored, Push, is_zero
from consumers.intake.branches import Branch
from schemas.events.branch import BranchDeleted, BranchPushed, BranchPushOutdated
from schemas.ids import ZERO_SHA


def decide(
    branch: Branch, push: Push
) -> BranchPushed | BranchPushOutdated | BranchDeleted | Ignored:
    """Return the one fact of this push."""
    if is_zero(push.after):
        return _deleted(branch, push)
    if push.after == branch.head:
        return Ignored(f"{push.branch} is at {push.after[:7]} already")
    here = push.before == branch.head if branch.head else is_zero(push.before)
    if not here and push.after in branch.left:
        return BranchPushOutdated(push.branch, push.before, push.after, branch.head or ZERO_SHA)
    fresh = here and (push.before, push.after) not in branch.seen
    return BranchPushed(
        branch=push.branch,
        before=push.before,
        after=push.after,
        repository=push.repository,
        pusher=push.pusher,
        continues=fresh,
    )


def _deleted(branch: Branch, push: Push) -> BranchDeleted | BranchPushOutdated | Ignored:
    if not branch.head and branch.seq:
        return Ignored(f"{push.branch} is gone already")
    if push.before != branch.head and push.before in branch.left:
        return BranchPushOutdated(push.branch, push.before, push.after, branch.head)
    return BranchDeleted(push.branch, push.before, push.pusher)
