"""Where functions answer."""

from datetime import UTC, datetime

import pytest

from edge.cli.home import Endpoint


@pytest.mark.conformance("replaceFunctionSuffix")
@pytest.mark.conformance("FormatSystemURL")
@pytest.mark.weakness(28)
@pytest.mark.parametrize("word", ["system", "user", "http", "example", "a.b"])
def test_a_word_that_comes_again_stays(word: str) -> None:
    """It replaced a word wherever it stood; ours puts the tenant before the host, and no more."""
    place = Endpoint(
        url="http://localhost:8080",
        host="127.0.0.1",
        port=8080,
        root_domain=f"{word}.example",
        token="",
        log="",
        pid=1,
        started=datetime.now(UTC),
        version="",
        public=f"https://{word}.example:8443",
    )
    label = word.replace(".", "-")

    told = place.function_url(label, "production", word)
    preview = place.function_url(label, f"branch-{label}", word)

    assert told == f"https://{label}.{word}.example:8443/{word}"
    assert preview == f"https://branch-{label}--{label}.{word}.example:8443/{word}"
