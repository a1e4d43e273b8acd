"""Where forges show how commits and pull requests stand, as the settings say."""

from consumers.comments.forge import Comments
from consumers.comments.github import GitHubComments
from consumers.comments.gitlab import GitLabComments
from consumers.status.github import Checks, Statuses
from consumers.status.gitlab import Jobs
from consumers.status.report import Forge
from consumers.status.standing import Links
from edge.cli.forge_settings import AtForges
from edge.cli.forges import ForgeApis
from edge.cli.home import Endpoint


def links(at: Endpoint) -> Links:
    """Return where people see what they are told of."""
    return Links(at.function_url, at.base.replace("://", "://system."))


def showing(apis: ForgeApis, settings: AtForges) -> dict[str, Forge]:
    """Return each forge that can be told anything."""
    found: dict[str, Forge] = {}
    if apis.github is not None:
        checks = Checks(apis.github, settings.github_app_id)
        found["github"] = checks if settings.github_checks else Statuses(apis.github)
    if apis.gitlab is not None:
        found["gitlab"] = Jobs(apis.gitlab)
    return found


def commenting(apis: ForgeApis, settings: AtForges) -> dict[str, Comments]:
    """Return each forge whose pull requests can be written to."""
    found: dict[str, Comments] = {}
    if apis.github is not None:
        found["github"] = GitHubComments(apis.github, settings.github_app_id)
    if apis.gitlab is not None:
        found["gitlab"] = GitLabComments(apis.gitlab)
    return found
