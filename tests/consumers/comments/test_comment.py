"""One comment a pull request, at GitHub and GitLab, played ones that refuse what they refuse."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bus.connection import Bus
from consumers.comments.forge import Place
from schemas.events.comment import CommentDeleted, CommentRefused, CommentWritten
from schemas.events.environment import EnvironmentRefused
from tests.consumers.comments.desk import AtGitHub, AtGitLab, Desk, following
from tests.consumers.comments.story import PREVIEW, Story
from tests.consumers.status.desk import Forgetful
from tests.consumers.status.story import sha

MARKER = "<!-- pushline:pull-1 -->"


@pytest.fixture(params=["github", "gitlab"])
async def desk(bus: Bus, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """Yield the desk of a worker that follows the log."""
    kind: Any = AtGitHub if request.param == "github" else AtGitLab
    fixture = "github_app" if request.param == "github" else "gitlab_api"
    at = kind(request.getfixturevalue(fixture))
    made = Desk(bus, at)
    async with following(made):
        yield made
    await at.close()


@pytest.fixture
def story(desk: Desk) -> Story:
    """Return what is about to happen."""
    return Story(desk.at.repository)


def said(desk: Desk) -> list[str]:
    """Return the second paragraph of each text that our one comment had."""
    (texts,) = desk.at.ours()
    assert all(each.startswith(f"{MARKER}\n\n") for each in texts)
    return [each.split("\n\n")[1].strip() for each in texts]


async def test_one_comment_from_the_first_push_to_the_end(desk: Desk, story: Story) -> None:
    """Made once, edited where there is news for people; a second time it changes nothing."""
    await desk.tell(story.opened())
    assert desk.at.ours() == []
    await desk.tell(*story.live("hello"), story.pushed(1), *story.live("hello", "bye"))
    await desk.tell(story.closed(), story.removed())
    desk.handled = 0
    assert await desk.handle(await desk.events()) == []

    begun, live, more, both, gone = said(desk)
    assert begun.startswith("**The preview is on its way.** Commit `bbbbbbb`")
    assert live == f"**1 function is live** in `{PREVIEW}`"
    assert more.startswith("**The preview is on its way.** Commit `ccccccc`")
    assert both == f"**2 functions are live** in `{PREVIEW}`"
    assert gone == "**Preview removed**: this was merged."
    (texts,) = desk.at.ours()
    assert "https://pr-1--acme.example.com/hello" in texts[1]
    assert "stays until 2026-12-02 12:00 UTC" in texts[1]
    assert "Meanwhile `bbbbbbb` answers:" in texts[2]
    facts = await desk.facts()
    assert len({fact.comment for fact in facts if isinstance(fact, CommentWritten)}) == 1
    assert len(facts) == 5


async def test_comment_that_was_made_and_not_written_down_is_found(
    desk: Desk, story: Story
) -> None:
    """Whoever dies between the two leaves one comment; strangers' with its marker are not ours."""
    for number in range(102):  # more than one page
        desk.at.say(f"{MARKER} {number}" if number % 50 else "I like it")
    await desk.write(story.opened(), *story.live("hello"))
    events = await desk.events()
    for _ in range(3):
        dying = desk.another(Forgetful(desk.bus.log))
        async with following(desk, dying):
            assert await desk.handle(events, dying)
    assert (await desk.facts(), len(desk.at.ours())) == ([], 1)

    await desk.write(story.closed(), story.removed())
    assert await desk.handle([*events, *await desk.events()]) == []

    assert said(desk)[-1] == "**Preview removed**: this was merged."


async def test_deleted_comment_comes_back_with_another_commit_only(
    desk: Desk, story: Story
) -> None:
    """Whoever deletes it does not want to hear of that commit any more."""
    first = list(story.live("hello"))
    await desk.tell(*first[:1])
    desk.at.delete()
    await desk.tell(*first[1:])

    assert desk.at.ours() == []
    assert [type(fact) for fact in await desk.facts()] == [CommentWritten, CommentDeleted]

    await desk.tell(*story.live("hello"))

    assert said(desk)[-1] == f"**1 function is live** in `{PREVIEW}`"

    desk.at.delete()  # which nobody knows before there is another commit
    await desk.tell(*story.live("hello", "bye"), story.closed(), story.removed())

    assert said(desk)[-1] == "**Preview removed**: this was merged."
    deleted = [fact for fact in await desk.facts() if isinstance(fact, CommentDeleted)]
    assert [fact.sha for fact in deleted] == [sha("b"), sha("c")]


