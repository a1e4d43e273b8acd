"""template.yml: how a language's template is built, and run without a container."""

from typing import Literal

import msgspec

from schemas.errors import GiveUp
from schemas.stack_yaml import Items, Node, Scalar, YamlInvalid, read

FILE = "template.yml"


class TemplateInvalid(GiveUp):
    """A template.yml can't be used; it is the operator's, not the pusher's."""

    code = "template_invalid"


class BareRun(msgspec.Struct, frozen=True):
    """How the template runs in a bundle; the words are those of ``schemas.bundle``."""

    mode: Literal["http", "serializing", "streaming", "static"]
    # {python} and {node} are interpreters, {fprocess} the words of the function's fprocess
    command: tuple[str, ...] = ()
    upstream: Literal["socket", "tcp"] = "socket"
    static_path: str = ""
    environment: dict[str, str] = {}
    cgi: bool = False
    content_type: str = ""


class BuildOption(msgspec.Struct, frozen=True):
    """What ``build_options`` of a stack may name: packages of the base image's distribution."""

    name: str
    packages: tuple[str, ...] = ()


class Template(msgspec.Struct, frozen=True):
    """What faas-cli reads of a template.yml, and ``bundle``, which is ours."""

    language: str
    fprocess: str = ""
    handler_folder: str = "function"
    welcome_message: str = ""
    build_options: tuple[BuildOption, ...] = ()
    bundle: BareRun | None = None  # None: needs an engine


def parse(text: bytes) -> Template:
    """Return the template; raises TemplateInvalid, which names the field."""
    try:
        return msgspec.convert(_values(read(text)), Template, strict=False)
    except (YamlInvalid, msgspec.ValidationError) as error:
        raise TemplateInvalid(f"{FILE}: {error}") from error


def _values(node: Node) -> object:
    if isinstance(node, Scalar):
        return None if node.null else node.text
    if isinstance(node, Items):
        return [_values(item) for item in node.items]
    return {key: _values(row.value) for key, row in node.rows.items()}
