"""Each template of ours, built on base images of ours, answers in a container."""

from collections.abc import Mapping

import pytest

from schemas.stack import LANGUAGES
from tests.consumers.builder.kitchen import Bases, Kitchen, named
from tests.heavy.containers import container, fetched, pull
from tests.heavy.registries import PASSWORD, USER

ANSWER = {
    "python3-http": {
        "handler.py": "def handle(event, context):\n"
        "    return event.body + b' ' + event.path.encode()\n"
    },
    "python3": {"handler.py": "def handle(text):\n    return text + ' /x'\n"},
    "node-http": {
        "handler.js": "module.exports = async (event, context) =>\n"
        "  context.succeed(`${event.rawBody} ${event.path}`);\n"
    },
    "exec": {"run.sh": '#!/bin/sh\necho "$(cat) $Http_Path"\n'},
    "static": {"x": "hi /x"},
    "dockerfile": {
        "Dockerfile": "FROM scratch\nCOPY busybox /bin/\nCOPY x /www/\n"
        'CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]\n',
        "x": "hi /x",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_template_s_image_answers(kitchen: Kitchen, bases: Bases, language: str) -> None:
    """Pulled by digest and run as it is, it answers; nothing came from another registry."""
    kitchen.arguments = await bases.of(language)
    files: Mapping[str, str | bytes] = ANSWER[language]
    if language == "dockerfile":
        files = {**files, "busybox": kitchen.runs("")["busybox"]}
    made = named(f"in-{language}", language, fprocess="./run.sh" if language == "exec" else "")

    built = await kitchen.build(made, files)
    pull(kitchen.socket, built.reference, USER, PASSWORD)
    with container(kitchen.socket, built.reference) as url:
        body = None if language in ("static", "dockerfile") else b"hi"
        answer = fetched(f"{url}/x", body)

    assert answer.decode().strip() == "hi /x"
