"""The cluster where a secrets.yml is bound: it knows us, and SealedSecrets, and lets us have them.

Nothing is bound to find out: the cluster is asked what it would let us do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from cryptography import x509

from consumers.secrets.kubeapi import KubeApi
from consumers.secrets.rights import RULE, denied, knows_sealed
from edge.cli.cluster_settings import namespace_of
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok
from edge.cli.settings import Settings
from edge.cli.variables import variable
from edge.pubcert import PubCert


async def api(subject: Subject) -> Outcome:
    """Ask with our token whether there are SealedSecrets."""
    chosen = subject.chosen
    if without := _without(chosen):
        return without
    async with _asked(chosen) as asked:
        found = await knows_sealed(asked)
    if not found:
        return fail(
            f"{asked.url} knows us, and no SealedSecrets",
            "install the SealedSecrets controller there, with its CustomResourceDefinition",
        )
    return ok(f"{asked.url} knows us, and SealedSecrets")


async def rights(subject: Subject) -> Outcome:
    """Ask for each thing that binding does whether we may."""
    chosen = subject.chosen
    if without := _without(chosen):
        return without
    namespace = namespace_of(chosen.gateway_namespace)
    async with _asked(chosen) as asked:
        lacking = await denied(asked, namespace)
    if lacking:
        return fail(
            f"we may not {', '.join(lacking)} SealedSecrets in {namespace}",
            f"grant our service account {RULE}, by a Role and its RoleBinding in {namespace}; "
            f"or mend {variable('gateway_namespace')}",
        )
    return ok(f"we may bind SealedSecrets in {namespace}")


async def certificate(subject: Subject) -> Outcome:
    """Ask the controller for what people seal with."""
    chosen = subject.chosen
    if without := _without(chosen):
        return without
    pem = await PubCert(chosen.sealed_secrets_url).certificate()
    until = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    return ok(f"{chosen.sealed_secrets_url} hands out its certificate, good until {until:%Y-%m-%d}")


def _without(chosen: Settings) -> Outcome | None:
    """Return why there is nothing to be tried, None when there is."""
    if not chosen.kubernetes_url:
        return off(f"a secrets.yml is refused: {variable('kubernetes_url')}")
    if chosen.platform != "openfaas":
        return off(f"functions run elsewhere: {variable('platform')}=openfaas")
    return None


@asynccontextmanager
async def _asked(chosen: Settings) -> AsyncIterator[KubeApi]:
    asked = KubeApi(chosen.kubernetes_url, Path(chosen.kubernetes_folder))
    try:
        yield asked
    finally:
        await asked.close()


CURE: Final = f"see whether it is reached from here, or mend {variable('kubernetes_url')}"
CHECKS: Final = (
    Check("cluster", api, 35, CURE),
    Check("cluster.rights", rights, 35, CURE),
    Check("cluster.certificate", certificate),
)
