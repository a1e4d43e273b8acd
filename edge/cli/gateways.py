"""The gateway's settings, out of the operator's."""

import hashlib
from typing import Final

from consumers.deployer.openfaas.settings import GatewaySettings, Quota
from edge.cli.settings import Settings
from edge.cli.variables import variable
from schemas.errors import SettingInvalid
from schemas.quantity import QuantityInvalid, quantity

_QUANTITIES: Final = ("memory_most", "cpu_most")


def gateway_settings(chosen: Settings, born: str) -> GatewaySettings:
    """Return what the platform ``openfaas`` is told; SettingInvalid names a bad variable.

    ``born`` tells our log from another: its functions are its own, whoever shares the gateway.
    """
    if "@" in chosen.gateway_url:  # it would stand in every function.deployed
        raise SettingInvalid(
            f"{variable('gateway_url')}: there is a user in it",
            hint=f"set {variable('gateway_user')} and {variable('gateway_password')}",
        )
    for name in _QUANTITIES:
        try:
            quantity(getattr(chosen, name))
        except QuantityInvalid as error:
            raise SettingInvalid(
                f"{variable(name)}: {error}", hint="such as 512Mi or 0.5"
            ) from error
    usual = f"{chosen.function_memory}Mi"
    return GatewaySettings(
        url=chosen.gateway_url.rstrip("/"),
        user=chosen.gateway_user,
        password=chosen.gateway_password,
        installation=hashlib.sha256(born.encode()).hexdigest()[:16],
        namespace=chosen.gateway_namespace,
        namespaces=tuple(filter(None, map(str.strip, chosen.gateway_namespaces.split(",")))),
        seconds=chosen.gateway_seconds,
        quota=Quota(
            memory=chosen.memory_most,
            cpu=chosen.cpu_most,
            replicas=chosen.replicas_most,
            memory_default=min(usual, chosen.memory_most, key=quantity),
        ),
    )
