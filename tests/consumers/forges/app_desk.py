"""A GitHub App's client at a played GitHub; the clock of both stands still unless it is turned."""

import random

from consumers.forges.github.api import Api, Pace
from consumers.forges.github.app import app_of
from tests.heavy.forges.github.played import Played
from tests.heavy.forges.github.state import pem

AT_ONCE = Pace(wait=0.0, gap=0.0, timeout=5.0)


class Desk:
    """The App on acme, with one private repository of two."""

    def __init__(self, github: Played, pace: Pace = AT_ONCE) -> None:
        self.now = 1_800_000_000.0
        self.github = github
        self.world = github.world
        self.world.clock = self.clock
        self.shop = self.world.repository("acme/shop")
        self.other = self.world.repository("acme/other")
        self.installed = self.world.install("acme", self.shop)
        self.installation = str(self.installed.id)
        app = app_of(str(self.world.app_id), pem(), github.url)
        self.api = Api(app, pace, clock=self.clock, jitter=random.Random(1))

    def clock(self) -> float:
        """Return the time, GitHub's and ours."""
        return self.now

    @property
    def minted(self) -> int:
        """Return how many tokens GitHub has given out."""
        return len(self.world.grants)
