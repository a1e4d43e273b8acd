"""Build arguments: what a stack may set, its template's packages, the operator's base images."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from consumers.builder.images import NotBuildable
from schemas.errors import SettingInvalid
from schemas.stack import FunctionSpec
from schemas.stack_template import Template

PACKAGES: Final = "ADDITIONAL_PACKAGE"
PROGRAM: Final = "FPROCESS"  # of lang exec
PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
GENERATOR: Final = ("sbom", "GENERATOR")  # stands among the base images: who writes the SBOM
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PACKAGE = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@+.:=~_/-]*")
_BASE = re.compile(r"([a-z0-9-]+)\.([A-Z_][A-Z0-9_]*)=(\S+)")
PLATFORM: Final = re.compile(r"[a-z0-9]+/[a-z0-9]+(/[a-z0-9.]+)?")


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator says of build arguments."""

    allowed: frozenset[str] = frozenset()  # for stacks
    bases: Mapping[str, Mapping[str, str]] = {}  # language → argument → image
    proxies: Mapping[str, str] = {}  # of our environment; no part of what is built

    def of(self, spec: FunctionSpec, template: Template | None) -> dict[str, str]:
        """Return a function's arguments, proxies apart; raises NotBuildable."""
        self.check(spec)
        found = dict(spec.build_args)
        packages = _packages(spec, template)
        if packages:
            found[PACKAGES] = " ".join(packages)
        if spec.fprocess:
            found[PROGRAM] = spec.fprocess
        return found | dict(self.bases.get(spec.language, {}))

    def check(self, spec: FunctionSpec) -> None:
        """Raise NotBuildable for an argument that a stack may not set."""
        for name in spec.build_args:
            if name not in self.allowed:
                known = ", ".join(sorted(self.allowed)) or "none"
                raise NotBuildable(
                    f"functions.{spec.name}.build_args.{name} may not be set here",
                    hint=f"allowed are {known}; whoever runs Pushline sets PUSHLINE_BUILD_ARGS",
                )

    def environment(self) -> dict[str, str]:
        """Return the proxies in both spellings, which no Dockerfile has to name."""
        both = {}
        for name in PROXIES:
            if value := self.proxies.get(name) or self.proxies.get(name.lower()):
                both[name] = both[name.lower()] = value
        return both

    @property
    def generator(self) -> str:
        """Return the image that writes SBOMs, "" for BuildKit's own."""
        language, name = GENERATOR
        return self.bases.get(language, {}).get(name, "")


def platforms(spec: FunctionSpec) -> str:
    """Return what to build for, "" for the daemon's own; raises NotBuildable."""
    wanted = [part.strip() for part in spec.platforms.split(",") if part.strip()]
    for each in wanted:
        if not PLATFORM.fullmatch(each):
            raise NotBuildable(
                f"functions.{spec.name}.platforms: {each!r} is no platform",
                hint="such as linux/amd64,linux/arm64",
            )
    return ",".join(wanted)


def allowed(setting: str) -> frozenset[str]:
    """Return the names of a setting, comma separated; raises SettingInvalid."""
    found = [part.strip() for part in setting.split(",") if part.strip()]
    for name in found:
        if not NAME.fullmatch(name):
            raise SettingInvalid(f"{name!r} is no build arg", hint="such as GO111MODULE,GOPROXY")
    return frozenset(found)


def base_images(setting: str, languages: Collection[str]) -> dict[str, dict[str, str]]:
    """Return a setting's LANG.ARG=IMAGE, comma separated; raises SettingInvalid."""
    found: dict[str, dict[str, str]] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        said = _BASE.fullmatch(part)
        if said is None or said[1] not in {*languages, GENERATOR[0]}:
            raise SettingInvalid(
                f"{part!r} names no template's base image",
                hint="such as python3-http.BASE=mirror:5000/python:3.11-slim; "
                f"languages are {', '.join(sorted(languages))}",
            )
        found.setdefault(said[1], {})[said[2]] = said[3]
    return found


def _packages(spec: FunctionSpec, template: Template | None) -> list[str]:
    """Return the packages of build_options and of the argument itself, each once."""
    there = template.build_options if template else ()
    options = {option.name: option.packages for option in there}
    found = set(spec.build_args.get(PACKAGES, "").split())
    for name in spec.build_options:
        if name not in options:
            raise NotBuildable(
                f"functions.{spec.name}.build_options: {spec.language} has no option {name}",
                hint=_known(name, options),
            )
        found.update(options[name])
    for package in found:
        if not _PACKAGE.fullmatch(package):
            raise NotBuildable(
                f"functions.{spec.name}.build_args.{PACKAGES}: {package!r} is no package",
                hint="names of packages, separated by spaces",
            )
    return sorted(found)


def _known(name: str, options: Iterable[str]) -> str:
    known = sorted(options)
    if not known:
        return "remove it; the template has none"
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
