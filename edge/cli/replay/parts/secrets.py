"""Secrets: which sealed values would be deleted; nothing is recorded of that."""

from consumers.secrets.consumer import Sweeper
from edge.cli.replay.parts.part import Part


def secrets_part() -> Part:
    """Return the sweeper of void values."""
    return Part(
        Sweeper,
        "nothing, for it writes no facts: what it would delete is counted as an effect",
        lambda scene: Sweeper(scene.blobs),
    )
