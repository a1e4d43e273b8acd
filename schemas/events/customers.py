"""Facts about the list of customers, which forge accounts may push; there is one, above tenants."""

from schemas.events import Event


class CustomersListed(Event, frozen=True, tag="customers.listed/1"):
    """The list was read and all that it changes is recorded. Written by customers, read by intake.

    Until the first of these nobody knows whom to let in, and intake waits.
    """

    entries: int  # in the list; "*" is one
    complete: bool = True  # false: more of its changes follow
