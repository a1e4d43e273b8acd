"""stack.yml, seen by whoever pushed one: every error at once, each with line and cure."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.stack import (
    ALIASES,
    FunctionSpec,
    Resources,
    StackInvalid,
    environment_of,
    lint,
    parse,
)

HEAD = "version: 1.0\nprovider: {name: openfaas}\nfunctions:\n"
FULL = b"""\
version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  hello:
    lang: python3-http
    handler: ./hello
    image: alice/hello:0.1
    fprocess: python index.py
    environment: {write_timeout: 10s, debug: true}
    environment_file: [env.yml]
    secrets: [key]
    skip_build: true
    constraints: ["node.role==manager"]
    labels: {team: a}
    annotations: {owner: b}
    limits: {memory: 128Mi, cpu: 500m}
    requests: {memory: 64Mi, cpu: 0.1}
    readonly_root_filesystem: true
    build_options: [dev]
    build_args: {GO111MODULE: on}
    build_secrets: {token: token.txt}
    namespace: fn
    platforms: linux/amd64
    registry_auth: dXNlcg==
configuration:
  templates: [{name: go, source: https://example.com/go}]
  copy: [./shared]
"""


def stack(function: str) -> bytes:
    """Return a stack whose function ``hello`` has one more field."""
    return f"{HEAD}  hello:\n    lang: static\n    handler: ./hello\n    {function}\n".encode()


def test_every_field_that_faas_cli_knows_is_read() -> None:
    """A stack with all fields there are gives them all back, in one struct."""
    found = parse(FULL)

    assert found.functions == (
        FunctionSpec(
            name="hello",
            language="python3-http",
            handler="hello",
            image="alice/hello:0.1",
            environment={"write_timeout": "10s", "debug": "true"},
            environment_file=("env.yml",),
            secrets=("key",),
            skip_build=True,
            constraints=("node.role==manager",),
            labels={"team": "a"},
            annotations={"owner": "b"},
            limits=Resources("128Mi", "500m"),
            requests=Resources("64Mi", "0.1"),
            readonly_root_filesystem=True,
            build_options=("dev",),
            build_args={"GO111MODULE": "on"},
            build_secrets={"token": "token.txt"},
            namespace="fn",
            platforms="linux/amd64",
            registry_auth="dXNlcg==",
        ),
    )
    assert (found.gateway, found.copy, found.templates) == (
        "http://127.0.0.1:8080",
        ("shared",),
        ("go",),
    )


def test_a_spec_survives_json() -> None:
    """What is stored as a blob is read back the same."""
    spec = parse(FULL).functions[0]

    assert msgspec.json.decode(msgspec.json.encode(spec), type=FunctionSpec) == spec


def test_known_fields_without_effect_are_named_in_warnings() -> None:
    """Each field that is not honoured yet leads to a warning with its line."""
    warnings = {problem.field: problem for problem in parse(FULL).warnings}

    expected = (
        "secrets skip_build constraints requests readonly_root_filesystem build_options "
        "build_args build_secrets namespace platforms registry_auth"
    )
    for field in expected.split():
        assert "not honoured yet" in warnings[f"functions.hello.{field}"].message
        assert warnings[f"functions.hello.{field}"].line > 5
    assert "operator's templates" in warnings["configuration.templates"].message


def test_five_errors_are_five_problems_with_their_lines() -> None:
    """Errors in five places are all found at once, in the order of the file."""
    text = b"""\
version: 2.0
provider:
  name: docker
functions:
  Hello_World:
    lang: pyton3-http
    handler: /etc
"""

    found = [(problem.line, problem.field) for problem in lint(text)]

    assert found == [
        (1, "version"),
        (3, "provider.name"),
        (5, "functions.Hello_World"),
        (6, "functions.Hello_World.lang"),
        (7, "functions.Hello_World.handler"),
    ]
    assert all(problem.cure for problem in lint(text))


@pytest.mark.parametrize(
    ("line", "said", "cure"),
    [
        ("handler: /etc", "/etc is an absolute path", "within the repository"),
        ("handler: ../x", "../x may lead out", "without .."),
        ("handler: a/../../x", "may lead out", "without .."),
        ("handler: 'a\\b'", "backslash", "/"),
        ("handler: .git/hooks", "git's own folder", "another"),
        ("handler: [a]", "must be text, not a list", ""),
        ("environment: [a]", "must be a mapping, not a list", ""),
        ("environment: {'a=b': c}", "not a variable's name", "="),
        ("environment: {PUSHLINE_SOCKET: /x}", "PUSHLINE_ are ours", "without"),
        ("secrets: key", "must be a list", "-"),
        ("secrets: ['']", "is empty", "remove"),
        ("skip_build: yes", "must be true or false, not yes", ""),
        ("limits: {memory: lots}", "lots is not an amount", "128Mi"),
        ("limits: {cpu: -1}", "-1 is not an amount", "500m"),
        ("environment_file: [../x.yml]", "may lead out", "without"),
    ],
)
def test_a_wrong_value_is_named_with_its_cure(line: str, said: str, cure: str) -> None:
    """Every field says what it takes."""
    text = f"{HEAD}  hello:\n    lang: static\n    handler: ./hello\n".encode()
    if line.startswith("handler"):
        text = f"{HEAD}  hello:\n    lang: static\n".encode()

    (problem,) = lint(text + f"    {line}\n".encode())

    assert said in problem.message
    assert cure in problem.cure
    assert problem.line == text.count(b"\n") + 1


@pytest.mark.parametrize(
    ("path", "said"),
    [("../x", "may lead out"), ("/etc", "absolute"), (".", "whole repository")],
)
def test_copy_stays_within_the_repository(path: str, said: str) -> None:
    """configuration.copy is refused by name where it leads out."""
    text = f"{HEAD}  a: {{lang: static, handler: a}}\nconfiguration:\n  copy:\n    - {path}\n"

    (problem,) = lint(text.encode())

    assert (problem.line, problem.field) == (7, "configuration.copy[0]")
    assert said in problem.message


@pytest.mark.parametrize(
    ("name", "secrets", "good"),
    [
        ("a", False, True),
        ("a" * 63, False, True),
        ("a" * 64, False, False),
        ("a" * 45, True, True),
        ("a" * 46, True, False),
        ("Upper", False, False),
        ("a_b", False, False),
        ("-a", False, False),
        ("a-", False, False),
        ("a.b", False, False),
    ],
)
def test_a_function_has_the_name_of_a_host(name: str, *, secrets: bool, good: bool) -> None:
    """Names are DNS labels, shorter with secrets, for they name a volume then."""
    more = ", secrets: [x]" if secrets else ""
    text = f"{HEAD}  {name}: {{lang: static, handler: a{more}}}\n"

    assert (lint(text.encode()) == []) is good


def test_exec_needs_a_program() -> None:
    """Only exec runs what fprocess names, and it does need it."""
    text = f"{HEAD}  a: {{lang: exec, handler: a}}\n".encode()

    (problem,) = lint(text)
    other = parse(stack("fprocess: ./x"))
    good = parse(text.replace(b"handler: a", b"handler: a, fprocess: ./x 1"))

    assert (problem.field, problem.message) == ("functions.a.fprocess", "fprocess is missing")
    assert other.warnings[0].field == "functions.hello.fprocess"
    assert (other.functions[0].fprocess, good.functions[0].fprocess) == ("", "./x 1")


def test_a_misspelt_field_is_guessed() -> None:
    """An unknown field is a warning that names the closest one, beside what is missing."""
    text = f"{HEAD}  hello:\n    lang: static\n    handlr: ./hello\n".encode()

    (problem,) = lint(text)
    (warning,) = parse(stack("enviroment: {a: b}")).warnings

    assert problem.cure == "line 6 says handlr, did you mean handler?"
    assert (warning.field, warning.cure) == (
        "functions.hello.enviroment",
        "did you mean environment?",
    )


@pytest.mark.parametrize("text", ["yes", "off", "010", "0o17", "1:30", "1e3", "12e03"])
def test_a_variable_is_the_text_as_written(text: str) -> None:
    """What YAML would turn into a bool or another number stays text, and a warning says so."""
    found = parse(stack(f"environment: {{A: {text}}}"))

    assert found.functions[0].environment == {"A": text}
    (warning,) = found.warnings
    assert warning.cure == f'write "{text}"'


@pytest.mark.parametrize("text", ["true", "10", "10s", '"yes"', "'010'", "1.5"])
def test_a_plain_variable_needs_no_warning(text: str) -> None:
    """Numbers, bools and quoted text mean what they look like."""
    found = parse(stack(f"environment: {{A: {text}}}"))

    assert found.functions[0].environment == {"A": text.strip("\"'")}
    assert found.warnings == ()


def test_variables_are_not_substituted() -> None:
    """${VAR:-default} stays as it stands, and a warning names it."""
    found = parse(stack('environment: {A: "${X:-1}"}'))

    assert found.functions[0].environment == {"A": "${X:-1}"}
    assert "${X:-1} is not substituted" in found.warnings[0].message


def test_provider_and_version_speak_as_faas_cli_does() -> None:
    """The two texts that scripts may look for are faas-cli's own."""
    found = [problem.message for problem in lint(b"version: 2\nfunctions: {}\n")]

    assert "[1.0] are the only valid versions for the stack file - found: 2" in found
    assert any(
        text.startswith("['openfaas'] is the only valid \"provider.name\"") for text in found
    )


def test_the_names_of_other_templates_are_known() -> None:
    """Languages with the same contract under another name are taken."""
    for alias, language in ALIASES.items():
        text = f"{HEAD}  a: {{lang: {alias}, handler: a}}\n".encode()
        assert parse(text).functions[0].language == language


def test_no_functions_is_a_stack_with_a_warning() -> None:
    """An empty stack is valid: what was deployed before is not meant any more."""
    found = parse(b"provider: {name: openfaas}\n")

    assert found.functions == ()
    assert "nothing will be deployed" in found.warnings[0].message


def test_merge_keys_share_what_functions_have_in_common() -> None:
    """Anchors, aliases and << work as faas-cli's users know them."""
    text = b"""\
provider: {name: openfaas}
functions:
  a: &base {lang: static, handler: a, environment: {X: "1"}}
  b:
    <<: *base
    handler: b
"""
    a, b = parse(text).functions

    assert (a.handler, b.handler, b.language, b.environment) == ("a", "b", "static", {"X": "1"})


def test_text_of_a_stack_can_not_drive_a_terminal() -> None:
    """Escape sequences and endless texts come out harmless, for people see them."""
    text = f'{HEAD}  a:\n    lang: "\\e[2J{"x" * 5000}"\n    handler: a\n'.encode()

    (problem,) = lint(text)

    assert "\x1b" not in str(problem)
    assert len(str(problem)) < 1000


def test_more_errors_than_a_fact_carries_are_counted() -> None:
    """A thousand errors are a hundred, and how many more."""
    functions = "".join(f"  A{number}: {{}}\n" for number in range(90))

    found = lint((HEAD + functions).encode())

    assert len(found) == 101
    assert found[-1].message == "170 more like these"


def test_environment_files_are_read_as_faas_cli_does() -> None:
    """A file has one mapping; its errors carry its own name."""
    assert environment_of(b"environment:\n  A: b\n", file="e.yml") == {"A": "b"}
    with pytest.raises(StackInvalid) as caught:
        environment_of(b"environment: [a]\n", file="e.yml")
    assert caught.value.problems[0].file == "e.yml"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    """Whatever is pushed, there are problems or a stack, never another error."""
    problems = lint(body)

    assert problems or parse(body).file == "stack.yml"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["functions", "lang", "handler", "provider", "copy", "limits", "a"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_breaks_the_reader(value: object) -> None:
    """JSON of any shape, which is YAML, is read or refused with a problem."""
    body = msgspec.json.encode(value)

    assert lint(body) or parse(body).file == "stack.yml"
