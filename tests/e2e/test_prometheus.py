"""A push, seen by a real Prometheus and by the commands that tell the same."""

import asyncio
import json
import os
from pathlib import Path

from tests.bus.outside import free_port
from tests.heavy.prometheus import scraping, tool
from tests.laptop import HELLO, ROOT, laptop, repository, saying

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"


def test_prometheus_scrapes_a_push(tmp_path: Path) -> None:
    """It logs in with the token, takes the rules, and knows lead time, steps, calls and the log."""
    tool("prometheus")  # skips before anything is started
    with laptop(tmp_path) as here:
        work = repository(tmp_path / "work", {"hello/handler.py": saying("hi")}, HELLO)
        target, token = f"127.0.0.1:{here.port}", here.endpoint()["token"]
        with scraping(tmp_path / "p", free_port(), [target], token, RULES) as prometheus:
            prometheus.until("pushline_log_up", lambda value: value == 1)
            assert prometheus.query("pushline_lead_seconds_count") == 0
            here.push(work)
            asyncio.run(here.answers("hello", "hi"))

            prometheus.until('pushline_runs_total{outcome="live"}', lambda value: value == 1)
            prometheus.until("pushline_lead_seconds_count", lambda value: value == 1)
            worked = prometheus.query('pushline_step_working_seconds_sum{step="build"}')
            prometheus.until('sum(pushline_router_requests_total{status="2xx"})', bool)
            [group] = prometheus.api("rules")["groups"]
            [scraped] = prometheus.api("targets")["activeTargets"]
            firing = prometheus.query('count(ALERTS{alertstate="firing"}) or vector(0)')

        [told] = [json.loads(line) for line in here.pushline("stats", "--json").splitlines()]
        consumers = [json.loads(line) for line in here.pushline("top", "--json").splitlines()]

    assert worked
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    assert scraped["health"] == "up"
    assert firing == 0
    assert (told["total"]["live"], told["total"]["failure_share"]) == (1, 0)
    assert [each["project"] for each in told["projects"]] == ["alice/hello"]
    assert {each["state"] for each in consumers} <= {"idle", "busy"}
    assert token not in (tmp_path / "p" / "log").read_text() + os.fsdecode(tmp_path)
