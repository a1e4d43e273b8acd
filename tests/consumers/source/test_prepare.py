"""From a commit to archives: what is refused, what is in them, and the same bytes each time."""

import io
import random
import tarfile

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.source.archive import Templates, collisions, pack
from consumers.source.limits import Refused
from consumers.source.prepare import Prepared, prepare
from consumers.source.tree import File
from tests.consumers.source.forge import HANDLER, HEAD, STACK
from tests.consumers.source.objects import LIMITS, LINK, PROGRAM, Files, tree_of

GOOD: Files = {"stack.yml": STACK.encode(), "hello/handler.py": HANDLER.encode()}


def problems(files: Files, templates: Templates) -> tuple[str, list[str]]:
    """Return the code and the lines of a refusal."""
    with pytest.raises(Refused) as caught:
        prepare(tree_of(files), templates)
    return caught.value.reason, [str(problem) for problem in caught.value.problems]


def names(prepared: Prepared, place: int = 0) -> dict[str, int]:
    """Return the modes of an archive's files."""
    with tarfile.open(fileobj=io.BytesIO(prepared.archives[place].tar)) as tar:
        return {entry.name: entry.mode for entry in tar}


def test_an_archive_is_template_and_handler(templates: Templates) -> None:
    """The layout is faas-cli's: the template's files, and the handler's below function/."""
    more: Files = {
        "hello/build/x": b"",
        "hello/template/x": b"",
        "hello/lib/build/x": b"",
        "hello/run": (PROGRAM, b""),
    }

    found = names(prepare(tree_of({**GOOD, **more}), templates))

    assert found == {
        "Dockerfile": 0o644,
        "function/handler.py": 0o644,
        "function/lib/build/x": 0o644,
        "function/run": 0o755,
        "index.py": 0o644,
        "template.yml": 0o644,
    }


def test_a_dockerfile_stands_at_the_root(templates: Templates) -> None:
    """For lang dockerfile the handler's folder is the context itself."""
    stack = HEAD + "  own: {lang: dockerfile, handler: .}\n"

    found = names(prepare(tree_of({"stack.yml": stack.encode(), "Dockerfile": b"x"}), templates))

    assert set(found) == {"Dockerfile", "stack.yml", "template.yml"}


def test_how_a_bundle_is_run_is_not_the_handlers_to_say(templates: Templates) -> None:
    """The files of exec stand at the root; a template.yml among them changes nothing."""
    stack = HEAD + "  run: {lang: exec, handler: run, fprocess: ./x}\n"
    files: Files = {
        "stack.yml": stack.encode(),
        "run/x": (PROGRAM, b"x"),
        "run/template.yml": b"language: mine\n",
    }

    tar = prepare(tree_of(files), templates).archives[0].tar

    with tarfile.open(fileobj=io.BytesIO(tar)) as read:
        found = read.extractfile("template.yml")
        assert found
        assert found.read().startswith(b"language: exec\n")
        assert read.getmember("x").mode == 0o755


def test_copied_paths_lie_in_every_function(templates: Templates) -> None:
    """configuration.copy adds a file and a folder to the handler's folder, at their own path."""
    stack = STACK + "configuration: {copy: [shared, ./x/one.txt]}\n"
    files = {**GOOD, "stack.yml": stack.encode(), "shared/a": b"a", "x/one.txt": b"1"}

    found = names(prepare(tree_of(files), templates))

    assert {"function/shared/a", "function/x/one.txt"} <= set(found)


@pytest.mark.weakness(4)
@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("/etc", "stack.yml:4: functions.hello.handler: /etc is an absolute path"),
        ("../x", "stack.yml:4: functions.hello.handler: ../x may lead out"),
        ("nobody", "stack.yml:4: functions.hello.handler: nobody is not in the repository"),
        ("out", "stack.yml:4: functions.hello.handler: out is reached by the link out"),
        ("up", "stack.yml:4: functions.hello.handler: up leads out of the repository"),
        ("a-file", "stack.yml:4: functions.hello.handler: a-file is not a folder"),
        ("holds-link", "stack.yml:4: functions.hello.handler: holds-link/l is reached by the link"),
    ],
)
def test_a_handler_outside_is_refused_by_name(
    handler: str, said: str, templates: Templates
) -> None:
    """The predecessor packed its own secrets this way; here the line in stack.yml is shown."""
    stack = HEAD + f"  hello: {{lang: static, handler: {handler}}}\n"
    files: Files = {
        "stack.yml": stack.encode(),
        "out": (LINK, b"/etc"),
        "up": (LINK, b"../x"),
        "a-file": b"",
        "holds-link/l": (LINK, b"/etc/passwd"),
    }

    code, lines = problems(files, templates)

    assert code == "stack_invalid"
    assert len(lines) == 1
    assert lines[0].startswith(said)


@pytest.mark.weakness(4)
@pytest.mark.parametrize(
    ("path", "said"),
    [("../repo-private", "may lead out"), ("nobody", "is not in"), ("out", "leads out")],
)
def test_a_copy_from_outside_is_refused_by_name(path: str, said: str, templates: Templates) -> None:
    """A folder beside the repository that begins with its name is not in it."""
    stack = f"{STACK}configuration:\n  copy:\n    - {path}\n"
    files: Files = {**GOOD, "stack.yml": stack.encode(), "out": (LINK, b"../repo-private")}

    _, lines = problems(files, templates)

    assert len(lines) == 1
    assert lines[0].startswith("stack.yml:7: configuration.copy[0]")
    assert said in lines[0]


