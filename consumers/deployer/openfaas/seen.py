"""Where a function's log was left: so that an interruption loses no line and repeats none.

A gateway goes on from a time, in whole seconds, and for all instances at once: what comes again is
known by the times of each instance's last lines. Beyond that the API has nothing: an instance
whose lines come more than ``SLACK`` later than another's may lose some of them at that moment.
"""

from datetime import datetime, timedelta
from typing import Final

from consumers.deployer.openfaas.wire import LogLine

SLACK: Final = timedelta(seconds=5)
FORGOTTEN: Final = timedelta(minutes=1)  # an instance that was silent so long is not in the slack


class _Instance:
    """The last lines of one instance: their time, and how many had it."""

    __slots__ = ("again", "behind", "count", "time")

    def __init__(self, time: datetime) -> None:
        self.time = time
        self.count = 1
        self.again = 0  # that came again since the last interruption
        self.behind = False  # what comes may have come before


class Seen:
    """What was read of one function's log; ``since`` is what to ask a gateway for next."""

    def __init__(self, begin: datetime) -> None:
        """Begin with the lines after ``begin``."""
        self._begin = begin
        self._instances: dict[str, _Instance] = {}

    @property
    def since(self) -> datetime:
        """Return from when on lines are to be asked for again."""
        newest = max((known.time for known in self._instances.values()), default=None)
        return self._begin if newest is None else max(newest - SLACK, self._begin)

    def interrupted(self) -> None:
        """Expect lines to come again."""
        newest = max((known.time for known in self._instances.values()), default=self._begin)
        self._instances = {
            name: known
            for name, known in self._instances.items()
            if known.time >= newest - FORGOTTEN
        }
        for known in self._instances.values():
            known.again, known.behind = 0, True

    def new(self, line: LogLine) -> bool:
        """Tell whether a line has not been seen before, and remember it."""
        known = self._instances.get(line.instance)
        if known is None:
            if line.timestamp <= self._begin:
                return False
            self._instances[line.instance] = _Instance(line.timestamp)
            return True
        if known.behind:
            if line.timestamp < known.time:
                return False
            if line.timestamp == known.time:
                known.again += 1
                if known.again <= known.count:
                    return False
            known.behind = False
        if line.timestamp > known.time:
            known.time, known.count = line.timestamp, 1
        elif line.timestamp == known.time:
            known.count += 1
        return True
