"""What is fetched and refused, by the predecessor's own vectors."""

import base64

import pytest

from consumers.source.remote import Remote, basic, cleaned
from schemas.stack import StackInvalid, parse

HEAD = "version: 1.0\nprovider: {name: openfaas}\nfunctions:\n"
GOOD = HEAD + "  fn1: {lang: python3-http, handler: ./fn1, image: fn1}\n"


@pytest.mark.conformance("clone URL")
@pytest.mark.parametrize(
    ("user", "token", "url"),
    [
        ("12345", "authToken1234", "https://foo.bar/baz"),
        (
            "martindekov",
            "zxcvasd123",
            "https://gitlab.example.io/martindekov/gitlab-playground.git",
        ),
    ],
)
def test_credentials_are_in_no_url(user: str, token: str, url: str) -> None:
    """Clone URL: the same user and token in a header, which no log line and no repr shows."""
    remote = Remote(
        cleaned(url.replace("https://", f"https://{user}:{token}@")), basic(user, token)
    )

    assert remote.url == url
    sent = remote.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"{user}:{token}"
    assert token not in repr(remote)


@pytest.mark.conformance("formatTemplateRepos")
def test_templates_of_a_stack_are_told_to_count_for_nothing() -> None:
    """FormatTemplateRepos: nobody's repository is pulled for templates, and the pusher is told."""
    named = "configuration:\n  templates: [{name: go, source: https://github.com/a/b}]\n"

    (warning,) = parse((GOOD + named).encode()).warnings

    assert "configuration.templates" in str(warning)
    assert parse(GOOD.encode()).warnings == ()


@pytest.mark.conformance("checkCompatibleTemplates")
@pytest.mark.conformance("joinErrors")
@pytest.mark.parametrize("wrong", [1, 2])
def test_every_language_that_is_not_there_is_named(wrong: int) -> None:
    """CheckCompatibleTemplates, joinErrors: each with its line and its function."""
    functions = [
        f"  fn{number}: {{lang: smalltalk, handler: ./x, image: y}}\n" for number in range(wrong)
    ]

    with pytest.raises(StackInvalid) as refused:
        parse((HEAD + "".join(functions)).encode())

    assert [problem.line for problem in refused.value.problems] == [4, 5][:wrong]
    for number, problem in enumerate(refused.value.problems):
        assert f"functions.fn{number}.lang: Not supported language: smalltalk" in str(problem)
