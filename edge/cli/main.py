"""`pushline`: the one command."""

import importlib
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from edge.cli.complain import complain
from schemas.errors import PushlineError

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

# Nouns are imported when they are asked for: `up` needs no table, `run ls` no server.
NOUNS = {
    "up": "edge.cli.up:up",
    "demo": "edge.cli.demo:demo",
    "init": "edge.cli.init:init",
    "edge": "edge.cli.edge:edge",
    "router": "edge.cli.router:router",
    "consumer": "edge.cli.consumer:consumer",
    "events": "edge.cli.events:app",
    "state": "edge.cli.state.command:state",
    "run": "edge.cli.run:app",
    "replay": "edge.cli.replay.command:app",
    "functions": "edge.cli.functions:app",
    "deploys": "edge.cli.deploys:deploys",
    "previews": "edge.cli.previews:app",
    "promote": "edge.cli.promote:promote",
    "projects": "edge.cli.projects:app",
    "secrets": "edge.cli.secrets:app",
    "domains": "edge.cli.domains:app",
    "collect": "edge.cli.collect:app",
    "link": "edge.cli.link:link",
    "login": "edge.cli.login:login",
    "logout": "edge.cli.login:logout",
    "context": "edge.cli.context:app",
    "token": "edge.cli.token:app",
    "members": "edge.cli.members:app",
    "quotas": "edge.cli.quotas:app",
    "keys": "edge.cli.keys:app",
    "why": "edge.cli.why:why",
    "audit": "edge.cli.audit.command:app",
    "deadletter": "edge.cli.deadletter:app",
    "reconcile": "edge.cli.reconcile:reconcile",
    "explain": "edge.cli.explain.command:explain",
    "top": "edge.cli.top:top",
    "stats": "edge.cli.stats:stats",
    "doctor": "edge.cli.doctor.command:doctor",
    "version": "edge.cli.version:version",
}


def application(*, whole: bool = False) -> App:
    """Return the command; ``whole``: with all nouns imported, for the list of them."""
    app = App(
        name="pushline",
        help="Push to Git, get a live function; every step is an event that can be replayed.",
        version=_version,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for name, target in NOUNS.items():
        if whole:
            module, _, attribute = target.partition(":")
            app.command(getattr(importlib.import_module(module), attribute), name=name)
        else:
            app.command(target, name=name)
    return app


def _version() -> str:
    from edge.cli.release import version

    return version()


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code: 0 done, 1 failed, 2 misused, 130 interrupted."""
    try:
        whole = not arguments or arguments[0] in ("-h", "--help")
        code = application(whole=whole)(list(arguments))
    except PushlineError as error:
        complain(error.message, error.hint)
        return FAILED
    except CycloptsError as error:
        complain(str(error).strip(), "--help shows what there is")
        return MISUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `pushline events tail | head`: the reader has what it wanted
        sys.stderr.close()
        return OK
    return code if isinstance(code, int) else OK


def main() -> None:
    """Run the command of this process and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