def test_five_errors_in_the_files_are_five_lines(templates: Templates) -> None:
    """What only the files can tell is collected too, not the first of it."""
    rows = "".join(f"  {name}: {{lang: static, handler: no-{name}}}\n" for name in "abcde")

    _, lines = problems({"stack.yml": (HEAD + rows).encode()}, templates)

    assert [line.partition(" ")[0] for line in lines] == [f"stack.yml:{n}:" for n in range(4, 9)]


def test_no_stack_is_a_code_of_its_own(templates: Templates) -> None:
    """A repository without stack.yml is told what to add."""
    code, lines = problems({"README": b""}, templates)

    assert code == "stack_missing"
    assert "add a stack.yml" in lines[0]


def test_the_other_name_of_the_stack_is_taken(templates: Templates) -> None:
    """stack.yaml counts where there is no stack.yml, and its problems bear its name."""
    files = {"stack.yaml": STACK.encode(), "hello/handler.py": b""}

    _, lines = problems({"stack.yaml": b"functions: []\n"}, templates)

    assert prepare(tree_of(files), templates).archives
    assert lines[0].startswith("stack.yaml:1:")


def test_a_template_of_the_repository_is_refused(templates: Templates) -> None:
    """Tenants bring no templates; the text is the predecessor's."""
    code, lines = problems({**GOOD, "template/x/template.yml": b""}, templates)

    assert (code, "unsupported custom" in lines[0]) == ("stack_invalid", True)


def test_environment_files_win_over_the_stack(templates: Templates) -> None:
    """Later files win, as with faas-cli, and only files of the repository count."""
    row = "{lang: static, handler: ./hello, environment: {A: '1', B: '1'}, "
    stack = HEAD + "  hello: " + row + "environment_file: [one.yml, two.yml]}\n"
    files = {
        **GOOD,
        "stack.yml": stack.encode(),
        "one.yml": b"environment: {B: '2', C: '2'}\n",
        "two.yml": b"environment: {C: '3'}\n",
    }

    spec = prepare(tree_of(files), templates).archives[0].spec
    _, lines = problems({**files, "two.yml": (LINK, b"/etc/passwd")}, templates)

    assert spec.environment == {"A": "1", "B": "2", "C": "3"}
    assert lines[0].startswith("stack.yml:4: functions.hello.environment_file[1]: two.yml")


def test_names_that_differ_in_case_only_are_refused(templates: Templates) -> None:
    """On some disks one of them would vanish, so neither is built."""
    _, lines = problems({**GOOD, "hello/A.py": b"1", "hello/a.py": b"2"}, templates)

    assert "function/A.py and function/a.py are the same" in lines[0]


def test_an_archive_has_limits(templates: Templates) -> None:
    """Links to one large file count each time."""
    links: Files = {f"hello/l{n}": (LINK, b"handler.py") for n in range(20)}
    small = msgspec.structs.replace(LIMITS, archive_files=10)
    short = msgspec.structs.replace(LIMITS, archive_bytes=500)

    for limits, said in ((small, "more than 10 files"), (short, "more than 500 bytes")):
        with pytest.raises(Refused, match=said):
            prepare(tree_of({**GOOD, **links}, limits), templates)


def test_sealed_secrets_are_handed_on_as_they_are(templates: Templates) -> None:
    """Whose they have to be is known to whoever knows the run; no warning, no file: nothing."""
    prepared = prepare(tree_of({**GOOD, "secrets.yml": b"x: y\n"}), templates)

    assert (prepared.sealed, prepared.warnings) == (b"x: y\n", ())
    assert prepare(tree_of(GOOD), templates).sealed is None


def test_a_tar_has_no_trace_of_time_and_owner(templates: Templates) -> None:
    """Sorted names, times and owners zero, modes of two kinds, no extended headers."""
    with tarfile.open(fileobj=io.BytesIO(prepare(tree_of(GOOD), templates).archives[0].tar)) as tar:
        entries = tar.getmembers()

    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    for entry in entries:
        owner = entry.uid, entry.gid, entry.uname, entry.gname
        assert (entry.mtime, owner, entry.pax_headers) == (0, (0, 0, "", ""), {})


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\\0"),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.tuples(st.binary(max_size=50), st.booleans()), max_size=8))
def test_the_same_files_are_the_same_bytes(files: dict[str, tuple[bytes, bool]]) -> None:
    """The order in which files arrive changes nothing, and the tar gives them all back."""
    rows = [File(path, body, program) for path, (body, program) in files.items()]
    shuffled = random.Random(1).sample(rows, len(rows))

    tar = pack(rows)

    assert tar == pack(shuffled)
    with tarfile.open(fileobj=io.BytesIO(tar)) as read:
        bodies = {entry.name: read.extractfile(entry) for entry in read}
        found = {name: file.read() for name, file in bodies.items() if file}
    assert found == {path.rstrip("/"): body for path, (body, _) in files.items()}


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.binary(max_size=30), min_size=1))
def test_two_checkouts_have_one_digest(files: dict[str, bytes]) -> None:
    """However a forge stores the folders, the archive's address is the same."""
    own = Templates()
    full: Files = {**GOOD, **{f"hello/{name}": body for name, body in files.items()}}

    one = prepare(tree_of(full), own).archives[0].digest
    other = (
        prepare(tree_of(dict(reversed(list(full.items()))), backwards=True), own).archives[0].digest
    )

    assert one == other


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["a", "b"], []),
        (["a/x", "A/y"], [("A", "a")]),
        (["a", "a/b"], [("a", "a")]),
        (["\u00e9", "e\u0301"], [("e\u0301", "\u00e9")]),
    ],
)
def test_collisions_are_found(paths: list[str], found: list[tuple[str, str]]) -> None:
    """Case, Unicode's forms, and a file where a folder should be."""
    assert collisions(paths) == found
