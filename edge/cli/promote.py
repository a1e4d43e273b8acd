"""`pushline promote`: what a preview runs becomes production, without being built again."""

import sys
from typing import Annotated

from cyclopts import Parameter

from edge.api.asked import RunAsked
from edge.cli.client import Api
from edge.cli.output import as_json
from edge.cli.releasing import ended
from edge.cli.where import HERE, At, JsonOption, target


def promote(
    environment: str,
    *,
    project: Annotated[str, Parameter(alias="-p", help="owner/name.")],
    reason: str = "",
    json: JsonOption = False,
    at: At = HERE,
) -> int:
    """Deploy the very artefacts of a preview to production; wait until they are live.

    Parameters
    ----------
    environment
        The preview: branch-<slug> or pr-<n>.
    reason
        Why, for those who read it later.
    """
    api = Api(target(at))
    body = {"project": project, "environment": environment, "reason": reason}
    asked = api.send("POST", "/api/promotions", RunAsked, body)
    if json:
        as_json([asked])
        return 0
    sys.stdout.write(f"{environment} of {project} goes to production as run {asked.run}\n")
    return ended(api, asked)
