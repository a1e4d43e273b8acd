"""Facts about a tenant, a forge's owner; its id is the forge's login, its project stays empty."""

from schemas.events import Event


class TenantInstalled(Event, frozen=True, tag="tenant.installed/1"):
    """An account let us in. Written by intake, read by planner."""

    installation: str = ""
    repositories: tuple[str, ...] = ()  # owner/name of those named in the delivery


class TenantUninstalled(Event, frozen=True, tag="tenant.uninstalled/1"):
    """An account shut us out. Written by intake, read by collector."""

    installation: str = ""


class TenantSuspended(Event, frozen=True, tag="tenant.suspended/1"):
    """An account's installation was suspended or came back. Written by intake."""

    suspended: bool = True


class TenantLabelled(Event, frozen=True, tag="tenant.labelled/1"):
    """A tenant got its host label, once and for ever. Written by planner, read by routes."""

    label: str  # the first part of its functions' host name
