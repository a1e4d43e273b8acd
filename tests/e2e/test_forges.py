"""Pushes to projects of GitHub and GitLab, both played, in bad weather."""

import os
from pathlib import Path

import pytest

from tests.heavy.forges.rush import Plan, rushed


@pytest.mark.timeout(240)
async def test_every_commit_ends_as_it_is_shown(tmp_path: Path) -> None:
    """Webhooks come late, twice and in the wrong order, requests fail before and after their work.

    Each project's newest commit is live, each commit is shown as the log knows it, in one check
    run for each context, and nothing was done twice or against the forges' documentation. The
    seed is printed, and PUSHLINE_SEED repeats it.
    """
    plan = Plan(projects=4, pushes=8, seed=int(os.environ.get("PUSHLINE_SEED", "1")))

    rush, wrong = await rushed(tmp_path, plan)

    assert wrong == []
    assert rush.facts["function.deployed"] >= len(rush.projects)
    assert rush.facts["status.reported"] >= 2 * len(rush.projects)
