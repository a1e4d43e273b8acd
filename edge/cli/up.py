"""`pushline up`: everything, on this machine, from one command."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from edge.cli import home as homes
from edge.cli import link, logs, settings, variables
from edge.cli.home import Endpoint, Home
from edge.cli.house import ENDING, RENEWING, House, Stopped, serving, until
from edge.cli.output import console, duration, program
from edge.cli.signing_in import providers_of
from schemas.errors import PushlineError, SettingInvalid


def up(
    *,
    home: Annotated[Path | None, Parameter(help="Where everything is kept.")] = None,
    listen: Annotated[
        str | None, Parameter(help="host:port of the one public port; port 0: any.")
    ] = None,
) -> int:
    """Start Pushline here: the log, the router, the platform, and whatever was live before.

    Ctrl-C or SIGTERM ends all of it in order; what is live comes back with the next start.
    SIGUSR2 starts the routers anew, without a lost request.
    """
    chosen, warnings, environ = settings.current()
    if chosen.nats_url:
        raise SettingInvalid(
            f"{variables.variable('nats_url')} names a log elsewhere, and `up` starts its own",
            hint="unset it, or start `pushline edge`, `router` and `consumer` instead",
        )
    if (chosen.builder == "buildkit") != (chosen.platform == "openfaas"):
        raise SettingInvalid(
            f"{variables.variable('builder')}={chosen.builder} makes nothing that "
            f"{variables.variable('platform')}={chosen.platform} can run",
            hint="buildkit makes images for openfaas, bundle makes folders for local",
        )
    providers_of(chosen)
    if listen is not None:
        chosen = settings.replaced(chosen, listen=listen)
    host, port = settings.address(chosen.listen, allow_remote=chosen.allow_remote)
    if home is not None:
        chosen = msgspec.structs.replace(chosen, home=str(home))
    place = homes.prepare(settings.home_of(chosen, environ))
    logs.configure("up", level=chosen.log_level, format=chosen.log_format)
    with homes.held(place):
        for warning in warnings:
            sys.stderr.write(f"warning: {warning}\n")
        return asyncio.run(_serve(chosen, place, host, port, settings.for_tools(environ)))


# The help is the docstring, and the settings are a part of it.
up.__doc__ = f"{up.__doc__}\n    Settings, as variables of the environment:\n\n" + "\n".join(
    f"    - `{row.variable}`: {row.meaning}" + (f" [{row.default}]" if row.default else "")
    for row in variables.manual(settings.Settings)
)


async def _serve(
    chosen: settings.Settings, place: Home, host: str, port: int, tools: dict[str, str]
) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, stopping.set)
    try:
        async with serving(chosen, place, host, port, tools=tools, stopping=stopping) as house:
            welcome(house, place, wished=port, sign_in=_sign_in(chosen, place, house.endpoint))
            async with house.renewing(RENEWING):
                await until(stopping, house)
            sys.stderr.write("stopping\n")
    except Stopped:
        pass
    return 0


def _sign_in(chosen: settings.Settings, place: Home, at: Endpoint) -> str:
    """Return where people sign in: by their provider, or the operator by a link of one use."""
    if any((chosen.github_client_id, chosen.gitlab_client_id, chosen.oidc_client_id)):
        return f"{at.base.replace('://', '://system.')}/login"
    try:
        return f"{link.one_time(at, settings.keys_of(chosen, place.path))} (once, in 10 minutes)"
    except PushlineError as error:
        return f"not now: {error}"


def welcome(house: House, place: Home, *, wished: int, sign_in: str) -> None:
    """Say where it is and what to do next."""
    out, at = console(), house.endpoint
    if house.orphans:
        count = "a process" if house.orphans == 1 else f"{house.orphans} processes"
        out.print(f"ended {count} that an earlier `up` had left behind")
    if wished and at.port != wished:
        out.print(f"port {wished} is taken: listening on {at.port}")
    out.print(f"Pushline {at.version} is up at {at.url} ({duration(house.took * 1000)})")
    functions = at.function_url("<you>", "production", "<function>")
    rows = {
        "push": f"git remote add pushline {remote(at, '<you>', '<repository>')}",
        "": "git push pushline main",
        "functions": functions,
        "see": f"{program()} events tail -f, run ls, functions ls",
        "sign in": sign_in,
        "api": f"{at.url}/api/openapi.json, with the token in {place.token}",
        "home": str(place.path),
    }
    for name, text in rows.items():
        out.print(f"  {name:<10} {text}", markup=False, soft_wrap=True)  # links stay whole
    out.print("Ctrl-C ends it.")
    sys.stdout.flush()


def remote(at: Endpoint, owner: str, repository: str) -> str:
    """Return the URL to push to, token and all."""
    scheme, _, rest = at.url.partition("://")
    return f"{scheme}://pushline:{at.token}@{rest}/git/{owner}/{repository}.git"
