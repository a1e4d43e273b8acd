"""What accounts use and what they may have, on plain facts."""

from datetime import UTC, datetime

from schemas import allowed, using
from schemas.allowed import Said, quota_of
from schemas.envelope import Aggregate, Recorded
from schemas.events import Event
from schemas.events.function import FunctionDeployed, FunctionDeployFailed, FunctionRemoved
from schemas.events.run import RunArchived, RunBuildFailed, RunBuilt, RunFinished, RunQueued
from schemas.events.tenant import TenantQuotaSet
from schemas.ids import Digest, digest_of
from schemas.quotas import Quota, over, used
from schemas.repository import Repository
from schemas.using import Need, Using

AT = datetime(2026, 1, 31, tzinfo=UTC)
ALICE = "local alice"


class Story:
    """Projects of alice, told fact by fact."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rows: dict[str, Using] = {}
        self._seq = 0

    def tell(self, fact: Event, kind: str, id: str) -> None:
        """Add one fact."""
        self._seq += 1
        of = Aggregate("local", "alice/shop", kind, id)
        event = Recorded(fact=fact, of=of, id=str(self._seq), seq=self._seq, time=AT)
        key = using.key(event)
        assert key is not None
        row = using.reduce(self.rows.get(key), event)
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row

    def queued(self, run: str, environment: str = "production") -> None:
        """Begin a run."""
        repository = Repository("alice", "shop", "main")
        fact = RunQueued(environment, 1, "main", "a" * 40, repository, "alice")
        self.tell(fact, "run", run)

    def archived(self, run: str, function: str, *, memory: int = 100, replicas: int = 1) -> None:
        """Take up a function of a run."""
        fact = RunArchived(
            function=function,
            archive=digest_of(b""),
            spec=spec(function, memory),
            language="exec",
            replicas=replicas,
            memory=memory,
        )
        self.tell(fact, "run", run)

    def deployed(
        self, run: str, function: str, *, memory: int = 100, environment: str = "production"
    ) -> None:
        """Have a function of a run live."""
        fact = FunctionDeployed(
            run=run,
            generation=1,
            revision="r",
            image=digest_of(b""),
            spec=spec(function, memory),
            sha="a" * 40,
            label="alice",
            environment=environment,
            function=function,
            upstream="unix:x",
        )
        self.tell(fact, "function", f"{environment}/{function}")

    def live(self, run: str, *functions: str, environment: str = "production") -> None:
        """Have a run go live whole."""
        self.queued(run, environment)
        for function in functions:
            self.archived(run, function)
            self.deployed(run, function, environment=environment)
        self.tell(RunFinished("live"), "run", run)

    @property
    def used(self) -> Need:
        """Return what alice uses."""
        return used(self.rows.values(), ALICE)


def spec(function: str, memory: int) -> Digest:
    """Return the address of a spec."""
    return digest_of(f"{function} {memory}".encode())


def test_every_environment_counts() -> None:
    """Functions of production and of previews are used together; those of others are not."""
    story = Story()
    story.live("1", "a", "b")
    story.live("2", "a", environment="branch-dev")

    assert story.used == Need(3, 3, 300)
    assert used(story.rows.values(), "local bob") == Need()


def test_a_run_counts_from_when_it_is_taken_up() -> None:
    """What is about to run counts; a run that ends without it takes nothing."""
    story = Story()
    story.queued("1")
    story.archived("1", "a", memory=500, replicas=5)
    assert story.used == Need(1, 5, 500)

    story.tell(RunBuildFailed("a", "build_failed", "no"), "run", "1")
    assert story.used == Need()
    story.tell(RunFinished("failed"), "run", "1")
    assert story.rows == {}


def test_a_replacement_counts_once_and_as_the_larger() -> None:
    """While one revision takes another's place the larger counts, after that the new one."""
    story = Story()
    story.live("1", "a")
    story.queued("2")
    story.archived("2", "a", memory=40)
    assert story.used == Need(1, 1, 100)

    story.deployed("2", "a", memory=40)
    story.tell(RunFinished("live"), "run", "2")
    assert story.used == Need(1, 1, 40)


