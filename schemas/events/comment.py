"""Facts about the one comment of ours that a pull request has; its id is that one's number."""

from schemas.events import Event
from schemas.ids import Digest, Sha


class CommentWritten(Event, frozen=True, tag="comment.written/1"):
    """A pull request shows this now. Written by comments, read by comments."""

    number: int
    comment: str  # the forge's own id of it
    text: Digest  # of what it says: the same is not sent twice
    sha: Sha  # the commit that it is about
    as_of: int  # sequence of the newest fact that it tells of


class CommentDeleted(Event, frozen=True, tag="comment.deleted/1"):
    """Somebody has deleted it; there is another one once there is another commit.

    Written by comments, read by comments.
    """

    number: int
    comment: str
    sha: Sha  # of which nothing more is said


class CommentRefused(Event, frozen=True, tag="comment.refused/1"):
    """A forge does not take it, or gives no answer, and why.

    Written by comments, read by comments.
    """

    number: int
    sha: Sha
    code: str
    message: str
    waits: bool = True  # it is tried again
