"""What goes wrong while somebody signs in: each is shown as a page that says what to do."""

from typing import ClassVar

from schemas.errors import PushlineError, Retry


class SignInRefused(PushlineError):
    """Nobody is signed in by this; the page has a way to begin again."""

    code = "sign_in_refused"
    status: ClassVar = 400
    title: ClassVar = "You are not signed in"


class AttemptLost(SignInRefused):
    """The browser does not have what a sign-in begins with, or it is not this one's."""

    code = "attempt_lost"


class ProviderDenied(SignInRefused):
    """The provider says no, or its user did."""

    code = "provider_denied"
    status = 403


class ProviderRefused(SignInRefused):
    """The provider does not accept this installation; its operator has to see to that."""

    code = "provider_refused"
    status = 502


class ProviderAnswered(SignInRefused):
    """The provider answered in a way that cannot be trusted, or understood."""

    code = "provider_answered"
    status = 502


class ProviderUnavailable(SignInRefused, Retry):
    """The provider did not answer."""

    code = "provider_unavailable"
    status = 503


class ProviderUnknown(SignInRefused):
    """Nobody can sign in by this provider here."""

    code = "provider_unknown"
    status = 404


class LinkInvalid(SignInRefused):
    """A one-time link is too old, or none of ours."""

    code = "link_invalid"


class GrantInvalid(SignInRefused):
    """What a host was handed for a browser is too old, used, or for another browser or host."""

    code = "grant_invalid"


class AddressForeign(SignInRefused):
    """Whoever signs in would be led to a host that is none of this installation."""

    code = "address_foreign"