def test_a_failed_deployment_leaves_what_ran() -> None:
    """What ran before still runs, and counts."""
    story = Story()
    story.live("1", "a")
    story.queued("2")
    story.archived("2", "a", memory=900)
    failed = FunctionDeployFailed("2", 2, "r2", "deploy_failed", "no")
    story.tell(failed, "function", "production/a")

    assert story.used == Need(1, 1, 100)


def test_removal_frees() -> None:
    """What the collector has removed is used no more; nothing is remembered of it."""
    story = Story()
    story.live("1", "a", "b")
    for name in "ab":
        fact = FunctionRemoved("alice", "production", name)
        story.tell(fact, "function", f"production/{name}")

    assert story.used == Need()
    assert story.rows == {}


def test_a_promotion_counts_as_what_it_promotes() -> None:
    """Recorded artefacts have no archive of their own: their spec's needs are known."""
    story = Story()
    story.live("1", "a", environment="branch-dev")
    story.queued("2")
    story.tell(RunBuilt("a", digest_of(b""), spec("a", 100)), "run", "2")

    assert story.used == Need(2, 2, 200)


def test_a_hundred_specs_are_enough_to_remember() -> None:
    """What old revisions needed is forgotten, what runs never."""
    story = Story()
    for number in range(300):
        story.queued(str(number))
        story.archived(str(number), "a", memory=number)
        story.deployed(str(number), "a", memory=number)
        story.tell(RunFinished("live"), "run", str(number))

    assert story.used == Need(1, 1, 299)
    assert len(story.rows["local alice/shop"].needs) <= 2 * using.SPECS


def asked(story: Story, quota: Quota, **needs: Need) -> list[str]:
    """Return what is wrong with a run of alice's other project."""
    found = over(
        quota,
        story.rows,
        project="local alice/other",
        whose=ALICE,
        environment="production",
        asked=needs,
    )
    return [str(problem) for problem in found]


def test_what_is_over_is_said_with_the_cure() -> None:
    """Each quota that a run would go beyond: by how much, what counts, and what to do."""
    story = Story()
    story.live("1", "a", "b")

    found = asked(story, Quota(functions=2, replicas=9, memory=250), new=Need(1, 4, 400))

    assert len(found) == 2
    assert found[0] == (
        "stack.yml: functions: the quota of functions is over by 1: local/alice may have 2 and "
        "would have 3; 2 in all environments of its projects, previews too, and 1 new (ask for "
        "less, or end previews with `pushline previews rm`, and push again; what left a stack "
        "counts until `pushline collect ls` shows it no more; an operator allows more with "
        "`pushline quotas set local/alice --functions 3`)"
    )
    assert "the quota of MiB of memory is over by 350: local/alice may have 250 and" in found[1]
    assert asked(story, Quota(functions=3), new=Need(1, 4, 400)) == []


def test_a_run_that_makes_nothing_worse_is_let_in() -> None:
    """Over a quota that was lowered one can still deploy anew what is there, or less."""
    story = Story()
    story.live("1", "a", "b")
    quota = Quota(functions=1, memory=50)

    assert not over(
        quota,
        story.rows,
        project="local alice/shop",
        whose=ALICE,
        environment="production",
        asked={"a": Need(1, 1, 100), "b": Need(1, 1, 10)},
    )


def test_what_was_said_of_an_account_goes_before_what_holds_for_all() -> None:
    """Only in what was said; and it can be taken back."""
    of = Aggregate("local", "", "tenant", "alice")
    said = TenantQuotaSet(functions=0, builds=1)
    event = Recorded(fact=said, of=of, id="1", seq=1, time=AT)
    back = Recorded(fact=TenantQuotaSet(), of=of, id="2", seq=2, time=AT)
    usual = Quota(functions=5, memory=100)

    assert allowed.key(event) == ALICE
    row = allowed.reduce(None, event)
    assert row == Said(said)
    assert quota_of({ALICE: row}, ALICE, usual) == Quota(functions=0, memory=100, builds=1)
    assert quota_of({ALICE: row}, "local bob", usual) == usual
    assert allowed.reduce(row, back) is None
