"""Which hosts of the operator's own are protected, and who gets in: the whole table."""

import pytest

from edge.auth.people import PLATFORM, Caller
from edge.auth.policy import Verdict
from edge.auth.protected import parse
from schemas.errors import SettingInvalid
from schemas.people import Membership
from tests.edge.auth.entering import person

HOSTS = "a.example=signed-in, B.example = operators,c.example=local/acme,d.example=local/Acme:owner"
RULES = parse(HOSTS)
WHO: dict[str, Caller | None] = {
    "nobody": None,
    "stranger": person("eve", "owner", "others"),
    "viewer": person("vera", "viewer", "acme"),
    "owner": person("olga", "owner", "acme"),
    "token": person("vera", "owner", "acme", "read", "invoke"),
    "operator": PLATFORM,
}
LETS_IN = {
    "a.example": {"stranger", "viewer", "owner", "operator"},
    "b.example": {"operator"},
    "c.example": {"viewer", "owner", "operator"},
    "d.example": {"owner", "operator"},
}


@pytest.mark.parametrize("host", RULES)
@pytest.mark.parametrize("who", WHO)
def test_who_gets_in(host: str, who: str) -> None:
    """Each host lets in whom its rule names, and tells nobody from somebody."""
    verdict = RULES[host].verdict(WHO[who])

    if who in LETS_IN[host]:
        assert verdict is Verdict.YES
    else:
        assert verdict is (Verdict.SIGN_IN if who == "nobody" else Verdict.FORBIDDEN)


@pytest.mark.parametrize(
    "part",
    [
        "a.example",
        "a.example=everybody",
        "=operators",
        "a.example/x=operators",
        "a.example=svn/acme",
        "a.example=github/acme:boss",
        "a.example=operators,A.example=signed-in",
    ],
)
def test_what_is_no_rule_names_itself(part: str) -> None:
    """A host without a rule, an unknown rule, and a host named twice start nothing."""
    with pytest.raises(SettingInvalid, match="PUSHLINE_PROTECTED_HOSTS"):
        parse(part)


def test_nothing_set_protects_nothing() -> None:
    """Without the setting there is no host that anybody gets into."""
    assert parse(" ") == {}


def test_a_tenant_may_have_slashes() -> None:
    """GitLab's groups lie within each other."""
    deep = parse("a.example=gitlab/group/team")["a.example"]
    member = Caller(
        kind="person",
        user="gitlab:1",
        login="gitlab:ann",
        memberships=(Membership("gitlab", "group/team", "viewer"),),
    )

    assert deep.verdict(member) is Verdict.YES
