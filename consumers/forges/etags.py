"""Answers kept by their entity tags, so that a forge need not tell the same twice."""

from collections import OrderedDict
from typing import Final

from consumers.forges.asking import Answer

MOST: Final = 2000  # answers


class Etags:
    """The newest answers by their URL; the one that was asked for longest ago goes first."""

    def __init__(self, most: int = MOST) -> None:
        """Keep up to ``most``."""
        self._most = most
        self._kept: OrderedDict[str, tuple[str, Answer]] = OrderedDict()

    def of(self, url: str) -> str:
        """Return the tag to ask with, "" for none."""
        return self._kept[url][0] if url in self._kept else ""

    def settled(self, url: str, answer: Answer) -> Answer:
        """Return what an answer means: of a 304, the one that is kept."""
        if answer.status == 304 and url in self._kept:
            self._kept.move_to_end(url)
            return self._kept[url][1]
        if answer.status == 200 and (tag := answer.headers.get("etag", "")):
            self._kept[url] = tag, answer
            self._kept.move_to_end(url)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.pop(url, None)
        return answer
