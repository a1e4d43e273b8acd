"""A scheduled function, from its stack to its call, through the real router."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bus.connection import connect
from bus.server import credentials
from bus.settings import BusSettings
from schemas.envelope import Aggregate
from schemas.events.function import FunctionDeployed
from schemas.events.timer import TimerDelivered
from schemas.schedule import Schedule
from tests.consumers.timer.clockwork import ago, facts, there
from tests.laptop import Laptop, laptop, repository

STACK = """version: 1.0
provider: {name: openfaas}
functions:
  tick:
    lang: python3-http
    handler: ./tick
    annotations:
      topic: cron-function
      schedule: "0 0 1 1 *"
      com.pushline.route.policy: members
"""
HANDLER = """
def handle(event, context):
    known = event.headers.get("X-Topic") == "cron-function" and event.headers.get("X-Call-Id")
    token = "Authorization" in event.headers
    return {"statusCode": 500 if token or not known else 209, "body": ""}
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Laptop]:
    """Yield a Pushline with a function that is called at New Year."""
    with laptop(tmp_path) as found:
        found.push(repository(tmp_path / "work", {"tick/handler.py": HANDLER}, STACK))
        yield found


async def test_a_function_that_not_everybody_may_call_is_called(
    here: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its moment was missed an hour ago: it is called once, as the operator, and sees no token.

    What was deployed is recorded again, with a schedule that does not make the test wait.
    """
    password = credentials(here.home / "nats" / "credentials.json")["platform"]
    url = str(here.endpoint()["log"])
    settings = BusSettings(nats_url=url, user="platform", password=password, home=here.home)
    of = Aggregate("local", "alice/hello", "function", "production/tick")
    async with connect(settings, name="test") as bus:
        live = await bus.log.last(of, FunctionDeployed)
        assert live is not None
        assert live.fact.schedule == Schedule("0 0 1 1 *")
        hourly = msgspec.structs.replace(live.fact, schedule=Schedule("0 * * * *"))
        with ago(monkeypatch, timedelta(hours=2)):
            await bus.log.append(hourly, of=of, id="hourly", name="alice/hello")

        (delivered,) = await there(bus, TimerDelivered)
        assert (delivered.fact.outcome, delivered.fact.status) == ("answered", 209)
        assert len(await facts(bus, TimerDelivered)) == 1
