"""What of stack.yml has an effect depends on who builds and who runs."""

from schemas.stack import parse
from tests.schemas.test_stack import HEAD, stack


def test_what_builder_and_platform_honour_is_no_warning() -> None:
    """Fields that somebody acts on are passed over in silence, all others are still named."""
    honoured = ("secrets", "requests", "labels", "annotations")
    text = stack("labels: {com.openfaas.scale.max: 2}\n    annotations: {topic: a}\n")
    with_fields = text + b"    secrets: [key]\n    namespace: x\n"

    before = [problem.field for problem in parse(with_fields).warnings]
    after = [problem.field for problem in parse(with_fields, honoured=honoured).warnings]

    assert before == [
        "functions.hello.labels.com.openfaas.scale.max",
        "functions.hello.annotations.topic",
        "functions.hello.secrets",
        "functions.hello.namespace",
    ]
    assert after == ["functions.hello.namespace"]


def test_the_platforms_own_marks_are_reserved() -> None:
    """A label or annotation that would pass for the platform's own is named, honoured or not."""
    marks = "labels: {com.openfaas.cloud.git-sha: x, app: hi, apple: z}\n"
    text = stack(marks + "    annotations: {com.openfaas.cloud.revision: z}")

    found = parse(text, honoured=("labels", "annotations")).warnings

    assert [problem.field.rpartition("hello.")[2] for problem in found] == [
        "labels.com.openfaas.cloud.git-sha",
        "labels.app",
        "annotations.com.openfaas.cloud.revision",
    ]
    assert {problem.message for problem in found} == {"not honoured: the platform's own holds"}


def test_a_dockerfile_may_have_its_process_where_the_platform_sets_it() -> None:
    """A program reaches a container with a watchdog of its own, and no template's program."""
    own = HEAD + "  hello: {lang: dockerfile, handler: ./hello, fprocess: cat}\n"
    templated = HEAD + "  hello: {lang: static, handler: ./hello, fprocess: cat}\n"

    (honoured,) = parse(own.encode(), honoured=("fprocess",)).functions
    (bundled,) = parse(own.encode()).functions
    (other,) = parse(templated.encode(), honoured=("fprocess",)).functions

    assert [one.fprocess for one in (honoured, bundled, other)] == ["cat", "", ""]
