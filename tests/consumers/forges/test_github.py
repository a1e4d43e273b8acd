"""GitHub's deliveries in our words."""

from urllib.parse import urlencode

import msgspec
import pytest

from consumers.forges.github.translate import translate
from consumers.forges.meaning import Ignored, Push, Statement
from schemas.envelope import Aggregate, Delivery
from schemas.errors import PayloadInvalid
from schemas.events.project import ProjectInstalled, ProjectRemoved
from schemas.events.tenant import TenantInstalled, TenantSuspended, TenantUninstalled
from schemas.repository import Repository
from tests.consumers.forges.samples import (
    GITHUB_KINDS,
    ZERO,
    A,
    B,
    delivery,
    github_installation,
    github_push,
    listed,
)

OCTO = Aggregate("github", "", "tenant", "octo")


def stated(sent: Delivery) -> tuple[Statement, ...]:
    """Return the statements a delivery means."""
    says = translate(sent).says
    assert isinstance(says, tuple)
    return says


@pytest.mark.conformance("sample-json")
def test_a_push() -> None:
    """The project is the immutable id; names, clone URL and installation come along."""
    meaning = translate(delivery("github", "push", github_push()))

    assert (meaning.kind, meaning.actor) == ("push", "ada")
    assert meaning.says == Push(
        of=Aggregate("github", "1296269", "branch", "main"),
        branch="main",
        before=A,
        after=B,
        repository=Repository(
            owner="Octo",
            name="Hello-World",
            default_branch="main",
            clone_url="https://github.com/Octo/Hello-World.git",
            private=True,
            installation="957387",
        ),
        pusher="ada",
    )


def test_no_person_s_name_or_address_gets_through() -> None:
    """Names and e-mails stay in the raw delivery."""
    meaning = translate(delivery("github", "push", github_push()))

    assert "Ada" not in str(meaning)
    assert "@example.com" not in str(meaning)


@pytest.mark.weakness(18)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ref": "refs/tags/v1"}, "a tag: v1; only branches are deployed"),
        ({"ref": "refs/pull/7/head"}, "not a branch: refs/pull/7/head"),
        ({"ref": "refs/heads/"}, "not a branch: refs/heads/"),
        ({"before": ZERO, "after": ZERO}, "main: no commit before and none after"),
    ],
)
def test_what_is_no_branch_is_ignored(changes: dict[str, str], reason: str) -> None:
    """Tags, other refs and moves from nothing to nothing say why they lead to nothing."""
    assert translate(delivery("github", "push", github_push(**changes))).says == Ignored(reason)


@pytest.mark.weakness(18)
def test_a_branch_s_name_may_have_slashes() -> None:
    """``feature/master`` is no ``master``."""
    says = translate(delivery("github", "push", github_push(ref="refs/heads/feature/master"))).says

    assert isinstance(says, Push)
    assert (says.branch, says.of.id) == ("feature/master", "feature/master")


@pytest.mark.weakness(13)
@pytest.mark.weakness(18)
@pytest.mark.parametrize("changes", [{"after": ZERO, "deleted": True}, {"deleted": True}])
def test_a_deletion(changes: dict[str, object]) -> None:
    """A deleted branch ends at no commit."""
    says = translate(delivery("github", "push", github_push(**changes))).says

    assert isinstance(says, Push)
    assert says.after == ZERO


def test_a_push_without_an_app() -> None:
    """A webhook of one repository has no installation."""
    body = github_push()
    del body["installation"]
    says = translate(delivery("github", "push", body)).says

    assert isinstance(says, Push)
    assert says.repository.installation == ""


def test_a_form() -> None:
    """GitHub's other content type carries the same JSON."""
    form = urlencode({"payload": msgspec.json.encode(github_push()).decode()}).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    wanted = translate(delivery("github", "push", github_push()))

    assert translate(delivery("github", "push", form, **kind)) == wanted
    with pytest.raises(PayloadInvalid, match="no field `payload`"):
        translate(delivery("github", "push", b"other=1", **kind))


