"""The local forge as an ASGI application, to be mounted so that it sees ``/git/…`` paths."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qs

import msgspec

from bus.blocking import run_blocking
from edge.auth.asking import Asking, Forbidden
from edge.auth.door import TokenMissing, TooManyAttempts
from edge.auth.policy import Resource
from edge.git import asgi, services
from edge.git.advertise import advertise
from edge.git.asgi import Message, Receive, Send
from edge.git.names import SERVICES, Service, Target, target
from edge.git.narrate import Patience
from edge.git.outbox import Deliveries, Heads, Outbox
from edge.git.pushed_stack import Lint, lint
from edge.git.quarantine import sweep
from edge.git.receive import Events, Following, Receiver
from edge.git.repository import Repository
from edge.git.services import Request
from edge.git.story import Url
from edge.git.weigh import Limits
from schemas.errors import LogUnavailable

Enter = Callable[[Mapping[str, Any]], Asking]  # who asks, by the head of a request

FORGE: Final = "local"
REALM: Final = (b"www-authenticate", b'Basic realm="Pushline: any user, a token as password"')
NAMES: Final = "write /git/<owner>/<repository>.git, of letters, digits, '.', '_' and '-'"
LOG_WITHIN: Final = 2.0  # seconds that a look at the refs waits for the log


class GitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a push may bring, how long its terminal waits, how many are checked at once."""

    limits: Limits = Limits()
    patience: Patience = Patience()
    pushes: int = 4


DEFAULTS: Final = GitSettings()


class Log(Heads, Events, Protocol):
    """EVENTS, as far as the forge needs it: ``head`` and ``last``."""


class GitForge:
    """ASGI application of one folder of repositories; shared by all requests."""

    def __init__(
        self,
        root: Path,
        *,
        deliveries: Deliveries,
        events: Log,
        follow: Following,
        enter: Enter,
        url: Url,
        lint: Lint = lint,
        settings: GitSettings = DEFAULTS,
    ) -> None:
        """Serve the repositories under ``root``.

        ``enter`` answers who asks, or raises what the door does; ``url`` where a function
        of a label and an environment answers; ``follow`` is ``Follow.events``.
        """
        self._root = root
        self._enter = enter
        self._outbox = Outbox(deliveries, events)
        self._receiver = Receiver(
            outbox=self._outbox,
            log=events,
            follow=follow,
            lint=lint,
            url=url,
            limits=settings.limits,
            patience=settings.patience,
            places=asyncio.Semaphore(settings.pushes),
        )

    async def reconcile(self) -> int:
        """Deliver what a crash left undelivered, remove what it left lying; to be called at start.

        Returns how many deliveries that were.
        """
        await run_blocking(sweep, self._root)
        return await self._outbox.reconcile_all(self._root)

    async def close(self) -> None:
        """End what runs in the background."""
        await self._outbox.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            asking = self._enter(scope)
            await self._answer(asking, scope, receive, send)
        except TokenMissing:
            await asgi.refuse(send, 401, "the token is missing or wrong", REALM)
        except TooManyAttempts as error:
            await asgi.refuse(send, 429, str(error), (b"retry-after", b"%d" % error.wait))
        except Forbidden as error:
            await asgi.refuse(send, 403, str(error))

    async def _answer(self, asking: Asking, scope: Message, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        asked = target(scope["path"])
        if asked is None:
            await asgi.refuse(send, 404, f"no repository can have this name; {NAMES}")
        elif asked.what == "info/refs":
            await self._info(asking, asked, scope, send)
        elif scope["method"] != "POST":
            await asgi.refuse(send, 405, "POST is what is served here", (b"allow", b"POST"))
        elif headers.get(b"content-type") != f"application/x-{asked.what}-request".encode():
            await asgi.refuse(send, 415, f"this is no {asked.what} request")
        elif not _may(asking, asked, asked.what):
            await asgi.refuse(send, 404, _nothing(asked))
        else:
            repository = Repository(self._root, asked.owner, asked.name)
            request = Request(headers, asking.actor, repository, receive, send)
            if asked.what == "git-upload-pack":
                await services.fetch(request)
            else:
                await services.push(request, self._receiver)

    async def _info(self, asking: Asking, asked: Target, scope: Message, send: Send) -> None:
        service = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if scope["method"] not in ("GET", "HEAD"):
            return await asgi.refuse(send, 405, "GET", (b"allow", b"GET, HEAD"))
        if service not in SERVICES:
            return await asgi.refuse(send, 403, "this forge speaks git's smart protocol only")
        if not _may(asking, asked, service):
            return await asgi.refuse(send, 404, _nothing(asked))
        repository = Repository(self._root, asked.owner, asked.name)
        try:
            async with asyncio.timeout(LOG_WITHIN):
                await self._outbox.reconcile(repository)
        except (LogUnavailable, TimeoutError):
            self._outbox.later(repository)
        body = await run_blocking(advertise, repository, cast("Service", service))
        if body is None:
            return await asgi.refuse(send, 404, _nothing(asked))
        return await asgi.answer(send, 200, body, f"application/x-{service}-advertisement")


def _may(asking: Asking, asked: Target, service: str) -> bool:
    """Tell whether the repository is there for whoever asks; raises Forbidden for a push."""
    tenant = Resource(FORGE, asked.owner)
    if service == "git-receive-pack":
        asking.need("push", tenant)
        return True
    return asking.may("read", tenant)


def _nothing(asked: Target) -> str:
    """Return what is said of a repository that is not there, and of one that is not his."""
    return f"there is no {asked.project} yet; the first push makes it"
