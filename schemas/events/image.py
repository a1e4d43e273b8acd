"""Facts about an image; the id is its digest."""

from schemas.events import Event


class ImageCollected(Event, frozen=True, tag="image.collected/1"):
    """No kept revision needs it, and no open run; it is gone. Written by collector."""

    named: int  # sequence of the fact that named it last
    reference: str = ""  # where it was pulled; "" for a bundle
    deleted: bool = True  # False: its registry deletes nothing
