"""A Pushline at the predecessor's own domain."""

from datetime import UTC, datetime
from typing import Final

from edge.cli.home import Endpoint

PLACE: Final = Endpoint(
    url="http://localhost:8080",
    host="127.0.0.1",
    port=8080,
    root_domain="openfaas-cloud.com",
    token="",
    log="",
    pid=1,
    started=datetime(2026, 1, 1, tzinfo=UTC),
    version="",
    public="https://openfaas-cloud.com",
)
