"""Settings of the Kubernetes cluster that OpenFaaS runs in: where secrets.yml is bound."""

from typing import Annotated, Final

from msgspec import Meta

from edge.cli.quota_settings import Allotting

NAMESPACE: Final = "openfaas-fn"  # of functions, where the gateway's own is not named


class InCluster(Allotting, frozen=True, kw_only=True):
    """A part of ``Settings``; structs inherit in a row."""

    kubernetes_url: Annotated[
        str,
        Meta(
            description="the cluster's API, which a secrets.yml is bound by, in a pod "
            "https://kubernetes.default.svc; empty: secrets.yml is refused",
            pattern=r"^(https?://.+)?$",
        ),
    ] = ""
    kubernetes_folder: Annotated[
        str, Meta(description="folder of the token and the ca.crt that we are known by there")
    ] = "/var/run/secrets/kubernetes.io/serviceaccount"
    sealed_secrets_url: Annotated[
        str,
        Meta(
            description="the SealedSecrets controller, whose certificate /pub-cert.pem hands out",
            pattern=r"^(https?://.+)?$",
        ),
    ] = "http://sealed-secrets-controller.kube-system:8080"


def namespace_of(chosen: str) -> str:
    """Return the namespace that secrets are bound in."""
    return chosen or NAMESPACE
