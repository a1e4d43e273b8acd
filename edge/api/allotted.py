"""What the API answers of quotas; commands know these too."""

import msgspec


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing that is counted."""

    used: int
    most: int  # 0: any number
    own: bool  # said of this account


class Builds(msgspec.Struct, frozen=True, kw_only=True):
    """Builds at once, which each builder counts for itself."""

    most: int  # 0: any number
    own: bool


class QuotaView(msgspec.Struct, frozen=True, kw_only=True):
    """What one account may have, and what it uses in all environments of its projects."""

    tenant: str  # github/acme
    functions: Amount
    replicas: Amount
    memory: Amount  # MiB
    builds: Builds


class QuotaViews(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts that one may see."""

    items: list[QuotaView]
    seq: int


class QuotaWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What was written of an account."""

    tenant: str
    seq: int  # a read with after=<seq> knows of it
