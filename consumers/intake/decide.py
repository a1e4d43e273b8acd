"""What a push means for a branch whose history we know. No clock, no random, no I/O.

Forges do not order their webhooks, and anybody who has seen one can send it again. So a push is
taken at its word only when it begins where the branch is, when nothing in between is missing, and
when both the move and the commit are new. Any other moves the branch too, but makes the run ask
the forge for the head: it can never roll production back.

A late push, which was found by asking, moves the branch only on from where it is. If it was the
newest, the forge's own head, which is compared next, says so.
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
    move = (push.before, push.after)
    if push.after == branch.head and move in branch.seen:
        return Ignored(f"{push.branch} is at {push.after[:7]} already")
    here = push.before == branch.head if branch.head else is_zero(push.before)
    overtaken = move in branch.gaps or (push.late and not here)
    if overtaken or (not here and push.after in branch.left):
        return BranchPushOutdated(push.branch, push.before, push.after, branch.head or ZERO_SHA)
    new = move not in branch.seen and push.after not in branch.left
    certain = not branch.gaps and (branch.head or not branch.seq)
    return BranchPushed(
        branch=push.branch,
        before=push.before,
        after=push.after,
        repository=push.repository,
        pusher=push.pusher,
        continues=bool(here and new and certain),
    )


def _deleted(branch: Branch, push: Push) -> BranchDeleted | BranchPushOutdated | Ignored:
    if not branch.head and branch.seq:
        return Ignored(f"{push.branch} is gone already")
    if push.before != branch.head and (push.late or push.before in branch.left):
        return BranchPushOutdated(push.branch, push.before, push.after, branch.head or ZERO_SHA)
    return BranchDeleted(push.branch, push.before, push.pusher)
