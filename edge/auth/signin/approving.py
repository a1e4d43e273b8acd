"""The page where a person lets a device act in their name (RFC 8628); ``device`` decides.

Whoever is led here by somebody else's code reads who asks and for what, and that the code has to
be on their own screen. Twice: the device was answered, and the page says so.
"""

from urllib.parse import urlencode

from edge.auth.device import CodeAnswered, CodeUnknown
from edge.auth.door import TooManyAttempts
from edge.auth.people import Caller
from edge.auth.signin.attempt import Destination
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.places import to_login
from edge.auth.signin.reply import Reply, message, page, to
from edge.auth.signin.request import Request

PATH = "/device"
ANOTHER = (PATH, "Type another code")
REFUSALS = (CodeUnknown, CodeAnswered, TooManyAttempts)


async def show(lobby: Lobby, request: Request) -> Reply:
    """Ask for a code, or whether the device with this one may."""
    code = request.query.get("user_code", "")
    caller = lobby.caller(request)
    if caller is None:
        back = f"{PATH}?{urlencode({'user_code': code})}" if code else PATH
        return to(to_login(Destination(back)))
    if not code:
        return page("device", login=caller.login, code="", waits=None)
    try:
        waits = await lobby.devices.pending(code, caller)
    except REFUSALS as error:
        return _refused(error)
    return page("device", login=caller.login, code=code, waits=waits)


async def answer(lobby: Lobby, request: Request) -> Reply:
    """Let the device in, or not; whatever is not a yes is a no."""
    code = request.form.get("user_code", "")
    caller = lobby.caller(request)
    if caller is None:
        return to(to_login(Destination(PATH)))
    try:
        return await _answered(lobby, code, caller, request)
    except REFUSALS as error:
        return _refused(error)


async def _answered(lobby: Lobby, code: str, caller: Caller, request: Request) -> Reply:
    if request.form.get("answer") != "yes":
        await lobby.devices.refuse(code, caller)
        return message(
            "Refused", "the device was not let in", "you can close this page", status=200
        )
    waits = await lobby.devices.approve(code, caller, request.source)
    return message(
        "Approved",
        f"{waits.client} acts in your name for {waits.days} days",
        "you can close this page; `pushline token ls` shows the token, and revokes it",
        status=200,
    )


def _refused(error: CodeUnknown | CodeAnswered | TooManyAttempts) -> Reply:
    return message("Not this code", error.message, error.hint, status=error.status, way=ANOTHER)
