"""Facts, a file per aggregate. Time, id, actor and cause stand in the envelope."""

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False):
    """Base of every fact: class = aggregate + past tense, tag = ``<aggregate>.<fact>/<version>``.

    A field is never renamed or given a new meaning: that is a new tag beside the old one.
    A new field has a default. Subclasses repeat ``frozen=True``, which mypy asks for. What is
    frozen and decoded is in no circle: the garbage collector need not look at history.
    """
