"""Tenants: a forge's owners; at GitLab one may lie in another, as ``group/sub`` does."""


def lineage(owner: str) -> tuple[str, ...]:
    """Return an owner and all that it lies in, innermost first.

    What holds for a group of GitLab holds for whatever is in it, as there.
    """
    found = [owner]
    while above := found[-1].rpartition("/")[0]:
        found.append(above)
    return tuple(found)


def account(forge: str, name: str) -> str:
    """Return whose a project is, as ``github acme``: who shares places and quotas with whom.

    All groups within one of GitLab are one account: another group more is not another share.
    """
    return f"{forge} {name.partition('/')[0].lower()}"
