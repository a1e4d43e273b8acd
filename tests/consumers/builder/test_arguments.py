"""Build arguments: what a stack may say, and what the operator does."""

from typing import Any

import msgspec
import pytest

from consumers.builder.arguments import Arguments, allowed, base_images, platforms
from consumers.builder.images import NotBuildable
from consumers.source.archive import Templates
from schemas.errors import SettingInvalid
from schemas.stack import LANGUAGES, FunctionSpec
from schemas.stack_template import BuildOption, Template
from tests.consumers.builder.made import spec

TEMPLATE = Template(
    "python3-http",
    build_options=(BuildOption("dev", ("make", "gcc")), BuildOption("git", ("git", "make"))),
)
ARGUMENTS = Arguments(
    allowed=allowed("GO111MODULE, ADDITIONAL_PACKAGE"),
    bases=base_images("python3-http.BASE=mirror/python@sha256:0, sbom.GENERATOR=m/s", LANGUAGES),
    proxies={"HTTP_PROXY": "http://p:1", "no_proxy": "localhost", "PATH": "/bin"},
)


def function(**said: Any) -> FunctionSpec:
    """Return a python3-http function that says so in its stack."""
    return msgspec.structs.replace(spec(), **said)


def test_an_allowed_argument_is_passed_on() -> None:
    """With the operator's base image for its language."""
    found = ARGUMENTS.of(function(build_args={"GO111MODULE": "off"}), TEMPLATE)

    assert found == {"GO111MODULE": "off", "BASE": "mirror/python@sha256:0"}


def test_the_operator_s_image_is_not_the_stack_s_to_choose() -> None:
    """Also where BASE may be set, a mirror that is set holds."""
    arguments = msgspec.structs.replace(ARGUMENTS, allowed=frozenset({"BASE"}))

    found = arguments.of(function(build_args={"BASE": "evil/python"}), TEMPLATE)

    assert found["BASE"] == "mirror/python@sha256:0"


def test_another_argument_fails_with_its_name_and_those_allowed() -> None:
    """The pusher learns the field, the names, and whose decision it is."""
    with pytest.raises(NotBuildable) as caught:
        ARGUMENTS.of(function(build_args={"SECRET": "x"}), TEMPLATE)

    assert caught.value.message == "functions.hello.build_args.SECRET may not be set here"
    assert "ADDITIONAL_PACKAGE, GO111MODULE" in caught.value.hint


def test_packages_are_gathered_once_and_sorted() -> None:
    """Of several options and of the argument: the order in a file changes no image."""
    said = function(
        build_options=("git", "dev"), build_args={"ADDITIONAL_PACKAGE": "zip  gcc libc6-dev:amd64"}
    )

    assert ARGUMENTS.of(said, TEMPLATE)["ADDITIONAL_PACKAGE"] == "gcc git libc6-dev:amd64 make zip"


@pytest.mark.parametrize(
    ("option", "template", "hint"),
    [
        ("dve", TEMPLATE, "did you mean dev?"),
        ("tensorflow", TEMPLATE, "there are dev, git"),
        ("dev", None, "remove it; the template has none"),
    ],
)
def test_an_option_nobody_knows(option: str, template: Template | None, hint: str) -> None:
    """Is an error that names those there are."""
    with pytest.raises(NotBuildable, match=f"has no option {option}") as caught:
        ARGUMENTS.of(function(build_options=(option,)), template)

    assert caught.value.hint == hint


@pytest.mark.parametrize("package", ["-o=x", "a;b", "$(id)", "a`b`", "&&"])
def test_packages_are_names_and_no_options_of_apt(package: str) -> None:
    """What is no package's name does not reach the installer's command line."""
    with pytest.raises(NotBuildable, match="is no package"):
        ARGUMENTS.of(function(build_args={"ADDITIONAL_PACKAGE": package}), TEMPLATE)


def test_the_program_of_exec_is_an_argument() -> None:
    """So that its image runs by itself."""
    said = msgspec.structs.replace(spec("exec", fprocess="./run.sh --one"), build_args={})

    assert ARGUMENTS.of(said, None) == {"FPROCESS": "./run.sh --one"}


def test_proxies_are_told_in_both_spellings() -> None:
    """Tools differ in which one they read; nothing else of our environment is told."""
    assert ARGUMENTS.environment() == {
        "HTTP_PROXY": "http://p:1",
        "http_proxy": "http://p:1",
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
    }


def test_platforms_are_checked() -> None:
    """One, several, none; anything else is named."""
    assert platforms(function(platforms="linux/amd64, linux/arm/v7")) == "linux/amd64,linux/arm/v7"
    assert platforms(function()) == ""
    with pytest.raises(NotBuildable, match=r"functions.hello.platforms: 'amd64' is no platform"):
        platforms(function(platforms="amd64"))


@pytest.mark.parametrize(
    "setting", ["python3.BASE", "BASE=x", "python4.BASE=x", "python3.base=x", "python3.BASE="]
)
def test_a_base_image_that_cannot_be_meant(setting: str) -> None:
    """Is refused at the start, with an example."""
    with pytest.raises(SettingInvalid, match=r"python3-http.BASE=mirror:5000/python"):
        base_images(setting, LANGUAGES)


def test_settings_of_arguments() -> None:
    """Names only; the generator of SBOMs stands among the base images."""
    assert ARGUMENTS.generator == "m/s"
    assert Arguments().generator == ""
    with pytest.raises(SettingInvalid, match="is no build arg"):
        allowed("GO111MODULE,A B")


def test_our_templates_options_can_be_had() -> None:
    """Each option that one of our templates names leads to packages."""
    for language, template in Templates().templates.items():
        names = tuple(option.name for option in template.build_options)
        said = msgspec.structs.replace(spec(language), build_options=names)
        assert bool(Arguments().of(said, template)) == bool(names)
