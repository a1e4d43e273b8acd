"""Metrics, rules and dashboard: what is asked for is what is there, judged by Prometheus itself."""

import ast
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from edge.cli.main import NOUNS
from tests.deploy import exposed
from tests.deploy.composed import DEPLOY, compose, ours
from tests.heavy.prometheus import tool
from tests.laptop import ROOT

RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARD = DEPLOY / "grafana" / "pushline.json"
BOUND = {  # why a label has few values
    "consumer": "those of CONSUMERS and the durables",
    "fold": "those in the code",
    "stream": "those of STREAMS",
    "step": "plan, source, build, deploy, and the workers",
    "state": "of a letter or a step",
    "outcome": "those of a run",
    "code": "those of our errors",
    "forge": "those of webhooks",
    "operation": "of a store",
    "sink": "those that the operator has set",
    "router": "processes on one machine",
    "status": "five classes",
    "cause": "those of causes.py",
    "kind": "words in the code",
    "reason": "words in the code",
    "via": "ways to sign in",
    "le": "buckets",
}
OF_FUNCTIONS = {"pushline_function_invocations", "pushline_function_errors"}
SERIES = re.compile(r"\bpushline_[a-z0-9_]+")


def loaded(path: Path) -> Any:
    """Return a file of YAML."""
    return YAML(typ="safe").load(path.read_text())


def rules() -> list[dict[str, Any]]:
    """Return every alert."""
    found: list[dict[str, Any]] = loaded(RULES)["groups"][0]["rules"]
    return found


def test_prometheus_has_nothing_to_say_about_our_metrics() -> None:
    """Names, units and help are as its own linter wants them."""
    promtool = tool("promtool")

    judged = subprocess.run(
        [promtool, "check", "metrics"], input=exposed.told(), capture_output=True, check=False
    )

    assert (judged.returncode, judged.stdout + judged.stderr) == (0, b"")


def test_each_metric_is_described_and_bounded() -> None:
    """It has a help text; its labels are of those whose values are few, and never an id."""
    families = exposed.families()
    assert len(families) > 40

    for name, family in families.items():
        allowed = {*BOUND, *(("project", "function") if name in OF_FUNCTIONS else ())}
        labels = {label for sample in family.samples for label in sample.labels}
        assert len(family.documentation) > 10, name
        assert labels <= allowed, name
        assert family.samples, name


def test_metrics_are_declared_in_instruments_alone() -> None:
    """Nobody makes a counter in passing: what a room counts stands in one file of it."""
    makers = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
    found = []
    for package in ("bus", "consumers", "edge", "schemas"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client":
                    found += [path.name for name in node.names if name.name in makers]

    assert found
    assert set(found) == {"instruments.py"}


def test_the_rules_are_rules() -> None:
    """Prometheus loads them; played against good and bad days they fire when they shall."""
    promtool = tool("promtool")

    for command in (["check", "rules", RULES], ["test", "rules", "tests/deploy/rules-test.yml"]):
        done = subprocess.run(
            [promtool, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """What it asks for exists; it is played in the rules' test; its commands are commands."""
    said = rule["annotations"]
    commands = re.findall(r"`pushline (\w+)", said["action"])

    assert said["summary"]
    assert len(said["action"]) > 20
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert set(SERIES.findall(rule["expr"])) <= exposed.series()
    assert set(commands) <= set(NOUNS)
    assert f'alertname="{rule["alert"]}"' in (ROOT / "tests/deploy/rules-test.yml").read_text()


def test_the_dashboard_shows_what_there_is() -> None:
    """Each panel asks for metrics that some process serves, of a data source that is chosen."""
    board = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    asked = {name for panel in panels for each in panel["targets"] for name in names(each)}

    assert asked <= exposed.series()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert all(panel["title"] for panel in board["panels"])


def names(target: dict[str, str]) -> list[str]:
    """Return the series that a panel's query asks for."""
    return SERIES.findall(target["expr"])


def test_each_process_is_scraped() -> None:
    """Targets are the services of compose.yaml that listen for it."""
    [job] = loaded(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    serving = {
        name
        for name, service in ours().items()
        if service.get("command", [""])[0] in {"consumer", "router", "edge"}
    }

    assert set(job["static_configs"][0]["targets"]) == {f"{name}:9100" for name in serving}
    assert compose()["x-settings"]["PUSHLINE_METRICS_LISTEN"].endswith(":9100")
