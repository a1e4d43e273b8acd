"""What a gateway says of functions that are not ours."""

import json

import msgspec
import pytest

from consumers.deployer.openfaas.names import mark_of
from consumers.deployer.openfaas.wire import Status


@pytest.mark.weakness(25)
@pytest.mark.parametrize("labels", [{}, {"labels": None}, {"labels": {}, "annotations": None}])
def test_a_function_without_labels_is_nobodys(labels: dict[str, None]) -> None:
    """It dereferenced labels that were not there; ours reads them, and leaves the function be."""
    status = msgspec.json.decode(json.dumps({"name": "by-hand"} | labels), type=Status)

    assert mark_of(status, "here") is None
