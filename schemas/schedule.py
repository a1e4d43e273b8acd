"""When a function is to be called, said by annotations in the words of OpenFaaS' cron connector.

``topic: cron-function``, ``schedule: "*/5 * * * *"``, and ``timezone: Europe/Berlin`` (UTC).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.cron import CronInvalid, parse

TOPIC: Final = "cron-function"
TRIGGERS: Final = ("topic", "schedule", "timezone")


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a function is called; part of ``function.deployed``."""

    cron: str = ""  # "": never
    zone: str = ""  # "": UTC


def schedule(annotations: Mapping[str, str]) -> Schedule:
    """Return when a function is to be called; whether that can be, ``problems`` tells."""
    if TOPIC not in _topics(annotations):
        return Schedule()
    return Schedule(annotations.get("schedule", ""), annotations.get("timezone", ""))


def problems(annotations: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what is wrong by annotation, with its cure."""
    wanted = schedule(annotations)
    if TOPIC not in _topics(annotations):
        return {}
    if not wanted.cron.strip():
        return {
            "topic": ("cron-function has no schedule", 'write schedule: "*/5 * * * *" beside it')
        }
    try:
        parse(wanted.cron, wanted.zone)
    except CronInvalid as error:
        key = "timezone" if wanted.zone and "time zone" in error.message else "schedule"
        return {key: (error.message, error.hint)}
    return {}


def without_effect(annotations: Mapping[str, str]) -> list[str]:
    """Return the annotations that lead to no call."""
    others = [topic for topic in _topics(annotations) if topic != TOPIC]
    idle = ["topic"] if others else []
    if TOPIC not in _topics(annotations):
        idle += [key for key in ("schedule", "timezone") if key in annotations]
    return idle


def _topics(annotations: Mapping[str, str]) -> list[str]:
    said = annotations.get("topic", "").split(",")
    return [topic.strip() for topic in said if topic.strip()]
