"""Signing in by a provider: the page, the way there, and the way back.

Twice: a code that comes back again finds its session begun, whichever replica is asked. Out of
order: the newest attempt of a browser counts. Provider down: said so, nothing is kept.
"""

from edge.auth.people import Caller
from edge.auth.signin import instruments
from edge.auth.signin.attempt import LIFE, Attempt, Destination, begin
from edge.auth.signin.cookies import ATTEMPT
from edge.auth.signin.errors import AttemptLost, ProviderDenied
from edge.auth.signin.grants import hand_on
from edge.auth.signin.lobby import Lobby, same
from edge.auth.signin.places import to_login
from edge.auth.signin.provider import Answer
from edge.auth.signin.reply import Reply, page, to
from edge.auth.signin.request import Request

BACK = "/login/callback/"


async def login(lobby: Lobby, request: Request) -> Reply:
    """Show who can say who somebody is; whoever is signed in goes on at once."""
    wanted = lobby.places.destination(request.query)
    if (caller := lobby.caller(request)) is not None:
        return await onward(lobby, caller, wanted)
    await lobby.auth.desk.keys.ready()  # by the time that somebody comes back, routers are too
    ways = [(one.title, to_login(wanted, f"/login/{one.name}")) for one in lobby.providers.values()]
    back = lobby.places.at_system(f"{BACK}PROVIDER")
    return page("login", ways=ways, host=wanted.host, back=back)


async def start(lobby: Lobby, request: Request) -> Reply:
    """Send the browser to a provider, with a cookie that only this attempt fits."""
    provider = lobby.provider(request.path.rpartition("/")[2])
    attempt = begin(provider.name, lobby.places.destination(request.query))
    url = await provider.authorize_url(attempt, _back(lobby, provider.name))
    return to(url).with_headers(lobby.cookies.attempt(await lobby.seal(attempt)))


async def callback(lobby: Lobby, request: Request) -> Reply:
    """Begin a session for whoever comes back from the provider."""
    provider = lobby.provider(request.path.rpartition("/")[2])
    attempt = await _attempt(lobby, request, provider.name)
    if error := request.query.get("error", ""):
        raise _said(provider.title, error)
    answer = Answer(request.query.get("code", ""), request.query.get("iss", ""))
    if not answer.code:
        raise AttemptLost(f"{provider.title} sent no code", hint="sign in again")
    async with lobby.asking:
        person = await provider.person(answer, attempt, _back(lobby, provider.name))
    signed = await lobby.auth.desk.sign_in(
        person,
        attempt=attempt.state,
        via=provider.name,
        source=request.source,
        host=request.host,
    )
    instruments.begun.labels(provider.name).inc()
    caller = lobby.auth.verifier.known(b"", signed.token.encode(), request.host)
    if caller is None:  # signed out everywhere, in this very moment
        raise AttemptLost("the session has ended already", hint="sign in again")
    reply = await onward(lobby, caller, attempt.to)
    return reply.with_headers(lobby.cookies.session(signed.token, signed.until))


async def onward(lobby: Lobby, caller: Caller, wanted: Destination) -> Reply:
    """Lead a person to where they wanted to be."""
    return await hand_on(lobby, caller, wanted) if wanted.host else to(wanted.path)


def _back(lobby: Lobby, name: str) -> str:
    return lobby.places.at_system(BACK + name)


async def _attempt(lobby: Lobby, request: Request, provider: str) -> Attempt:
    """Return the attempt that this answers; raises AttemptLost for any other."""
    sealed = lobby.cookies.read(request.cookie, ATTEMPT)
    attempt = await lobby.opened(sealed, Attempt, within=LIFE)
    if attempt is None or attempt.provider != provider:
        raise AttemptLost(
            "this sign-in did not begin in this browser, or more than ten minutes ago",
            hint="sign in again, and let your browser keep cookies of this site",
        )
    if not same(attempt.state, request.query.get("state", "")):
        raise AttemptLost(
            "this is the answer to another sign-in than the one that began here last",
            hint="sign in again, in one tab",
        )
    return attempt


def _said(provider: str, error: str) -> ProviderDenied:
    """Return what an error of the provider means; its own words may be anybody's."""
    match error:
        case "access_denied":
            return ProviderDenied(f"{provider} was told not to", hint="sign in again, and approve")
        case "temporarily_unavailable" | "server_error":
            return ProviderDenied(f"{provider} cannot do it now", hint="try again in a moment")
        case _:
            return ProviderDenied(
                f"{provider} does not take the question as it is asked",
                hint="its operator compares the client's settings there with those here",
            )
