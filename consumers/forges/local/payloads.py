"""What ``edge/git`` stores for a ref that it has moved."""

from typing import Literal

import msgspec

from consumers.forges.meaning import Text
from schemas.ids import Sha


class Push(msgspec.Struct, frozen=True):
    """One branch of one push; tags are not delivered."""

    kind: Literal["push"]
    owner: Text
    repository: Text
    branch: Text
    before: Sha
    after: Sha
    default_branch: Text
    pusher: str = ""
