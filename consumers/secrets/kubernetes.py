"""SealedSecrets of a cluster, by its API: applied by the server, so that each field has an owner.

A project is a field manager of its own. What another one manages is a conflict, never overwritten;
a key that it no longer declares is removed by the server.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from consumers.secrets.binding import Opened
from consumers.secrets.kubeapi import KubeApi, read, said
from consumers.secrets.rights import RESOURCE, RULE
from schemas.envelope import Aggregate
from schemas.sealed import (
    KIND,
    TYPE,
    VERSION,
    ClusterUnavailable,
    SealedRefused,
    SealedSecret,
)

LABEL: Final = "pushline.dev/project"
APPLY: Final = "application/apply-patch+yaml"  # JSON is YAML
SYNCED: Final = "Synced"
GATEWAYS: Final = {"app.kubernetes.io/managed-by": "openfaas"}  # or a gateway does not list it


class _Meta(msgspec.Struct):
    name: str
    generation: int = 0
    labels: dict[str, str] = {}


class _Condition(msgspec.Struct):
    type: str
    status: str
    message: str = ""
    reason: str = ""


class _Status(msgspec.Struct):
    observedGeneration: int = 0  # noqa: N815 - Kubernetes's word
    conditions: list[_Condition] = []


class _Item(msgspec.Struct):
    metadata: _Meta
    status: _Status | None = None


class _List(msgspec.Struct):
    items: list[_Item]


class Kubernetes:
    """The SealedSecretsApi of one namespace; safe to share between tasks; ``close`` ends it."""

    def __init__(self, url: str, folder: Path, namespace: str, installation: str) -> None:
        """Speak to ``url`` with the token, and by the ca.crt, that lie in ``folder``.

        ``installation`` tells our projects from those of another log in the same cluster.
        """
        self.api = KubeApi(url, folder)
        self.installation = installation
        self.namespace = namespace

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"Kubernetes({self.api.url!r}, {self.namespace!r})"

    def mark(self, of: Aggregate) -> str:
        """Return a project as a label's value can have it."""
        whole = f"{self.installation}/{of.forge}/{of.project}"
        return hashlib.sha256(whole.encode()).hexdigest()[:40]

    async def close(self) -> None:
        """Close its connections."""
        await self.api.close()

    async def names(self, of: Aggregate) -> frozenset[str]:
        """Return what a project has there."""
        status, body = await self._asked("GET", "", {"labelSelector": f"{LABEL}={self.mark(of)}"})
        if status == 404:
            raise _not_installed()
        return frozenset(item.metadata.name for item in read(body, _List).items)

    async def exists(self, name: str) -> bool:
        """Tell whether anybody has it there."""
        status, _ = await self._asked("GET", name)
        return status != 404

    async def apply(self, sealed: SealedSecret, of: Aggregate) -> int:
        """Have it there, as declared by a project; return its generation."""
        meta = {"name": sealed.name, "namespace": self.namespace}
        scope = {"annotations": sealed.annotations} if sealed.annotations else {}
        intent = {
            "apiVersion": VERSION,
            "kind": KIND,
            "metadata": {**meta, **scope, "labels": {LABEL: self.mark(of)}},
            "spec": {
                "encryptedData": sealed.values,
                "template": {"metadata": {**meta, **scope, "labels": GATEWAYS}, "type": TYPE},
            },
        }
        query = {"fieldManager": f"pushline-{self.mark(of)}", "force": "false"}
        status, body = await self._asked("PATCH", sealed.name, query, intent)
        if status == 404:
            raise _not_installed()
        if status == 409:
            raise SealedRefused(
                f"{sealed.name} is another project's, or was made by hand",
                hint="declare it in one repository, or have the operator delete it there",
            )
        if status >= 400:
            raise SealedRefused(
                f"{sealed.name}: the cluster does not take it: {said(body)}",
                hint="seal it again with kubeseal, and write what it prints",
            )
        return read(body, _Item).metadata.generation

    async def opened(self, name: str, generation: int) -> Opened:
        """Return what came of this generation, as the controller notes it."""
        status, body = await self._asked("GET", name)
        if status == 404:
            raise ClusterUnavailable(f"the SealedSecret {name} is gone as soon as it was there")
        found = read(body, _Item).status or _Status()
        for condition in found.conditions:
            if condition.type == SYNCED and found.observedGeneration >= generation:
                if condition.status == "True":
                    return Opened("opened")
                return Opened("refused", condition.message or condition.reason or "no reason given")
        return Opened("pending")

    async def delete(self, name: str, of: Aggregate) -> bool:
        """Delete it if it is this project's; False when there was none."""
        status, body = await self._asked("GET", name)
        if status == 404 or read(body, _Item).metadata.labels.get(LABEL) != self.mark(of):
            return False
        status, _ = await self._asked("DELETE", name)
        return status != 404

    async def _asked(
        self,
        method: str,
        name: str,
        query: Mapping[str, str] | None = None,
        intent: Any = None,
    ) -> tuple[int, bytes]:
        """Return the answer: success, or a refusal that the caller knows the meaning of."""
        path = f"/apis/{VERSION}/namespaces/{self.namespace}/{RESOURCE}"
        path = f"{path}/{name}" if name else path
        status, body = await self.api.asked(method, path, query, intent, APPLY)
        if status == 403:
            raise SealedRefused(
                f"the cluster does not let us {method} SealedSecrets: {said(body)}",
                hint=f"the operator grants our service account {RULE} in {self.namespace}",
            )
        return status, body


def _not_installed() -> SealedRefused:
    return SealedRefused(
        "the cluster knows no SealedSecrets",
        hint="the operator installs the SealedSecrets controller",
    )
