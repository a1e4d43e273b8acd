"""The local forge's deliveries in our words. Pure."""

from typing import Final

from consumers.forges import meaning
from consumers.forges.local.payloads import Push
from consumers.forges.meaning import Meaning
from schemas.envelope import Delivery
from schemas.repository import Repository

FORGE: Final = "local"


def translate(delivery: Delivery) -> Meaning:
    """Return what the delivery means; raises PayloadInvalid, which names the field."""
    push = meaning.decode(delivery, Push)
    repository = Repository(push.owner, push.repository, push.default_branch)
    says = meaning.push(
        FORGE,
        repository.full_name,
        ref=meaning.HEADS + push.branch,
        before=push.before,
        after=push.after,
        repository=repository,
        pusher=push.pusher,
    )
    return Meaning(push.kind, says, push.pusher)