def test_installed_and_uninstalled() -> None:
    """The tenant and each repository get a fact of their own."""
    body = github_installation("created", repositories=[listed(1), listed(2), listed(2)])
    assert translate(delivery("github", "installation", body)).says == (
        Statement(
            OCTO, TenantInstalled("957387", ("Octo/repo-1",) + ("Octo/repo-2",) * 2), (), "Octo"
        ),
        Statement(
            Aggregate("github", "1", "project", ""),
            ProjectInstalled("Octo", "repo-1", private=True, installation="957387"),
            ("1",),
            "Octo/repo-1",
        ),
        Statement(
            Aggregate("github", "2", "project", ""),
            ProjectInstalled("Octo", "repo-2", private=False, installation="957387"),
            ("2",),
            "Octo/repo-2",
        ),
    )
    body = github_installation("deleted", repositories=[listed(1)])
    tenant, project = stated(delivery("github", "installation", body))
    assert tenant.fact == TenantUninstalled("957387")
    assert isinstance(project.fact, ProjectRemoved)


@pytest.mark.parametrize(("action", "suspended"), [("suspend", True), ("unsuspend", False)])
def test_suspended(action: str, *, suspended: bool) -> None:
    """A suspension and its end are one fact with a field."""
    says = translate(delivery("github", "installation", github_installation(action))).says

    assert says == (Statement(OCTO, TenantSuspended(suspended=suspended), (), "Octo"),)


@pytest.mark.parametrize("action", ["new_permissions_accepted", "never_heard_of"])
def test_other_actions_of_an_installation(action: str) -> None:
    """They change nothing, by name."""
    says = translate(delivery("github", "installation", github_installation(action))).says

    assert says == Ignored(f"{action}: nothing changes here")


def test_repositories_added_and_removed() -> None:
    """Both lists count, whatever the action says."""
    body = github_installation(
        "added", repositories_added=[listed(1)], repositories_removed=[listed(2)]
    )
    added, removed = stated(delivery("github", "installation_repositories", body))

    assert (added.of.project, type(added.fact)) == ("1", ProjectInstalled)
    assert (removed.of.project, type(removed.fact)) == ("2", ProjectRemoved)
    nothing = github_installation("added", repositories_added=[], repositories_removed=[])
    assert translate(delivery("github", "installation_repositories", nothing)).says == Ignored(
        "added: no repository is named"
    )


@pytest.mark.conformance("github-event Handle")
@pytest.mark.parametrize("kind", [*GITHUB_KINDS, "ping", "", "never_heard_of"])
def test_every_other_kind_is_ignored(kind: str) -> None:
    """No kind but those that are used is even decoded; each says why nothing follows."""
    for body in (b'{"action": "created", "repository": null}', b"[]", b"", b"\xff"):
        meaning = translate(delivery("github", kind, body))

        assert meaning.kind == kind
        assert isinstance(meaning.says, Ignored)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ref": None}, r"\$\.ref"),
        ({"before": "abc"}, r"\$\.before"),
        ({"repository": {"id": 1}}, "`name`"),
        ({"repository": github_push()["repository"] | {"id": "1"}}, r"\$\.repository\.id"),
        (
            {"repository": github_push()["repository"] | {"clone_url": "https://u:p@h/x.git"}},
            r"\$\.repository\.clone_url",
        ),
        (
            {"repository": github_push()["repository"] | {"clone_url": "file:///etc/passwd"}},
            r"\$\.repository\.clone_url",
        ),
    ],
)
def test_a_payload_that_lacks_something_names_the_field(
    changes: dict[str, object], field: str
) -> None:
    """The error says which field is wrong, and what to do."""
    with pytest.raises(PayloadInvalid, match=field) as raised:
        translate(delivery("github", "push", github_push(**changes)))

    assert raised.value.hint


@pytest.mark.conformance("sample-json")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_told(body: bytes) -> None:
    """Broken bodies are an error of the family, whatever the parser makes of them."""
    with pytest.raises(PayloadInvalid):
        translate(delivery("github", "push", body))
