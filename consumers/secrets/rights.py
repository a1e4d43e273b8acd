"""What a cluster lets us do, asked of itself; nothing is changed to find out."""

from typing import Final

import msgspec

from consumers.secrets.kubeapi import KubeApi, read, said
from schemas.sealed import VERSION, ClusterUnavailable

GROUP: Final = VERSION.partition("/")[0]
RESOURCE: Final = "sealedsecrets"
VERBS: Final = ("get", "list", "create", "patch", "delete")  # an apply of something new creates it
RULE: Final = f"{', '.join(VERBS[:-1])} and {VERBS[-1]} on {RESOURCE} of {GROUP}"
REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _Resource(msgspec.Struct):
    name: str


class _Resources(msgspec.Struct):
    resources: list[_Resource] = []


class _Decision(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Decision


async def knows_sealed(api: KubeApi) -> bool:
    """Tell whether a cluster has SealedSecrets; raises ClusterUnavailable."""
    status, body = await api.asked("GET", f"/apis/{VERSION}")
    if status == 404:
        return False
    if status != 200:
        raise ClusterUnavailable(f"the Kubernetes API answers {status}: {said(body)}")
    return any(one.name == RESOURCE for one in read(body, _Resources).resources)


async def denied(api: KubeApi, namespace: str) -> list[str]:
    """Return the verbs that we may not use on SealedSecrets; raises ClusterUnavailable."""
    return [verb for verb in VERBS if not await _may(api, namespace, verb)]


async def _may(api: KubeApi, namespace: str, verb: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": namespace,
                "verb": verb,
                "group": GROUP,
                "resource": RESOURCE,
            }
        },
    }
    status, body = await api.asked("POST", REVIEWS, body=review)
    if not 200 <= status < 300:
        raise ClusterUnavailable(f"the Kubernetes API answers {status}: {said(body)}")
    return read(body, _Review).status.allowed
