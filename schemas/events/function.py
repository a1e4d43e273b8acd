"""Facts about a function in one environment; its id is ``<environment>/<name>``."""

from schemas.events import Event
from schemas.ids import Digest, Sha
from schemas.route import RouteOptions
from schemas.schedule import Schedule


class FunctionClaimed(Event, frozen=True, tag="function.claimed/1"):
    """A name of the tenant belongs to this project from now on. Written by planner."""

    label: str
    function: str


class FunctionDeployStarted(Event, frozen=True, tag="function.deploy-started/1"):
    """A revision is being started. Written by deployer."""

    run: str
    generation: int
    revision: str
    image: Digest


class FunctionDeployed(Event, frozen=True, tag="function.deployed/1"):
    """A revision was seen ready; callers get it from here on. Written by deployer, read by routes.

    An older generation never overwrites a newer one.
    """

    run: str
    generation: int
    revision: str
    image: Digest
    spec: Digest
    sha: Sha
    label: str
    environment: str
    function: str
    # unix:<socket's file name> under the run folder, host:port, or http(s)://host[:port]/path,
    # where the path takes the place of the function's name
    upstream: str
    start_ms: int = 0  # of the time it took, from process start to ready
    previous: str = ""  # the revision it replaces
    reference: str = ""  # what to pull, HOST/PATH@sha256:…; "" for a bundle
    upstreams: tuple[str, ...] = ()  # more replicas, beside ``upstream``
    route: RouteOptions = RouteOptions()  # what its stack asks of the router
    schedule: Schedule = Schedule()  # when it is called without anybody asking


class FunctionDeployFailed(Event, frozen=True, tag="function.deploy-failed/1"):
    """A revision did not become ready; what ran before still runs. Written by deployer."""

    run: str
    generation: int
    revision: str
    code: str
    message: str


class FunctionRollbackRequested(Event, frozen=True, tag="function.rollback-requested/1"):
    """An older revision is to be live again. Written by edge, read by planner."""

    revision: str
    deployed: int  # sequence of the function.deployed that tells of it
    reason: str = ""


class FunctionRemoved(Event, frozen=True, tag="function.removed/1"):
    """A function is gone, its name is free. Written by collector."""

    label: str
    environment: str
    function: str
    reason: str = ""
