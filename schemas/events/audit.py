"""Facts about the audit record; its id is ``record``, above all projects."""

from schemas.events import Event


class AuditAnchored(Event, frozen=True, tag="audit.anchored/1"):
    """The record's chain had this head, said outside of the record's file. Written by audit."""

    seq: int  # of the last record, which is that of its event
    hash: str  # of that record
