"""What ties a forge's check to us: its context, which people see, and its external id.

The context tells a commit's checks apart, ``pushline/<environment>[/<function>]``. The external id
``<environment>/[<function>]@<key>`` says what a button pressed on it is about: ``key`` is the run,
or ``pull-<number>-<commit>`` of a fork's commit that waits for approval and has no run yet. One
that gets no run has nothing to press: its key is ``none``.
"""

import re
from typing import Final

import msgspec

APP: Final = "pushline"

_ID: Final = re.compile(
    r"(?P<environment>[a-z0-9-]{1,63})/(?P<function>[A-Za-z0-9._-]{0,100})@"
    r"((?P<run>[0-9A-HJKMNP-TV-Z]{26})|pull-(?P<pull>[1-9][0-9]{0,17})-(?P<sha>[0-9a-f]{40,64}))"
)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one check is about: the whole stack where no function is named."""

    environment: str
    function: str = ""
    run: str = ""  # or the two below
    pull: int = 0
    sha: str = ""

    @property
    def context(self) -> str:
        """Return the name that people see, the same for each run of a commit."""
        return context(self.environment, self.function)


def context(environment: str, function: str = "") -> str:
    """Return what a check of a stack, or of one of its functions, is called."""
    return f"{APP}/{environment}/{function}" if function else f"{APP}/{environment}"


def external_id(check: Check) -> str:
    """Return what a forge keeps of a check for us."""
    held = f"pull-{check.pull}-{check.sha}" if check.pull else "none"
    key = check.run or held
    return f"{check.environment}/{check.function}@{key}"


def parse(external_id: str) -> Check | None:
    """Return what a check is about; None for one that is not ours."""
    found = _ID.fullmatch(external_id)
    if found is None:
        return None
    return Check(
        environment=found["environment"],
        function=found["function"],
        run=found["run"] or "",
        pull=int(found["pull"] or 0),
        sha=found["sha"] or "",
    )


# What the buttons under a check ask for: `requested_action.identifier`, 20 characters at most
CANCEL: Final = "cancel"  # run.cancel-requested of the check's run
APPROVE: Final = "approve"  # pull.approved of the check's commit
