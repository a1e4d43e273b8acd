"""A revision in the gateway's words, and the names of things there."""

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.deployer.openfaas import names
from consumers.deployer.openfaas.deployment import deployment, on_trial
from consumers.deployer.openfaas.settings import GatewaySettings
from consumers.deployer.openfaas.wire import Deployment, Resources
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed
from schemas.repository import Repository
from schemas.stack_spec import Resources as Asked
from tests.consumers.deployer.machine import revision_of
from tests.heavy.gateway import rules

IMAGE = "registry:5000/alice/hello@sha256:" + "1" * 64
SETTINGS = GatewaySettings(installation="here", namespace="fn", namespaces=("team-a",))
CLOUD = "com.openfaas.cloud."


def order(settings: GatewaySettings = SETTINGS, **fields: Any) -> Deployment:
    """Return the order of a revision with these fields."""
    revision = revision_of(**({"reference": IMAGE} | fields))
    return deployment(revision, "alice-hello", settings, now=1_700_000_000.9)


@pytest.mark.weakness(16)
def test_the_predecessors_labels_are_all_there() -> None:
    """Each with the value it had, its bugs apart: no owner id of 0, the branch that was pushed."""
    repository = Repository("Alice", "Hello.World", "main", "https://x.example/a.git", private=True)
    made = order(repository=repository, branch="feature/x", forge="github", generation=7)

    assert made.labels == {
        "faas_function": "alice-hello",
        "app": "alice-hello",
        "com.openfaas.scale.min": "1",
        "com.openfaas.scale.max": "4",
        "com.openfaas.scale.factor": "20",
        CLOUD + "git-cloud": "1",
        CLOUD + "git-owner": "Alice",
        CLOUD + "git-repo": "Hello.World",
        CLOUD + "git-deploytime": "1700000000",
        CLOUD + "git-sha": "abcdef0" + "0" * 33,
        CLOUD + "git-private": "1",
        CLOUD + "git-scm": "github",
        CLOUD + "git-branch": "feature-x",
        CLOUD + "generation": "7",
    }
    assert made.annotations == {
        CLOUD + "git-repo-url": "https://x.example/a.git",
        CLOUD + "git-branch": "feature/x",
        CLOUD + "revision": "github/alice/hello/production/hello@abcdef0-1",
        CLOUD + "installation": "here",
    }
    assert (made.image, made.namespace) == (IMAGE, "fn")


def test_what_the_stack_says_arrives() -> None:
    """Environment, process, limits, requests, constraints, file system, labels, annotations."""
    made = order(
        variables={"A": "1"},
        fprocess="./hello --fast",
        limits=Asked("128Mi", "500m"),
        requests=Asked("64Mi"),
        constraints=("disk==ssd",),
        readonly_root_filesystem=True,
        labels={"team": "a", "com.openfaas.scale.max": "2"},
        annotations={"topic": "orders", "com.openfaas.health.http.path": "/ready"},
        namespace="team-a",
        secrets=("key",),
    )

    assert (made.envVars, made.envProcess) == ({"A": "1"}, "./hello --fast")
    assert (made.limits, made.requests) == (Resources("128Mi", "500m"), Resources("64Mi"))
    assert (made.constraints, made.readOnlyRootFilesystem) == (("disk==ssd",), True)
    assert (made.labels["team"], made.labels["com.openfaas.scale.max"]) == ("a", "2")
    assert made.annotations["topic"] == "orders"
    assert (made.namespace, made.secrets) == ("team-a", ("alice-key",))


def test_a_stack_cannot_pass_for_another() -> None:
    """The platform's own labels and annotations hold, whatever the stack says."""
    lies = {CLOUD + "git-owner": "bob", CLOUD + "other": "x", "app": "bob", "faas_function": "bob"}
    made = order(labels=lies, annotations={CLOUD + "revision": "bob", CLOUD + "trial": "true"})

    assert "bob" not in made.labels.values()
    assert made.annotations[CLOUD + "revision"] == "local/alice/hello/production/hello@abcdef0-1"
    assert CLOUD + "trial" not in made.annotations
    assert CLOUD + "other" not in made.labels


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": {"team": "a b"}}, "functions.hello.labels.team"),
        ({"labels": {"-x": ""}}, "functions.hello.labels.-x"),
        ({"annotations": {"a/b/c": "x"}}, "functions.hello.annotations.a/b/c"),
        ({"namespace": "kube-system"}, "functions.hello.namespace: kube-system is not open"),
        ({"secrets": ("API_KEY",)}, "functions.hello.secrets: 'API_KEY' cannot be"),
        ({"secrets": ("a--b",)}, "functions.hello.secrets: 'a--b' cannot be"),
        ({"reference": ""}, "there is no image in a registry"),
    ],
)
def test_what_no_gateway_takes_fails_with_its_field(fields: dict[str, Any], said: str) -> None:
    """Before anything is asked of the gateway."""
    with pytest.raises(DeployFailed) as failed:
        order(**fields)

    assert failed.value.message.startswith(said)


