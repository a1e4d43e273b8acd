"""Providers of sign-in: each is offered a code of nobody's, and says whether it knows us."""

from functools import partial
from typing import Final

from edge.auth.signin.attempt import Destination, begin
from edge.auth.signin.errors import ProviderDenied
from edge.auth.signin.provider import Answer
from edge.auth.signin.settings import providers
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok
from edge.cli.signing_in import providers_of
from edge.cli.variables import variable


async def _known(name: str, subject: Subject) -> Outcome:
    """Return whether a provider takes the client's id and secret, and only the code not."""
    found = providers(providers_of(subject.chosen), lambda _: None).get(name)
    if found is None:
        return off(f"nobody signs in by it: {variable(f'{name}_client_id')}")
    base = subject.at.base if subject.at else f"http://{subject.chosen.root_domain}"
    back = f"{base.replace('://', '://system.')}/login/callback/{name}"
    issuer = subject.chosen.oidc_issuer if name == "oidc" else ""
    attempt = begin(name, Destination())
    await found.authorize_url(attempt, back)  # of an issuer: discovery
    try:
        await found.person(Answer("of-the-doctor", issuer), attempt, back)
    except ProviderDenied:
        return ok(f"{found.title} knows this client; it has to lead back to {back}")
    return fail(f"{found.title} took a code that nobody has", "this is no provider to trust")


CHECKS: Final = tuple(
    Check(f"sign-in {name}", partial(_known, name), 25, f"compare {variable(name)}_* with it")
    for name in ("github", "gitlab", "oidc")
)
