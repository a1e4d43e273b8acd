"""`pushline quotas`: what accounts may have, and what they use."""

import sys
from typing import Annotated, TypeAlias

from cyclopts import App, Parameter

from edge.api.allotted import Amount, Builds, QuotaView, QuotaViews, QuotaWritten
from edge.cli.client import Api
from edge.cli.moment import MomentOption, moment
from edge.cli.output import as_json, table
from edge.cli.where import HERE, At, JsonOption, target
from schemas.errors import SettingInvalid

app = App(name="quotas", help="Say what accounts may have, and see what they use.")

Account: TypeAlias = Annotated[
    str, Parameter(help="FORGE/OWNER: github/acme; of GitLab's the outermost group.")
]
Most: TypeAlias = Annotated[
    str | None, Parameter(help="A number, 0 for any; `default`: what holds for all.")
]
KINDS = ("functions", "replicas", "memory", "builds")


@app.command
def ls(
    account: Annotated[str, Parameter(help="FORGE/OWNER; left out: all that you may see.")] = "",
    *,
    then: MomentOption = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """List accounts with what they use of what they may have."""
    api, when = Api(target(at)), moment(then)
    if account:
        found = [api.get(_path(account), QuotaView, at=when)]
    else:
        found = api.get("/api/quotas", QuotaViews, at=when).items
    if json:
        as_json(found)
        return 0
    rows = [
        (
            row.tenant,
            _amount(row.functions),
            _amount(row.replicas),
            _amount(row.memory),
            _most(row.builds),
        )
        for row in found
    ]
    headings = ("ACCOUNT", "FUNCTIONS", "REPLICAS", "MEMORY MiB", "BUILDS AT ONCE")
    table(headings, rows, empty="nobody has pushed yet")
    return 0


@app.command
def set(
    account: Account,
    *,
    functions: Most = None,
    replicas: Most = None,
    memory: Annotated[Most, Parameter(help="MiB, 0 for any amount; or `default`.")] = None,
    builds: Annotated[Most, Parameter(help="At once in one builder; or `default`.")] = None,
    at: At = HERE,
) -> int:
    """Say what an account may have; what is left out stays. It holds from the next push on."""
    given = {"functions": functions, "replicas": replicas, "memory": memory, "builds": builds}
    wanted = {kind: text for kind, text in given.items() if text is not None}
    if not wanted:
        raise SettingInvalid("nothing is said", hint="as pushline quotas set A/B --functions 20")
    api = Api(target(at))
    now = api.get(_path(account), QuotaView)
    body = {kind: row.most for kind in KINDS if (row := getattr(now, kind)).own}
    for kind, text in wanted.items():
        body.pop(kind, None)
        if text != "default":
            body[kind] = _number(kind, text)
    done = api.send("PUT", _path(account), QuotaWritten, body)
    sys.stdout.write(f"{done.tenant} has what was said from its next push on\n")
    return 0


@app.command
def rm(account: Account, *, at: At = HERE) -> int:
    """Take back all that was said of an account: what holds for all holds for it."""
    done = Api(target(at)).send("PUT", _path(account), QuotaWritten, {})
    sys.stdout.write(f"{done.tenant} has what all have from its next push on\n")
    return 0


def _number(kind: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise SettingInvalid(
            f"--{kind}: {text} is no number", hint="0 is any number, `default` what holds for all"
        )
    return int(text)


def _amount(amount: Amount) -> str:
    return f"{amount.used} of {_most(amount)}" if amount.most else f"{amount.used}"


def _most(row: Amount | Builds) -> str:
    most = str(row.most) if row.most else "any"
    return f"{most} (set)" if row.own else most


def _path(account: str) -> str:
    forge, _, owner = account.strip("/").partition("/")
    if not owner:
        raise SettingInvalid(f"{account} is no account", hint="write FORGE/OWNER, as github/acme")
    return f"/api/tenants/{forge}/{owner.replace('/', ':')}/quota"
