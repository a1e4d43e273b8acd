"""Which fields of stack.yml have an effect here: the chosen builder's and the chosen platform's."""

from edge.cli.settings import Settings


def honoured(chosen: Settings) -> frozenset[str]:
    """Return their names; all others are warned of as a push comes in."""
    found: frozenset[str] = frozenset()
    if chosen.builder == "buildkit":
        from consumers.builder.container import HONOURED as BUILT

        found |= BUILT
    if chosen.platform == "openfaas":
        from consumers.deployer.openfaas.platform import HONOURED as RUN

        found |= RUN
    else:
        from consumers.deployer.local.client import HONOURED as HERE

        found |= HERE
    return found
