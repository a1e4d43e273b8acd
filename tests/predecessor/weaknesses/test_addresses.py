"""Where functions answer."""

from datetime import UTC, datetime

import pytest

from consumers.source.remote import ForgeRemotes
from edge.cli.home import Endpoint
from schemas.envelope import Aggregate
from schemas.repository import Repository


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


@pytest.mark.weakness(21)
async def test_names_are_quoted_where_they_are_part_of_an_address() -> None:
    """It joined what callers sent to addresses as it came; a name cannot lead ours elsewhere."""
    remotes = ForgeRemotes(local=lambda: "http://127.0.0.1:1/git", token=lambda: "t")

    run = Aggregate("local", "a", "run", "1")
    remote = await remotes(run, Repository("a?x=1#", "../../c d", "main"))

    assert remote.url == "http://127.0.0.1:1/git/a%3Fx%3D1%23/..%2F..%2Fc%20d.git"
