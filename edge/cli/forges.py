"""The forges' APIs, as the settings say whom we are to them."""

from contextlib import AsyncExitStack

from consumers.collector.evidence import Evidence
from consumers.forges.buttons import Buttons
from consumers.forges.clones import Clones
from consumers.forges.github.api import Api as GitHub
from consumers.forges.github.app import app_of
from consumers.forges.github.buttons import GitHubButtons
from consumers.forges.github.clones import GitHubClones
from consumers.forges.github.evidence import GitHubEvidence
from consumers.forges.github.translate import FORGE as AT_GITHUB
from consumers.forges.gitlab.api import Api as GitLab
from consumers.forges.gitlab.clones import GitLabClones
from consumers.forges.gitlab.installs import GitLabInstalls
from consumers.forges.gitlab.translate import FORGE
from consumers.forges.installs import Accounts, Installs
from edge.cli.forge_settings import AtForges
from schemas.errors import SettingInvalid


class ForgeApis:
    """The client of each forge that the settings give a name at; one for all who ask."""

    def __init__(self, settings: AtForges, closing: AsyncExitStack) -> None:
        """Make the clients; nothing is sent. SettingInvalid names what is missing."""
        self.github: GitHub | None = None
        self.gitlab: GitLab | None = None
        self.evidence: dict[str, Evidence] = {}  # by forge
        self.installs: dict[str, Installs] = {}
        self.accounts: dict[str, Accounts] = {}
        self.clones: dict[str, Clones] = {}
        self.buttons: dict[str, Buttons] = {}
        if settings.github_app_id and settings.github_app_key:
            app = app_of(settings.github_app_id, settings.github_app_key, settings.github_url)
            self.github = GitHub(app)
            closing.push_async_callback(self.github.close)
            self.evidence[AT_GITHUB] = GitHubEvidence(self.github)
            self.clones[AT_GITHUB] = GitHubClones(self.github)
            self.buttons[AT_GITHUB] = GitHubButtons(self.github)
        elif settings.github_app_id or settings.github_app_key:
            missing = "KEY" if settings.github_app_id else "ID"
            raise SettingInvalid(
                f"of the GitHub App one half is missing: set PUSHLINE_GITHUB_APP_{missing} too",
                hint="both are on GitHub's page of the App",
            )
        if settings.gitlab_token:
            self.gitlab = GitLab(settings.gitlab_url, settings.gitlab_token)
            closing.push_async_callback(self.gitlab.close)
            asked = GitLabInstalls(self.gitlab, settings.gitlab_installation_tag)
            self.evidence[FORGE] = asked
            self.accounts[FORGE] = asked
            self.clones[FORGE] = GitLabClones(settings.gitlab_url, settings.gitlab_token)
            if settings.gitlab_installation_tag:
                self.installs[FORGE] = asked
