"""The platform's process: ingest, git and API on one Unix socket, and all consumers as tasks."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable

import structlog
import uvloop

from bus import streams
from bus.connection import Bus, connect
from consumers.secrets.desk import Desk
from edge import pipelinelog, pubcert
from edge.api.domain_book import DomainBook
from edge.api.tailing import Tails
from edge.api.views import Views
from edge.auth import jwks
from edge.auth.device import Devices
from edge.auth.device_endpoints import DeviceEndpoints
from edge.auth.device_words import AUTHORIZATION, TOKEN
from edge.auth.door import Door
from edge.auth.jwks import Jwks
from edge.auth.room import Auth
from edge.auth.signin.settings import SEGMENTS, SignInSettings
from edge.cli import page, workers
from edge.cli.adapters import Adapters
from edge.cli.dispatch import Application, Dispatch, Later
from edge.cli.forward_auth import forward_auth
from edge.cli.honoured import honoured
from edge.cli.platform_settings import SOCKET, PlatformSettings
from edge.cli.quota_settings import default_quota
from edge.cli.router_metrics import with_routers
from edge.cli.serve import Site, forewarned, private_socket, told_to_stop, work
from edge.cli.settings import trusted_of
from edge.cli.signing_in import auth_of, providers_of
from edge.cli.workers import Consumers
from edge.git.forge import GitForge
from edge.git.pushed_stack import lint
from edge.ingest import Gate, GitHubIngest, GitLabIngest
from edge.pipelinelog import PipelineLog
from edge.predecessor import paths as predecessors
from edge.predecessor.application import Shapes
from edge.predecessor.reading import Reading
from edge.pubcert import PubCert

__all__ = ["PlatformSettings", "run"]

log = structlog.get_logger(__name__)


def run(settings: PlatformSettings) -> None:
    """Serve until SIGTERM; then let requests and handlers end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(settings))


async def _main(settings: PlatformSettings) -> None:
    stopping = told_to_stop()
    if settings.init is not None:
        await streams.ensure(settings.init, workers.DURABLE)
    async with connect(settings.bus, name="platform") as bus, contextlib.AsyncExitStack() as stack:
        views = views_of(settings)
        desk = Desk.of(bus, settings.keys, settings.snapshots)
        auth = auth_at(settings, bus)
        consuming = workers.make(Adapters(settings, bus, stack))
        serving = application(settings, bus, views, desk, auth, leaving=forewarned(stopping))
        answering = await stack.enter_async_context(serving)
        site = Site(answering, stack.enter_context(private_socket(settings.run / SOCKET)))
        folds = (*views.folds, desk.register, *auth.book.folds, *consuming.folds)
        both = Consumers(consuming.jobs, folds)
        await work(bus, both, stopping, site, *forward_auth(settings.settings, auth))
    log.info("platform_stopped")


def views_of(settings: PlatformSettings) -> Views:
    """Return the folds that the API reads."""
    quota = default_quota(settings.settings)
    return Views.make(settings.snapshots, settings.endpoint.function_url, quota)


def auth_at(settings: PlatformSettings, bus: Bus) -> Auth:
    """Return what tells who asks; whoever serves it runs the folds of its book."""
    chosen = auth_of(settings.settings, settings.endpoint.token)
    return Auth.make(chosen, bus.log, settings.keys, settings.snapshots)


@contextlib.asynccontextmanager
async def application(
    settings: PlatformSettings,
    bus: Bus,
    views: Views,
    desk: Desk,
    auth: Auth,
    *,
    leaving: Callable[[], bool],
) -> AsyncIterator[Dispatch]:
    """Yield all that answers requests; answers that go on end once we are ``leaving``."""
    at, chosen = settings.endpoint, settings.settings
    door = Door(auth, Door.own_hosts(at.root_domain, (at.host,)), trusted_of(chosen))
    forge = GitForge(
        settings.home / "git",
        deliveries=bus.deliveries,
        events=bus.log,
        follow=bus.follow.events,
        enter=door.enter,
        url=at.function_url,
        lint=functools.partial(lint, honoured=honoured(chosen)),
    )
    await forge.reconcile()
    making = functools.partial(_api, views, bus, desk, auth, settings=settings, leaving=leaving)
    api = Later(making)
    devices = Devices(bus.log, auth.desk)
    codes = DeviceEndpoints(devices, door, at.base.replace("://", "://system."))
    signing = Later(functools.partial(_pages, settings, providers_of(chosen), door, views, devices))
    try:
        async with with_routers(settings.run) as metrics, auth.running():
            yield Dispatch(
                door=door,
                paths={
                    **_webhooks(settings, bus, door, views),
                    jwks.PATH: Jwks(auth.desk.keys),
                    **dict.fromkeys((AUTHORIZATION, TOKEN), codes),
                    **_builds(settings, desk),
                    **_certificate(settings),
                },
                git=forge,
                api=api,
                front=page.front(at),
                pages=dict.fromkeys(SEGMENTS, signing),
                metrics=metrics,
            )
    finally:
        api.cancel()
        signing.cancel()
        await forge.close()


def _webhooks(
    settings: PlatformSettings, bus: Bus, door: Door, views: Views
) -> dict[str, Application]:
    """Return what verifies by itself what it is sent."""
    chosen, gate = settings.settings, Gate()
    return {
        "/github-event": GitHubIngest(
            bus.deliveries,
            secret=chosen.github_webhook_secret,
            sha1=chosen.github_webhook_sha1,
            gate=gate,
        ),
        "/gitlab-event": GitLabIngest(
            bus.deliveries,
            token=chosen.gitlab_webhook_token,
            signing=chosen.gitlab_signing_token,
            gate=gate,
        ),
        pipelinelog.PATH: PipelineLog(
            bus.build_logs, door, views, gate, chosen.payload_secret.encode()
        ),
        **dict.fromkeys(
            predecessors.ALL, Shapes(Reading(views, bus.usage, bus.lines), door.enter, gate)
        ),
    }


def _builds(settings: PlatformSettings, desk: Desk) -> dict[str, Application]:
    if settings.settings.builder != "buildkit":
        return {}
    from edge.cli.builds import build_paths  # gRPC takes a moment to import

    return build_paths(settings.settings, settings.tools, settings.home, desk.store)


def _certificate(settings: PlatformSettings) -> dict[str, Application]:
    chosen = settings.settings
    if not chosen.kubernetes_url:
        return {}
    return dict.fromkeys((pubcert.PATH, pubcert.OLD), PubCert(chosen.sealed_secrets_url))


def _api(
    views: Views,
    bus: Bus,
    desk: Desk,
    auth: Auth,
    *,
    settings: PlatformSettings,
    leaving: Callable[[], bool],
) -> Application:
    from edge.api.app import create  # a third of the time until this process serves
    from edge.cli.past import then_of

    at = settings.endpoint
    return create(
        views,
        bus.lines,
        bus.build_logs,
        desk,
        counts=bus.usage,
        book=DomainBook(bus.log, at.root_domain, frozenset((at.host,))),
        event_log=bus.log,
        auth=auth,
        then=then_of(bus, views, desk, auth.book, settings.snapshots),
        tails=Tails(bus.follow, bus.log, leaving),
        bus=bus,
        version=at.version,
    )


def _pages(
    settings: PlatformSettings, chosen: SignInSettings, door: Door, views: Views, devices: Devices
) -> Application:
    from edge.cli.pages import sign_in  # jinja2 and the providers' libraries take their time

    at, keys = settings.endpoint, settings.keys
    return sign_in(door, views, at, chosen, keys=keys, devices=devices)
