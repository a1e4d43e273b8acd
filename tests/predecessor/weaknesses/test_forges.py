"""What a forge's answers are evidence of."""

import pytest

from consumers.forges.asking import Answer, ForgeRefused, ForgeUnavailable
from consumers.forges.gitlab.answers import judged

JSON = "application/json"
PAGE = [
    (401, {"message": "401 Unauthorized"}, JSON),
    (403, {"message": "403 Forbidden"}, JSON),
    (429, {"message": "Retry later"}, JSON),
    (500, {"message": "500 Internal Server Error"}, JSON),
    (502, None, "text/html"),
    (302, None, "text/html"),
    (200, [{"id": 1}], "text/html"),
    (404, [{"id": 1}], "text/html"),
]


@pytest.mark.weakness(8)
@pytest.mark.parametrize(("status", "body", "kind"), PAGE)
def test_an_error_says_nothing_of_a_project(status: int, body: object, kind: str) -> None:
    """It read a project without tags out of any page, and removed functions; ours asks again."""
    with pytest.raises((ForgeRefused, ForgeUnavailable)):
        judged(Answer(status, body, {}), kind, "GET /projects/7")


@pytest.mark.weakness(8)
@pytest.mark.parametrize("status", [200, 404])
def test_gitlab_s_own_word_counts(status: int) -> None:
    """That it is there, or is not: GitLab's own JSON says so, and nothing else."""
    assert judged(Answer(status, {}, {}), JSON, "GET /projects/7").status == status
