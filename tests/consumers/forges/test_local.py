"""The local forge's deliveries in our words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.forges.local.translate import translate
from consumers.forges.meaning import Push
from consumers.intake.consumer import TRANSLATORS, understand
from schemas.envelope import Aggregate
from schemas.errors import PayloadInvalid
from schemas.repository import Repository
from tests.consumers.forges.samples import ZERO, A, delivery, local_push


def test_a_push() -> None:
    """The project is owner/name: the local forge has no numbers."""
    meaning = translate(delivery("local", "", local_push()))

    assert meaning.says == Push(
        of=Aggregate("local", "alice/hello", "branch", "main"),
        branch="main",
        before=ZERO,
        after=A,
        repository=Repository("alice", "hello", "main"),
        pusher="alice",
    )


@pytest.mark.parametrize("change", [{"kind": "tag"}, {"branch": ""}, {"after": "main"}])
def test_what_edge_git_never_says(change: dict[str, str]) -> None:
    """Another shape is an error that names the field."""
    (field,) = change
    with pytest.raises(PayloadInvalid, match=field):
        translate(delivery("local", "", local_push(**change)))


@given(
    st.sampled_from([*TRANSLATORS, "bitbucket"]),
    st.sampled_from(["push", "Push Hook", "System Hook", "installation"]),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded"]),
    st.binary(max_size=200) | st.builds(lambda text: b"payload=" + text, st.binary(max_size=50)),
)
def test_no_body_gets_through_as_another_error(
    forge: str, kind: str, type: str, body: bytes
) -> None:
    """Whatever the bytes, intake understands them, if only as ignored."""
    understand(delivery(forge, kind, body, **{"content-type": type}))
