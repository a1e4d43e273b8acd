"""The OpenFaaS gateway: who it is, whether it knows us, and what it runs."""

from typing import Final

from consumers.deployer.openfaas.client import Gateway
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.variables import variable


async def gateway(subject: Subject) -> Outcome:
    """Ask what it is, and for the functions of our namespace."""
    chosen = subject.chosen
    if chosen.platform != "openfaas":
        return off(f"not configured: {variable('platform')}=openfaas")
    asked = Gateway(chosen.gateway_url, chosen.gateway_user, chosen.gateway_password)
    try:
        info = await asked.info()
        functions = await asked.functions(chosen.gateway_namespace)
        wished = {name.strip() for name in chosen.gateway_namespaces.split(",") if name.strip()}
        missing = wished - set(await asked.namespaces()) if wished else set()
    finally:
        await asked.close()
    where = chosen.gateway_namespace or "its own namespace"
    if missing:
        names = ", ".join(sorted(missing))
        return fail(
            f"the gateway has no namespace {names}",
            f"make it, or mend {variable('gateway_namespaces')}",
        )
    says = f"{info.name or 'a gateway'} at {asked.url}, {len(functions)} functions in {where}"
    if not chosen.gateway_password:
        return warn(
            f"{says}; it asks for no password",
            f"set basic auth there, and {variable('gateway_password')} here",
        )
    return ok(says)


CHECKS: Final = (Check("gateway", gateway, 20, f"start it, or mend {variable('gateway_url')}"),)
