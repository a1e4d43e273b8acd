"""What people read of a commit, by the predecessor's own vectors."""

from typing import Any, get_args

import msgspec
import pytest

from consumers.forges.asking import Answer
from consumers.forges.checks import Check
from consumers.status.decide import FUNCTION, STACK, Saying
from consumers.status.gitlab import Jobs
from consumers.status.report import Report
from consumers.status.standing import FunctionStanding, Links, Stage, Standing, Text
from consumers.status.texts.logs import LIMIT, framed, tail
from consumers.status.texts.render import render
from schemas.catalog import FACTS
from schemas.repository import Repository
from tests.predecessor.conformance.place import PLACE

LINKS = Links(PLACE.function_url, "https://system.openfaas-cloud.com")
SHA = "98ec823" + "0" * 33


def standing(stage: Stage = "live") -> Standing:
    """Return a commit of alexellis with one function, at this stage."""
    return Standing(
        forge="gitlab",
        project="3",
        environment="production",
        sha=SHA,
        repository=Repository("alexellis", "cloud-func", "master"),
        state="live" if stage == "live" else "failed",
        label="alexellis",
        run="01JD8Z6Q5V0000000000000000",
        functions=(FunctionStanding(name="tester", stage=stage),),
    )


def shown(stage: Stage = "live", function: str = "tester") -> Text:
    """Return what is read of it."""
    return render(standing(stage), function=function, links=LINKS)


@pytest.mark.conformance("formatLog")
@pytest.mark.weakness(24)
def test_a_log_is_framed_and_its_end_is_kept() -> None:
    """FormatLog: a short one is framed whole; of a long one the end, and never more than fits."""
    whole = "".join(f"line {number} ü\n" for number in range(100))

    cut = framed(whole, 300)

    assert framed("one line", 500) == "\n```shell\none line\n```\n"
    assert len(cut.encode()) <= 300
    assert cut.startswith(f"Warning: log size ({len(framed(whole).encode())}) bytes exceeded (300)")
    assert cut.endswith("line 99 ü\n```\n")
    assert "\n```shell\nline " in cut
    assert LIMIT == 65_535


@pytest.mark.conformance("truncate")
@pytest.mark.weakness(24)
def test_the_last_bytes_are_whole_letters() -> None:
    """Truncate: the last 7; a letter that would be cut is left out whole."""
    assert tail("Some random string", 7) == " string"
    assert tail("über", 4) == "ber"


@pytest.mark.conformance("titles")
def test_titles_say_what_and_how_it_went() -> None:
    """Titles: that of a stack begins with Deploy to, that of a function with Build."""
    assert shown(function="").title.startswith("Deploy to production: live")
    assert shown().title.startswith("Build tester: ")


@pytest.mark.conformance("status map")
def test_what_has_ended_is_completed() -> None:
    """Status map: failure and success are completed, and what still waits is queued."""
    assert (STACK["failed"], STACK["live"]) == (("completed", "failure"), ("completed", "success"))
    assert STACK["queued"][0] == FUNCTION["waiting"][0] == "queued"
    assert {FUNCTION[stage][0] for stage in get_args(Stage)} == {
        "queued",
        "in_progress",
        "completed",
    }


@pytest.mark.conformance("pretty URL")
def test_addresses_lead_where_they_say() -> None:
    """Pretty URL: of a live function its own, of a failure its log; a stack's is its run's."""
    assert "https://alexellis.openfaas-cloud.com/tester" in shown().summary
    failed = shown("build-failed").summary
    assert "https://alexellis.openfaas-cloud.com/tester" not in failed
    assert LINKS.log(standing().run) in failed
    assert LINKS.run(standing().run) in shown(function="").summary


@pytest.mark.conformance("FormatLogsURL")
def test_a_log_has_an_address() -> None:
    """FormatLogsURL: at the system's host, under the run that wrote it."""
    run = standing().run

    assert LINKS.log(run) == f"https://system.openfaas-cloud.com/api/runs/{run}/logs"


class Asked:
    """Remembers what GitLab was asked."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.calls: list[tuple[str, str, Any]] = []

    async def request(
        self, method: str, path: str, *, json: Any = None, query: Any = None
    ) -> Answer:
        """Answer as GitLab does, which shows nothing yet."""
        if method == "GET":
            assert query == {"name": "pushline/production/tester"}
            return Answer(200, [])
        self.calls.append((method, path, json))
        return Answer(201, {"id": 7})


@pytest.mark.conformance("gitLabURLBuilder")
async def test_gitlab_is_told_in_a_body() -> None:
    """GitLabURLBuilder: the same path and words; the fields in the body, each as it is."""
    asked, saying = Asked(), Saying("tester", "completed", "failure", "x", 1)
    report = Report(
        saying=saying,
        about=Check(environment="production", function="tester", sha=SHA),
        text=Text(title="t", summary="s", description="a & b=c"),
    )

    await Jobs(asked).tell(standing("build-failed"), report, "")

    ((method, path, body),) = asked.calls
    assert (method, path) == ("POST", f"/projects/3/statuses/{SHA}")
    assert (body["state"], body["description"]) == ("failed", "a & b=c")


@pytest.mark.conformance("github-status token")
def test_no_token_travels() -> None:
    """GitHub-status token: it sent one from part to part; no fact of ours has a field for one."""
    names = {field.name for fact in FACTS for field in msgspec.structs.fields(fact)}

    assert not names & {"token", "auth_token", "access_token", "password", "private_key"}
