"""Others' words mean nothing in our texts, and are there to be read all the same."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumers.status.standing import FunctionStanding
from consumers.status.texts.inert import cell, clean, code, fenced, link
from consumers.status.texts.render import render
from tests.consumers.status.texts.cases import CASES, LINKS
from tests.heavy.forges.markdown import acts, links, shown

EVIL = (
    "@octocat",
    "fixes #1, GH-2, acme/shop#3, !4",
    "![x](https://evil.example/beacon.png)",
    "[free](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<!-- hidden -->",
    "`` ` `` @octocat",
    "```\n@octocat\n```\n/close",
    "~~~\n@octocat",
    "a | b | @octocat",
    "a \\| @octocat",
    "| --- |\n@octocat",
    "# @octocat",
    "</code> @octocat",
    "/merge\n/assign @octocat",
    "\x1b]8;;https://evil.example\x07@octocat\x1b]8;;\x07",
    "trailing \\",
    "a\r@octocat",
    "\u202e@octocat\u2066",
)


@pytest.mark.parametrize("word", EVIL)
def test_hostile_words_stay_in_code(word: str) -> None:
    """Spans, cells and fences end where we say; nothing of the word is outside of them."""
    assert acts(f"- by {code(word)} of {code(word)}") == []
    assert acts(fenced(word)) == []
    table = f"| a | b |\n| --- | --- |\n| {cell(word)} | {cell('second')} |\n"
    assert acts(table) == []
    assert shown(table)[-1] == "second"


@given(st.text(alphabet="`~@a|\\ \n#<>/-", max_size=40))
@example("`")
@example("``a`")
def test_no_text_breaks_out(word: str) -> None:
    """Whatever is made of backticks, pipes and slashes comes out as it went in, in one piece."""
    assert acts(f"x {code(word)} y") == []
    assert acts(fenced(word) + "\n\nx") == []
    (span,) = shown(f"x {code(word)} y")
    assert span.split() == (word.split() or ["-"])


@pytest.mark.parametrize("word", EVIL)
def test_hostile_facts_do_nothing(word: str) -> None:
    """Names, messages and reasons of others do nothing, wherever they stand."""
    bad = FunctionStanding(name=word, stage="build-failed", message=word, code=word, tail=(word,))
    live = FunctionStanding(name=word, stage="live", revision=word, reference=word, image=word)
    at = replace(
        CASES["partly"].at,
        branch=word,
        pusher=word,
        asked=word,
        reason=word,
        message=word,
        functions=(bad, live),
    )
    problems = tuple(replace(one, message=word) for one in CASES["rejected"].at.problems)
    others = [
        replace(at, state="rejected", problems=problems, warnings=problems),
        replace(at, state="cancelled", by=word),
        replace(at, state="queued", delayed=word),
    ]
    for each in (at, *others):
        for function in ("", word):
            text = render(each, function=function, links=LINKS, log=f"{word}\n")
            assert acts(text.summary) == acts(text.text) == []
            assert not any("evil" in each and "acme" not in each for each in links(text.summary))
            assert (text.title + text.description).isprintable()


def test_terminals_commands_and_invisible_letters_are_gone() -> None:
    """Colours, titles, what was overwritten, and letters that turn others around."""
    assert clean("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x00y") == "red xy"
    assert clean("10 %\r50 %\r100 %\r\nnext") == "100 %\nnext"
    assert clean("a\u202eb\u200bc\u00a0d\te") == "abc d\te"
    assert clean("grüß 日本 🎉") == "grüß 日本 🎉"


@pytest.mark.parametrize(
    "secret",
    [
        "https://x-access-token:CANARY01234@github.com/a/b.git",
        "https://CANARY01234@gitlab.com/a/b.git",
        "ghs_4711_CANARY01234",
        "github_pat_CANARY01234",
        "glpat-CANARY01234.01.x",
        "plt_CANARY01234_0123",
        "Authorization: Bearer CANARY01234.x.y",
    ],
)
def test_tokens_are_not_shown(secret: str) -> None:
    """What looks like a token is none any more by the time that anybody reads it."""
    at = CASES["failed-build"].at
    failed = replace(at.functions[1], message=secret, tail=(f"fatal: {secret}",))
    at = replace(at, functions=(failed,), message=secret, delayed=secret, reason=secret)
    for function in ("", failed.name):
        for log in ("", f"cloning {secret}\n"):
            text = render(at, function=function, links=LINKS, log=log)
            assert "CANARY" not in repr(text)


def test_a_link_leads_where_it_says() -> None:
    """An address cannot end its link, nor be read as two."""
    text = link(code("x"), "https://a.example.com/f(1) <b>|c")
    assert links(f"see {text}.") == ["https://a.example.com/f%281%29%20%3Cb%3E%7Cc"]
