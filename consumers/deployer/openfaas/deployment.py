"""A revision in the gateway's words: the predecessor's labels and annotations, and the stack's.

Not as the predecessor: ``git-owner-id`` is left out where nobody knows it, not 0; ``git-branch``
is the branch that was pushed; and what the stack says of limits, requests, constraints, process,
namespace, labels and annotations arrives.
"""

from typing import Final

import msgspec

from consumers.deployer.openfaas import names, quota
from consumers.deployer.openfaas.settings import GatewaySettings
from consumers.deployer.openfaas.wire import Deployment
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed
from schemas.schedule import TOPIC, TRIGGERS, schedule

_TRIGGERS: Final = ("topic", "schedule")  # annotations that call a function from outside
_RESERVED: Final = ("faas_function", "app", "uid")


def deployment(
    revision: Revision, service: str, settings: GatewaySettings, *, now: float
) -> Deployment:
    """Return the whole order; raises DeployFailed for what the operator does not allow."""
    spec = revision.spec
    if not revision.reference:
        raise DeployFailed(
            "there is no image in a registry to run",
            hint="the operator sets PUSHLINE_BUILDER=buildkit",
        )
    limits, requests = quota.resources(spec, settings.quota)
    labels = _users(revision, "labels", spec.labels)
    return Deployment(
        service=service,
        image=revision.reference,
        namespace=namespace(revision, settings),
        envProcess=spec.fprocess,
        envVars=spec.environment,
        constraints=spec.constraints,
        secrets=tuple(
            names.secret(revision.label, name, f"functions.{spec.name}.secrets")
            for name in spec.secrets
        ),
        labels=labels | quota.scaling(spec, settings.quota) | _labels(revision, service, now),
        annotations=_users(revision, "annotations", _uncalled(spec.annotations))
        | _annotations(revision, settings),
        limits=limits,
        requests=requests,
        readOnlyRootFilesystem=spec.readonly_root_filesystem,
    )


def _uncalled(annotations: dict[str, str]) -> dict[str, str]:
    """Return what the gateway is told: of a schedule nothing, for Pushline's own timer calls."""
    if not schedule(annotations).cron:
        return annotations
    topics = [topic.strip() for topic in annotations["topic"].split(",")]
    rest = ",".join(topic for topic in topics if topic != TOPIC)
    kept = {name: value for name, value in annotations.items() if name not in TRIGGERS}
    return kept | ({"topic": rest} if rest else {})


def namespace(revision: Revision, settings: GatewaySettings) -> str:
    """Return where the function is to be; raises DeployFailed where the stack may not choose it."""
    asked = revision.spec.namespace
    allowed = (settings.namespace, *settings.namespaces)
    if not asked:
        return settings.namespace
    if asked not in allowed:
        there = ", ".join(filter(None, allowed)) or "none"
        raise DeployFailed(
            f"functions.{revision.spec.name}.namespace: {asked} is not open to stacks",
            hint=f"leave it out, or choose of: {there}",
        )
    return asked


def on_trial(order: Deployment, service: str) -> Deployment:
    """Return the same under another name, called by nobody and no more than once."""
    one = {f"{quota.SCALE}min": "1", f"{quota.SCALE}max": "1"}
    annotations = {
        name: value for name, value in order.annotations.items() if name not in _TRIGGERS
    }
    return msgspec.structs.replace(
        order,
        service=service,
        labels=order.labels | one | {"faas_function": service, "app": service},
        annotations=annotations | {names.TRIAL: "true"},
    )


def _users(revision: Revision, kind: str, given: dict[str, str]) -> dict[str, str]:
    """Return what the stack says, less what is ours to say."""
    found = {
        key: value
        for key, value in given.items()
        if not key.startswith(names.OURS) and not (kind == "labels" and key in _RESERVED)
    }
    if wrong := names.invalid_marks(found, values=kind == "labels"):
        raise DeployFailed(
            f"functions.{revision.spec.name}.{kind}.{wrong}: Kubernetes does not take it",
            hint="letters, digits, - _ . and at most 63 characters",
        )
    return found


def _labels(revision: Revision, service: str, now: float) -> dict[str, str]:
    repository = revision.repository
    cloud = {
        "git-cloud": "1",
        "git-owner": repository.owner,
        "git-repo": repository.name,
        "git-deploytime": str(int(now)),
        "git-sha": revision.sha,
        "git-private": "1" if repository.private else "0",
        "git-scm": revision.forge,
        "git-branch": revision.branch,
        "generation": str(revision.generation),
    }
    own = {names.OURS + name: names.label_value(value) for name, value in cloud.items()}
    return {"faas_function": service, "app": service, **own}


def _annotations(revision: Revision, settings: GatewaySettings) -> dict[str, str]:
    found = {names.REVISION: revision.key, names.INSTALLATION: settings.installation}
    if revision.repository.clone_url:
        found[names.OURS + "git-repo-url"] = revision.repository.clone_url
    if names.label_value(revision.branch) != revision.branch:
        found[names.OURS + "git-branch"] = revision.branch  # whole, where a label can't hold it
    return found