def test_a_trial_is_called_by_nobody() -> None:
    """No topic and no schedule, one replica, a name of its own; all else is the same."""
    made = order(
        annotations={"topic": "orders", "schedule": "* * * * *", "other": "x"},
        labels={"com.openfaas.scale.min": "3"},
    )

    trial = on_trial(made, "alice-hello-0123abcd")

    assert (trial.service, trial.labels["app"]) == ("alice-hello-0123abcd", "alice-hello-0123abcd")
    assert trial.labels["com.openfaas.scale.min"] == trial.labels["com.openfaas.scale.max"] == "1"
    assert trial.annotations[CLOUD + "trial"] == "true"
    assert {"topic", "schedule"}.isdisjoint(trial.annotations)
    assert (trial.annotations["other"], trial.image, trial.limits) == ("x", IMAGE, made.limits)


def test_a_scheduled_function_is_called_by_nobody_else() -> None:
    """Pushline calls it: a cron connector beside the gateway finds no schedule of it."""
    calls = {"topic": "cron-function, orders", "schedule": "* * * * *", "timezone": "UTC"}

    made = order(annotations={**calls, "other": "x"})

    assert {"schedule", "timezone"}.isdisjoint(made.annotations)
    assert (made.annotations["topic"], made.annotations["other"]) == ("orders", "x")


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,37}[a-z0-9])?", fullmatch=True)
FUNCTION = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
ENVIRONMENT = st.sampled_from(["production", "pr-7", "branch-" + "x" * 40])


def named(label: str, function: str, environment: str, **fields: Any) -> Revision:
    """Return a revision of this function."""
    return revision_of(label=label, function=function, environment=environment, **fields)


@given(LABEL, FUNCTION, ENVIRONMENT, st.sampled_from([(), ("key",)]))
def test_every_name_is_one_on_kubernetes(
    label: str, function: str, environment: str, secrets: tuple[str, ...]
) -> None:
    """Whatever tenant, function and environment are called: 63 characters, 45 with secrets."""
    revision = named(label, function, environment, secrets=secrets)
    found = names.services(revision)
    longest = 45 if secrets else 63

    for service in (*found, *(names.trial_of(service, revision) for service in found)):
        assert rules.KUBERNETES_SERVICE.fullmatch(service)
        assert len(service) <= longest
    assert (
        names.services(named(label, function, environment, id="x", secrets=revision.spec.secrets))
        == found
    )


def test_the_usual_name_is_the_predecessors() -> None:
    """Tenant, dash, function; a preview has its environment behind it."""
    assert names.services(named("alice", "hello", "production"))[0] == "alice-hello"
    assert names.services(named("alice", "hello", "pr-7"))[0] == "alice-hello-pr-7"
    assert names.services(named("0x", "hello", "production"))[0] == "fn-0x-hello"


@pytest.mark.weakness(26)
@pytest.mark.weakness(6)
@given(LABEL, FUNCTION, LABEL, FUNCTION)
def test_no_two_tenants_share_a_secret(one: str, name: str, other: str, second: str) -> None:
    """Different tenants or different names are different secrets, dashes or not."""
    pairs = [(re.sub("-+", "-", one), name), (re.sub("-+", "-", other), second)]
    pairs += [(f"{label}-{text.partition('-')[0]}", text) for label, text in pairs]
    made = {}
    for label, text in pairs:
        try:
            made[label, text] = names.secret(label, text, "field")
        except DeployFailed:
            assert "--" in text
    assert len(set(made.values())) == len(made)


@given(st.text(string.printable))
def test_any_text_becomes_a_label(text: str) -> None:
    """Branches and owners are called as they like; Kubernetes gets what it takes."""
    assert rules.LABEL.fullmatch(names.label_value(text))
