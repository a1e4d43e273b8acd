"""The list of customers: that it can be read, and lets somebody in where webhooks are taken."""

from typing import Final

from consumers.customers.listing import changes, parse
from consumers.customers.origin import origin_of
from edge.cli.doctor.finding import Check, Outcome, Subject, off, ok, warn
from edge.cli.variables import variable


async def customers(subject: Subject) -> Outcome:
    """Read it, as the consumer does."""
    chosen = subject.chosen
    hooks = (
        chosen.github_webhook_secret,
        chosen.gitlab_webhook_token,
        chosen.gitlab_signing_token,
    )
    if not chosen.customers and not any(hooks):
        return off(f"no webhook of a forge is taken: {variable('github_webhook_secret')}")
    found = changes(parse(await origin_of(chosen.customers).read()), ())
    if found.refused:
        owner, other = found.refused[0]
        return warn(
            f"{owner} is not let in: names of its functions may be those of {other}",
            "take one of the two off the list",
        )
    if not found.admitted:
        return warn(
            "no account of a forge may push here",
            f"set {variable('customers')}: a file, a URL, or * for everybody",
        )
    accounts = {customer.owner for customer in found.admitted}
    return ok("everybody may push" if "*" in accounts else f"{len(accounts)} accounts may push")


CHECKS: Final = (Check("customers", customers, 25, f"mend {variable('customers')}"),)
