"""Tenants: a forge's owners; at GitLab one may lie in another, as ``group/sub`` does."""


def lineage(owner: str) -> tuple[str, ...]:
    """Return an owner and all that it lies in, innermost first.

    What holds for a group of GitLab holds for whatever is in it, as there.
    """
    found = [owner]
    while above := found[-1].rpartition("/")[0]:
        found.append(above)
    return tuple(found)
