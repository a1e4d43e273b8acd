"""The words of stack.yml: what a repository may say of its functions."""

from typing import Final

import msgspec

from schemas.environments import Previews
from schemas.errors import GiveUp
from schemas.events.run import Problem

NAMES: Final = ("stack.yml", "stack.yaml")  # the first that is there counts
LANGUAGES: Final = ("dockerfile", "exec", "node-http", "python3", "python3-http", "static")
# The same handler contract under another name of the OpenFaaS templates.
ALIASES: Final = {
    "Dockerfile": "dockerfile",
    "python": "python3",
    "python3-debian": "python3",
    "python3-http-debian": "python3-http",
    **{f"node{version}": "node-http" for version in (10, 12, 14, 16, 17, 18, 20, 22, 24)},
}


class StackInvalid(GiveUp):
    """A stack has errors; all of them are in ``problems``."""

    code = "stack_invalid"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep every problem; the message is theirs, a line each."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kubernetes quantities; empty where the operator's default holds."""

    memory: str = ""  # 128Mi
    cpu: str = ""  # 500m


class FunctionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One function of stack.yml; stored as a JSON blob, so that a revision can be deployed again.

    The defaults are faas-cli's.
    """

    name: str
    language: str  # of our templates, aliases resolved
    handler: str  # a path within the repository, "" its root
    image: str = ""  # kept for other tools; our images are named by their digest
    fprocess: str = ""  # the program of lang exec; other templates have their own
    environment: dict[str, str] = {}  # environment_file merged in, later files win
    environment_file: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    limits: Resources = Resources()
    requests: Resources = Resources()
    readonly_root_filesystem: bool = False
    skip_build: bool = False
    build_options: tuple[str, ...] = ()
    build_args: dict[str, str] = {}
    build_secrets: dict[str, str] = {}
    namespace: str = ""
    platforms: str = ""
    registry_auth: str = ""


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """A valid stack.yml."""

    functions: tuple[FunctionSpec, ...] = ()  # in the file's order
    gateway: str = ""
    copy: tuple[str, ...] = ()  # configuration.copy: paths added to every function's folder
    templates: tuple[str, ...] = ()  # configuration.templates: names; the operator's hold
    previews: Previews | None = None  # on the production branch; elsewhere without effect
    warnings: tuple[Problem, ...] = ()
    lines: dict[str, int] = {}  # field → its line, for errors found later
    file: str = NAMES[0]

    def problem(self, field: str, message: str, cure: str = "") -> Problem:
        """Return a problem of this file with its line."""
        line = self.lines.get(field, 0)
        return Problem(message=message, cure=cure, file=self.file, line=line, field=field)