async def test_no_event_waits_for_a_forge_that_is_down(desk: Desk, story: Story) -> None:
    """When it is back it gets how things stand; an old event does not bring an old text back."""
    await desk.write(*story.live("hello"), *story.live("hello", "bye"))
    events = await desk.events()
    desk.at.doors.down = 502
    assert (await desk.handle(events), await desk.left()) == ([], 1)

    desk.at.doors.down = 0
    assert await desk.later() == 0
    assert await desk.handle(reversed(events)) == []

    assert said(desk) == [f"**2 functions are live** in `{PREVIEW}`"]
    refused, fact = await desk.facts()
    assert isinstance(refused, CommentRefused)
    assert refused.code == "forge_unavailable"
    assert isinstance(fact, CommentWritten)
    assert fact.sha == sha("c")


async def test_bad_weather_makes_no_second_comment(desk: Desk, story: Story) -> None:
    """Half of the answers are lost, before or after they had an effect."""
    desk.at.doors.bad_weather = 0.5
    for facts in (story.live("hello"), [story.closed()], [story.removed()]):
        await desk.write(*facts)
        assert await desk.handle(await desk.events()) == []
        for _ in range(100):
            if not await desk.later():
                break
        assert await desk.left() == 0

    assert said(desk)[-1] == "**Preview removed**: this was merged."


async def test_two_of_us_make_one_comment(desk: Desk, story: Story) -> None:
    """Of two that were made at the same moment one goes, and the other says how things stand."""
    begin, *rest = story.live("hello")
    await desk.write(begin)
    (event,) = await desk.events()
    late = replace(desk.another(), forges={desk.at.name: Overtaken(desk, [event])})
    async with following(desk, late):
        assert await desk.handle([event], late) == []
        await desk.write(*rest)
        assert await desk.handle(await desk.events()) == []

    assert said(desk)[-1] == f"**1 function is live** in `{PREVIEW}`"
    assert [call.split()[0] for call in desk.at.doors.calls].count("DELETE") == 1


class Overtaken:
    """A forge at which another of us makes the comment between our look for it and our own."""

    def __init__(self, desk: Desk, events: list[Any]) -> None:
        """Let ``desk.worker`` handle these first."""
        self._desk, self._events = desk, events

    def __getattr__(self, name: str) -> Any:
        """Pass on everything else."""
        return getattr(self._desk.at.told, name)

    async def write(self, at: Place, text: str) -> str:
        """Write after the other has."""
        events, self._events = self._events, []
        await self._desk.handle(events)
        return await self._desk.at.told.write(at, text)


async def test_missing_permission_is_written_down_and_tried_again(desk: Desk, story: Story) -> None:
    """The fact names what is missing; once it is granted the comment comes."""
    desk.at.forbid(forbidden=True)
    await desk.write(*story.live("hello"))
    assert (await desk.handle(await desk.events()), await desk.left()) == ([], 1)
    (refused,) = await desk.facts()

    assert isinstance(refused, CommentRefused)
    assert (refused.code, refused.waits) == ("comment_refused", True)
    assert "403" in refused.message or "pull_requests=write" in refused.message

    desk.at.forbid(forbidden=False)
    assert await desk.later() == 0
    assert said(desk) == [f"**1 function is live** in `{PREVIEW}`"]


async def test_what_ended_meanwhile_is_not_asked_for_again(desk: Desk, story: Story) -> None:
    """There was no comment when the pull request was closed: none is begun, once that is known."""
    desk.at.doors.down = 502
    await desk.tell(*story.live("hello"), story.closed(), story.removed())
    desk.at.doors.down = 0
    assert await desk.left() == 1
    assert await desk.later() == 0
    asked = len(desk.at.doors.calls)

    assert await desk.later() == 0
    assert (len(desk.at.doors.calls), desk.at.ours()) == (asked, [])


async def test_pull_request_without_preview_gets_no_comment(desk: Desk, story: Story) -> None:
    """Nobody is asked for anything either; one that was refused a preview is told why."""
    calls = len(desk.at.doors.calls)
    await desk.tell(story.opened(), story.pushed(1), story.closed())
    assert len(desk.at.doors.calls) == calls
    assert await desk.facts() == []

    refused = EnvironmentRefused("topic", sha("d"), "there are 20 previews already", 1, pull=1)
    await desk.tell(story.opened(minute=10), ("environment", PREVIEW, refused))

    assert said(desk) == ["**No preview** of this commit: `there are 20 previews already`"]


async def test_held_commit_says_how_to_approve_it(desk: Desk, story: Story) -> None:
    """What waits is told with the command that lets it go on; closed, it waits no more."""
    await desk.tell(story.opened(fork=True), story.held())
    (texts,) = desk.at.ours()
    assert f"`pushline run approve acme/shop 1 {sha('f')[:12]}`" in texts[0]

    await desk.tell(story.closed(merged=False))

    assert said(desk)[-1] == "**No preview**: this was closed before anybody approved it."
