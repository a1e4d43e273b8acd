"""Who may say what to the log: one user per role.

``init`` alone may create, change, purge and delete streams. ``platform`` (edge and consumers)
appends and works. The others read EVENTS, over unnamed consumers only, so that they cannot touch
a worker's durable; each writes what is its own to write. ``replay`` may make copies of EVENTS
under names of its own, and publish nothing but ``replay.>``: a server's wildcard stands for a whole
token, so that the names are counted out.
"""

from typing import Any, Final

DENIED: Final = "ev.=.=.session.=.denied"  # the one fact that routers write
_INFO: Final = ("$JS.API.INFO", "$JS.API.STREAM.INFO.*")
COPIES: Final = tuple(f"REPLAY_{number}" for number in range(1, 9))  # of EVENTS, at a time


def _reads(*streams: str) -> tuple[str, ...]:
    return tuple(
        f"$JS.API.{verb}"
        for stream in streams
        for verb in (
            f"STREAM.MSG.GET.{stream}",
            f"CONSUMER.CREATE.{stream}",
            f"CONSUMER.MSG.NEXT.{stream}.*",
        )
    )


PUBLISH: Final[dict[str, tuple[str, ...]]] = {
    "init": (">",),
    "platform": (
        "ev.>",
        "delivery.>",
        "log.>",
        "usage.>",
        "dead.>",
        "timer.>",  # a schedule; the server itself publishes due.>
        "$JS.ACK.>",
        *_INFO,
        *_reads("EVENTS", "DELIVERIES", "LOGS", "USAGE", "DEADLETTERS", "TIMERS"),
        "$JS.API.STREAM.PURGE.TIMERS",  # how a schedule is cancelled
        "$JS.API.CONSUMER.CREATE.*.>",
        "$JS.API.CONSUMER.INFO.>",
    ),
    "supervisor": ("log.>", *_INFO, *_reads("EVENTS")),
    "router": ("usage.>", DENIED, *_INFO, *_reads("EVENTS")),
    "operator": (
        "ev.*.*.deadletter.*.redriven",
        "ev.*.*.deadletter.*.dropped",
        "ev.*.=.delivery.*.resend-requested",
        "ev.*.=.reconciliation.=.requested",
        *(f"ev.=.=.replay.*.{fact}" for fact in ("started", "finished", "planned", "applied")),
        *_INFO,
        *_reads("EVENTS", "LOGS", "USAGE", "DEADLETTERS"),
        "$JS.API.CONSUMER.INFO.*.*",
    ),
    "replay": (
        "replay.>",
        *_INFO,
        *_reads("EVENTS", "DELIVERIES", *COPIES),
        "$JS.API.DIRECT.GET.EVENTS",
        "$JS.API.CONSUMER.INFO.EVENTS.*",
        "$JS.API.CONSUMER.INFO.DELIVERIES.*",
        *(f"$JS.API.STREAM.{verb}.{copy}" for copy in COPIES for verb in ("CREATE", "DELETE")),
    ),
}
ROLES: Final = tuple(PUBLISH)


def configuration() -> str:
    """Return the users of a server that is not ours; ``$NATS_<ROLE>`` are their passwords."""
    lines = ["authorization {", "  users: ["]
    for user in users({role: f"$NATS_{role.upper()}" for role in ROLES}):
        permissions = user["permissions"]
        lines += [f"    {{user: {user['user']}, password: {user['password']}, permissions: {{"]
        lines += ["      publish: {allow: ["]
        lines += [f'        "{subject}"' for subject in permissions["publish"]["allow"]]
        lines += ["      ]}"]
        lines += [f'      subscribe: {{allow: ["{permissions["subscribe"]["allow"][0]}"]}}']
        lines += ["    }}"]
    return "\n".join([*lines, "  ]", "}"]) + "\n"


def users(passwords: dict[str, str]) -> list[dict[str, Any]]:
    """Return the users as the server's configuration has them."""
    return [
        {
            "user": role,
            "password": passwords[role],
            "permissions": {
                "publish": {"allow": list(PUBLISH[role])},
                "subscribe": {"allow": [f"_INBOX_{role}.>"]},
            },
        }
        for role in ROLES
    ]
