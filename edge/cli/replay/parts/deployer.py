"""Deployer: what it records about a function; whether the revision became ready is recorded."""

from dataclasses import dataclass

from consumers.deployer.consumer import Deployer
from consumers.deployer.platform import Revision, Running
from edge.cli.replay.decisions import NotRecorded
from edge.cli.replay.parts.part import Part, Scene
from schemas.errors import DeployFailed
from schemas.events.function import FunctionDeployed, FunctionDeployFailed


@dataclass(frozen=True, slots=True)
class RecordedPlatform:
    """Answers what the platform answered then."""

    scene: Scene
    every: float = 3600.0

    async def deploy(self, revision: Revision) -> Running:
        """Note the order, return the recorded outcome; NotRecorded where there is none."""
        self.scene.effects.append(f"deploy {revision.key}")
        match self.scene.recorded(FunctionDeployed, FunctionDeployFailed):
            case FunctionDeployed() as deployed:
                return Running(deployed.upstream, deployed.start_ms, deployed.upstreams)
            case FunctionDeployFailed(code=code, message=message):
                raise type("DeployFailed", (DeployFailed,), {"code": code})(message)
            case _:
                raise NotRecorded(f"whether {revision.key} would become ready")

    async def retire(self, key: str) -> None:
        """Note what would be ended."""
        self.scene.effects.append(f"retire {key}")

    async def running(self) -> frozenset[str]:
        """Tell nothing: what ran is not recorded."""
        raise NotRecorded("what the platform runs")


def deployer_part() -> Part:
    """Return the deployer, in front of the recorded outcomes."""
    return Part(
        Deployer,
        "what is deployed, in which order, over what; whether it became ready is the recorded "
        "answer",
        # one look for a claim: history stands still while it would wait for another
        lambda scene: Deployer(scene.log, scene.blobs, RecordedPlatform(scene), looks=(0.0,)),
    )
