"""Names of images: the predecessor's, and one name for one function."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.builder.references import LONGEST, key_tag, names, registry, repository, tag
from schemas.errors import SettingInvalid
from schemas.repository import Repository
from tests.consumers.builder.made import order, spec

SHA = "04b8e44" + "0" * 33
DIGEST = "sha256:" + "1" * 64
# The grammar of the distribution specification.
REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")

owners = st.text("aB1-_./é", min_size=1, max_size=8)
repositories = st.text("aB1-_.é ", min_size=1, max_size=8)
functions = st.from_regex(r"[a-b]([-a-b]{0,4}[a-b])?", fullmatch=True)
three = st.tuples(owners, repositories, functions)


@pytest.mark.conformance("image tags")
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("registry:5000", "registry:5000/alexellis/go-fns-tester-func:latest-master-04b8e44"),
        (
            "docker.io/of-community/",
            "docker.io/of-community/alexellis-go-fns-tester-func:latest-master-04b8e44",
        ),
        (
            "registry:5000/x/y",
            "registry:5000/x/y/alexellis/go-fns-tester-func:latest-master-04b8e44",
        ),
        ("registry:5000/", "registry:5000/alexellis-go-fns-tester-func:latest-master-04b8e44"),
    ],
)
def test_names_are_the_predecessor_s(setting: str, expected: str) -> None:
    """Its own vectors, for a function where it has the last part of ``image:``."""
    made = msgspec.structs.replace(
        order(DIGEST, msgspec.structs.replace(spec(), name="func", image="alexellis2/func:0.2")),
        repository=Repository("AlexEllis", "Go-Fns-Tester", "master"),
        branch="master",
        sha=SHA,
    )
    where = registry(setting)

    assert names(made, where, where).target == expected


@pytest.mark.conformance("getImageName")
def test_push_and_pull_may_differ() -> None:
    """Pushed under one name, deployed by digest under another."""
    made = names(
        order(DIGEST, spec()), registry("registry:31115/a/"), registry("127.0.0.1:31115/b/")
    )

    assert made.target == "registry:31115/a/alice-hello-hello:latest-main-04b8e44"
    assert made.reference(DIGEST) == f"127.0.0.1:31115/b/alice-hello-hello@{DIGEST}"
    assert made.cache("hello") == "registry:31115/a/alice-hello-hello:cache-hello"


@pytest.mark.weakness(7)
def test_names_with_dashes_do_not_meet() -> None:
    """What the predecessor calls alike: a dash that joins, and one that is part of a name."""
    assert repository("a", "x-y", "z", shared=False) == "a/x-y-z"
    assert repository("a", "x", "y-z", shared=False) == "a/x-y_z"
    assert repository("a-b", "c", "d", shared=True) == "a_b-c-d"
    assert repository("a", "b-c", "d", shared=True) == "a-b-c-d"


@pytest.mark.weakness(19)
@given(one=three, other=three, shared=st.booleans())
def test_two_functions_never_have_one_name(
    *, one: tuple[str, str, str], other: tuple[str, str, str], shared: bool
) -> None:
    """Whatever owners and repositories are called; no forge tells them apart by case."""
    alike = [part.lower() for part in one] == [part.lower() for part in other]

    assert (repository(*one, shared=shared) == repository(*other, shared=shared)) == alike


@given(
    owner=st.text(min_size=1),
    name=st.text(min_size=1),
    function=functions,
    shared=st.booleans(),
)
def test_every_name_is_one_a_registry_takes(
    *, owner: str, name: str, function: str, shared: bool
) -> None:
    """Any text at all becomes a path of the distribution's grammar."""
    found = repository(owner, name, function, shared=shared)

    assert REPOSITORY.fullmatch(found)
    assert len(found) <= LONGEST


def test_long_names_are_cut_and_stay_apart() -> None:
    """A path is bounded; what is cut off is told by a hash."""
    deep = "/".join(["group" * 4] * 12)

    one = repository(deep, "r" * 100, "a", shared=False)
    other = repository(deep, "r" * 100, "b", shared=False)

    assert len(one) == len(other) == LONGEST
    assert one != other


@given(st.text(min_size=1), st.sampled_from([SHA, "ABCDEF0" + "0" * 57]))
def test_every_branch_has_a_tag(branch: str, sha: str) -> None:
    """Slashes, capitals, other alphabets and endless names."""
    assert TAG.fullmatch(tag(branch, sha))


def test_tags_say_branch_and_commit() -> None:
    """As the predecessor's, with the branch that was pushed."""
    assert tag("feature/Big One", SHA) == "latest-feature-big-one-04b8e44"
    assert tag("b" * 300, SHA).endswith("b-04b8e44")


def test_other_ingredients_have_another_tag() -> None:
    """No two lists of parts run together."""
    assert key_tag(["ab", "c"]) != key_tag(["a", "bc"])
    assert TAG.fullmatch(key_tag(["a"]))


@pytest.mark.parametrize(
    "setting", ["", "http://x", "x y", "a/../b", "host:port", "a//b", "h/UPPER é", "h:1/x@y"]
)
def test_a_setting_that_names_no_registry(setting: str) -> None:
    """Is refused with an example of one that does."""
    with pytest.raises(SettingInvalid, match="such as registry:5000/functions/"):
        registry(setting)


def test_a_registry_knows_its_own() -> None:
    """A path beside ours is not ours."""
    ours = registry("host/functions/")

    assert ours.holds("functions/a-b")
    assert not ours.holds("functions-of-others/a")
    assert not ours.holds("functions")
    assert registry("host").holds("anything/at/all")
