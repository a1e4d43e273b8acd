"""What a push means, for a branch whose history is known. Pure."""

from datetime import UTC, datetime
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.forges.meaning import Ignored, Push
from consumers.intake import branches
from consumers.intake.branches import KEPT, Branch
from consumers.intake.decide import decide
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.branch import BranchDeleted, BranchPushed, BranchPushOutdated
from schemas.ids import ZERO_SHA
from schemas.repository import Repository
from tests.consumers.planner.office import sha

MAIN = Aggregate("local", "alice/hello", "branch", "main")
HELLO = Repository("alice", "hello", "main")


def push(before: int, after: int) -> Push:
    """Return a push of main."""
    return Push(MAIN, "main", sha(before), sha(after), HELLO)


def after(branch: Branch | None, fact: Event) -> Branch:
    """Return the branch after a fact."""
    seq = branch.seq + 1 if branch else 1
    return branches.reduce(branch, Recorded(fact, MAIN, f"{seq}", seq, datetime.now(UTC)))


def told(*moves: tuple[int, int]) -> tuple[Branch, list[Event | Ignored]]:
    """Return the branch after these pushes arrived, and what each became."""
    facts: list[Event | Ignored] = []
    branch = Branch()
    for move in moves:
        fact = decide(branch, push(*move))
        facts.append(fact)
        if not isinstance(fact, Ignored):
            branch = after(branch, fact)
    return branch, facts


def test_a_chain_of_pushes_is_taken_at_its_word() -> None:
    """Pushes in their order continue one another."""
    branch, facts = told((0, 1), (1, 2), (2, 3))

    assert [fact.continues for fact in facts if isinstance(fact, BranchPushed)] == [True] * 3
    assert branch.head == sha(3)
    assert branch.left == (sha(1), sha(2))


def test_the_first_push_we_see_of_an_old_branch_asks_the_forge() -> None:
    """It may be older than our installation; the next one continues it."""
    _, facts = told((5, 6), (6, 7))

    assert [fact.continues for fact in facts if isinstance(fact, BranchPushed)] == [False, True]


def test_a_missing_push_is_asked_for_until_it_came() -> None:
    """While a move is missing every push asks the forge; when it came, late, none does."""
    _, facts = told((0, 1), (2, 3), (3, 4), (1, 2), (4, 5))

    assert [type(fact) for fact in facts] == [
        BranchPushed,
        BranchPushed,
        BranchPushed,
        BranchPushOutdated,
        BranchPushed,
    ]
    pushed = [fact.continues for fact in facts if isinstance(fact, BranchPushed)]
    assert pushed == [True, False, False, True]


def test_the_worst_order_takes_nothing_at_its_word() -> None:
    """The newest first, then the others from the start: no later push seems to continue."""
    _, facts = told((3, 4), (0, 1), (2, 3), (1, 2))

    assert not any(fact.continues for fact in facts if isinstance(fact, BranchPushed))


def test_a_commit_that_was_left_long_ago_asks_the_forge() -> None:
    """What the branch remembers is bounded; what it forgot it does not believe."""
    moves = [(n, n + 1) for n in range(KEPT + 5)]
    branch, _ = told(*moves)
    assert len(branch.left) == len(branch.seen) == KEPT

    fact = decide(branch, push(0, 1))

    assert isinstance(fact, BranchPushed)
    assert not fact.continues


def test_a_force_push_back_moves_the_branch() -> None:
    """A commit that the branch has left is no outdated push when it begins at the head."""
    branch, facts = told((0, 1), (1, 2), (2, 1))

    assert isinstance(facts[-1], BranchPushed)
    assert branch.head == sha(1)
    assert branch.left == (sha(2),)


def test_deletion() -> None:
    """Only a deletion of where the branch is, or of what we never saw, deletes it."""
    branch, _ = told((0, 1), (1, 2))

    assert isinstance(decide(branch, push(2, 0)), BranchDeleted)
    assert isinstance(decide(branch, push(9, 0)), BranchDeleted)
    late = decide(branch, push(1, 0))
    assert late == BranchPushOutdated("main", sha(1), ZERO_SHA, sha(2))
    gone = after(branch, BranchDeleted("main", sha(2)))
    assert gone.head == ""
    assert isinstance(decide(gone, push(2, 0)), Ignored)
    assert isinstance(decide(gone, push(1, 2)), BranchPushOutdated)
    again = decide(gone, push(0, 2))
    assert isinstance(again, BranchPushed)
    assert not again.continues


@st.composite
def arrivals(draw: st.DrawFn) -> list[int]:
    """Return commits 1 to n as their pushes arrive: in any order, each at least once."""
    commits = list(range(1, draw(st.integers(1, 9)) + 1))
    again = draw(st.lists(st.sampled_from(commits), max_size=5))
    return draw(st.permutations(commits + again))


@settings(max_examples=1500, deadline=None)
@given(arrivals())
def test_nothing_older_is_taken_at_its_word(order: list[int]) -> None:
    """Whatever the order, a push that continues is newer than all that were seen before it.

    And the last one accepted is the newest, or asks the forge.
    """
    branch, newest, last = Branch(), 0, None
    for commit in order:
        fact = decide(branch, push(commit - 1, commit))
        if isinstance(fact, BranchPushed):
            assert commit > newest or not fact.continues
            last = fact
        if not isinstance(fact, Ignored):
            branch = after(branch, fact)
        newest = max(newest, commit)

    assert last is not None
    assert last.after == sha(newest) or not last.continues


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_any_moves_keep_the_row_whole(moves: list[tuple[int, int]]) -> None:
    """A branch is never at a commit that it has left, and never gone while it has a head."""
    branch = reduce(told_one, (move for move in moves if move[0] != move[1]), Branch())

    assert branch.head not in branch.left
    assert ZERO_SHA not in branch.left
    assert len(set(branch.left)) == len(branch.left)


def told_one(branch: Branch, move: tuple[int, int]) -> Branch:
    """Return the branch after one more push arrived."""
    fact = decide(branch, push(*move))
    return branch if isinstance(fact, Ignored) else after(branch, fact)
