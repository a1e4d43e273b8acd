"""Lists of customers for tests, as their facts would leave them."""

from bus.fold import Fold
from consumers.forges.customers import READ, Admitted, fold


def customers(*accounts: str) -> Fold[Admitted]:
    """Return the fold of a list that lets in these accounts, as ``github alice``."""
    listed = fold("customers-of-a-test")
    listed.rows = {name: Admitted() for name in (READ, *accounts)}
    return listed


def everybody() -> Fold[Admitted]:
    """Return the fold of a list that lets in every account."""
    return customers("github *", "gitlab *")
