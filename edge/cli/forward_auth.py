"""Where proxies ask who may pass: a port of its own, for nobody else has to reach it."""

from collections.abc import Mapping

from edge.auth.forward import FORWARD, VERIFY, ForwardAuth, to_sign_in, unauthorized
from edge.auth.protected import parse
from edge.auth.room import Auth
from edge.cli.dispatch import PLAIN, Application, Message, Receive, Send, answer
from edge.cli.listen import listener
from edge.cli.serve import Site
from edge.cli.settings import Settings, address


def forward_auth(settings: Settings, auth: Auth) -> tuple[Site, ...]:
    """Return the site that answers them, none where nobody is to ask; raises PortTaken."""
    if not settings.forward_auth_listen:
        return ()
    name, rules = "forward_auth_listen", parse(settings.protected_hosts)
    paths = {
        VERIFY: ForwardAuth(auth.verifier, rules, unauthorized),
        FORWARD: ForwardAuth(auth.verifier, rules, to_sign_in),
    }
    at = address(settings.forward_auth_listen, allow_remote=settings.allow_remote, name=name)
    return (Site(_by_path(paths), listener(*at, name)),)


def _by_path(paths: Mapping[str, ForwardAuth]) -> Application:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if asked := paths.get(scope["path"]):
            await asked(scope, receive, send)
        else:
            await answer(send, 404, PLAIN, f"ask {' or '.join(paths)}\n".encode())

    return application
