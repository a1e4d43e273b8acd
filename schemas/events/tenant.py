"""Facts about a tenant, a forge's owner; its id is the forge's login, its project stays empty."""

from typing import Literal

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


class TenantRenamed(Event, frozen=True, tag="tenant.renamed/1"):
    """An account is called otherwise now; anybody may take this name. Written by intake.

    Read by planner, which lets the account's label and projects go along.
    """

    to: str  # the forge's login from now on


class TenantLabelled(Event, frozen=True, tag="tenant.labelled/1"):
    """A tenant got its host label, once and for ever. Written by planner, read by routes."""

    label: str  # the first part of its functions' host name
    was: str = ""  # the login whose label it was: the account is called otherwise now


class TenantMemberSet(Event, frozen=True, tag="tenant.member-set/1"):
    """Somebody got a role by hand, or none any more. Written by edge and planner, read by auth.

    The planner lets it go along with an account that gets another name. It stands beside what a
    forge says of the person; the higher of the two counts.
    """

    who: str  # as schemas.people.means has it: github:583231, github:alice, oidc:SUBJECT
    role: Literal["", "viewer", "member", "owner"]  # "": none by hand
    login: str = ""  # of that account when this was written, a label


class TenantAdmitted(Event, frozen=True, tag="tenant.admitted/1"):
    """An account is on the list of customers: it may push. Written by customers, read by intake.

    The tenant ``*`` is every account of its forge.
    """


class TenantDismissed(Event, frozen=True, tag="tenant.dismissed/1"):
    """An account is on that list no more; what it runs stays. Written by customers."""


class TenantQuotaSet(Event, frozen=True, tag="tenant.quota-set/1"):
    """An operator said what an account may have. Written by edge, read by source and builder.

    None: what holds for all; 0: any number.
    """

    functions: int | None = None
    replicas: int | None = None
    memory: int | None = None  # MiB
    builds: int | None = None  # at once
