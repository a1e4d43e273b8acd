"""What ties a forge's check to a run."""

import pytest

from consumers.forges.checks import Check, external_id, parse

RUN = "01JDQ3M5N8P9R2S4T6V7W8X9YZ"
SHA = "ab" * 20


@pytest.mark.parametrize(
    ("check", "id", "context"),
    [
        (Check(environment="production", run=RUN), f"production/@{RUN}", "pushline/production"),
        (
            Check(environment="pr-7", function="hello-2", run=RUN),
            f"pr-7/hello-2@{RUN}",
            "pushline/pr-7/hello-2",
        ),
        (
            Check(environment="pr-7", pull=7, sha=SHA),
            f"pr-7/@pull-7-{SHA}",
            "pushline/pr-7",
        ),
    ],
)
def test_an_external_id_says_what_a_check_is_about(check: Check, id: str, context: str) -> None:
    """It is read back as it was written, and another run of the commit has the same name."""
    assert external_id(check) == id
    assert parse(id) == check
    assert check.context == context


def test_where_there_is_no_run_there_is_nothing_to_press() -> None:
    """A commit that gets no preview has a check, and no button of it means anything."""
    assert external_id(Check(environment="branch-x")) == "branch-x/@none"
    assert parse("branch-x/@none") is None


@pytest.mark.parametrize(
    "strange",
    [
        "",
        "build-17",
        "production/hello",
        f"production@{RUN}",
        f"production/hello@{RUN}\n",
        f"production/a/b@{RUN}",
        f"production/hello@{RUN.lower()}",
        f"pr-7/@pull-0-{SHA}",
        f"pr-7/@pull-7-{SHA}x",
        f"../@{RUN}",
    ],
)
def test_a_check_of_somebody_else_is_none_of_ours(strange: str) -> None:
    """Whoever makes checks under our App's name chooses ids that we do not take for runs."""
    assert parse(strange) is None
