"""A device's side of the device flow: show the code, then ask until its person has answered."""

import http.client
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from edge.auth.device_words import AUTHORIZATION, GRANT, TOKEN, Codes, Granted
from edge.cli.client import TIMEOUT, connected, unreachable
from edge.cli.contexts import Context
from schemas.errors import PushlineError

CLIENT: Final = "pushline-cli"
SLOWER: Final = 5  # seconds that slow_down adds (RFC 8628, 3.5)


class LoginFailed(PushlineError):
    """Nobody was signed in."""

    code = "login_failed"


class _Said(msgspec.Struct, frozen=True):
    """What an answer that is no success says."""

    error: str = ""
    error_description: str = ""


def wait_for_token(
    url: str, wanted: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep
) -> Granted:
    """Show where to go with which code, and return the token; raises LoginFailed, NotRunning.

    ``wanted`` is ``name`` of the token, and ``scope``, ``tenants``, ``days`` if they are chosen.
    """
    at = Context(url=url, token="")
    codes = _asked(at, AUTHORIZATION, {"client_id": CLIENT, **wanted}, Codes)
    if isinstance(codes, _Said):
        raise LoginFailed(f"{url} lets no device in: {codes.error_description or codes.error}")
    sys.stderr.write(
        f"open {codes.verification_uri_complete}\n"
        f"and see that it shows the code {codes.user_code}\n"
    )
    sys.stderr.flush()
    return _polled(at, codes, sleep)


def _polled(at: Context, codes: Codes, sleep: Callable[[float], None]) -> Granted:
    interval, end = float(codes.interval), time.monotonic() + codes.expires_in
    form = {"grant_type": GRANT, "device_code": codes.device_code, "client_id": CLIENT}
    while time.monotonic() < end:
        sleep(interval)
        said = _asked(at, TOKEN, form, Granted)
        if isinstance(said, Granted):
            return said
        match said.error:
            case "authorization_pending" | "temporarily_unavailable":
                continue
            case "slow_down":
                interval += SLOWER
            case "access_denied":
                raise LoginFailed("it was refused in the browser")
            case error:
                raise LoginFailed(f"no token: {said.error_description or error}")
    raise LoginFailed("nobody answered in time", hint="begin again")


def _asked(at: Context, path: str, form: Mapping[str, str], kind: type[Any]) -> Any:
    """Return an answer, or what it says in place of one; an outage is one of these."""
    try:
        connection, headers = connected(at, TIMEOUT)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST", path, body=urlencode(form), headers=headers)
        response = connection.getresponse()
        body, status = response.read(), response.status
        connection.close()
    except (OSError, http.client.HTTPException) as error:
        if path == TOKEN:  # it comes back, or the time runs out
            return _Said("temporarily_unavailable")
        raise unreachable(at, error) from error
    try:
        return msgspec.json.decode(body, type=kind if status == 200 else _Said)
    except msgspec.DecodeError:
        again = path == TOKEN and status >= 500
        return _Said("temporarily_unavailable" if again else "", f"it answered {status}")
