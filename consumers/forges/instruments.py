"""What is counted of what forges are told. Units stand in the names."""

from typing import Final

from prometheus_client import Gauge

untold: Final = Gauge(
    "pushline_forge_untold",
    "Commits, or pull requests, that a forge is told of once it can be",
    ["consumer", "forge"],
)
