"""The container builder's settings, out of the operator's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bus import ecr
from bus.ecr import Ecr, EcrSettings
from consumers.builder import arguments, references
from consumers.builder.arguments import PROXIES, Arguments
from consumers.builder.recipe import ContainerSettings
from consumers.builder.registry import Login
from edge.cli.settings import Settings
from edge.cli.variables import variable
from schemas.errors import SettingInvalid
from schemas.stack import LANGUAGES

T = TypeVar("T")


def container_settings(chosen: Settings, tools: Mapping[str, str], home: Path) -> ContainerSettings:
    """Return what the builder ``buildkit`` is told; SettingInvalid names a bad variable.

    ``tools`` are the variables of our environment that builds may know, of which proxies count.
    """
    pulled = _read("registry", chosen.registry, references.registry)
    pushed = chosen.push_registry or chosen.registry
    return ContainerSettings(
        url=chosen.buildkit_url,
        tls=Path(chosen.buildkit_tls) if chosen.buildkit_tls else None,
        seconds=chosen.build_seconds,
        registry=pulled,
        push_registry=_read("push_registry", pushed, references.registry),
        login=Login(chosen.registry_user, chosen.registry_password),
        insecure=chosen.registry_insecure,
        cache=chosen.build_cache,
        attestations=frozenset(chosen.build_attestations.split(",")) - {"none"},
        arguments=Arguments(
            allowed=_read("build_args", chosen.build_args, arguments.allowed),
            bases=_read("base_images", chosen.base_images, _bases),
            proxies={name: text for name, text in tools.items() if name.upper() in PROXIES},
        ),
        work=home / "builds",
    )


def repositories(chosen: Settings) -> Ecr | None:
    """Return what makes repositories before something is pushed, None where pushing does that."""
    pushed = _read("push_registry", chosen.push_registry or chosen.registry, references.registry)
    place = ecr.place(pushed.host)
    if place is None:
        return None
    account, region = place
    if bool(chosen.ecr_access_key) != bool(chosen.ecr_secret_key):
        missing = "ecr_secret_key" if chosen.ecr_access_key else "ecr_access_key"
        raise SettingInvalid(
            f"{variable(missing)} is not set, and the other key is",
            hint="set both, or neither where the machine has a role of its own",
        )
    return Ecr(
        EcrSettings(
            account=account,
            region=region,
            url=chosen.ecr_url,
            access_key=chosen.ecr_access_key,
            secret_key=chosen.ecr_secret_key,
        )
    )


def _bases(setting: str) -> dict[str, dict[str, str]]:
    return arguments.base_images(setting, LANGUAGES)


def _read(name: str, setting: str, read: Callable[[str], T]) -> T:
    try:
        return read(setting)
    except SettingInvalid as error:
        raise SettingInvalid(f"{variable(name)}: {error.message}", hint=error.hint) from error
