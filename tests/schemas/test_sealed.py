"""secrets.yml: what kubeseal writes is read, all else is told with line and cure."""

import base64

import pytest

from schemas.sealed import MOST, SealedSecret, parse
from schemas.stack_spec import StackInvalid

BOX = base64.b64encode(b"x" * 600).decode()
KUBESEAL = f"""---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  creationTimestamp: null
  name: alice-api
  namespace: openfaas-fn
spec:
  encryptedData:
    api-key: {BOX}
    other.pem: {BOX}
  template:
    data: null
    metadata:
      creationTimestamp: null
      name: alice-api
      namespace: openfaas-fn
    type: Opaque
"""


def read(text: str, label: str = "alice") -> tuple[SealedSecret, ...]:
    """Read as for a tenant."""
    return parse(text.encode(), label=label, namespace="openfaas-fn")


def errors(text: str, label: str = "alice") -> list[str]:
    """Return what is wrong, as people are told."""
    with pytest.raises(StackInvalid) as invalid:
        read(text, label)
    return [str(problem) for problem in invalid.value.problems]


def test_what_kubeseal_writes_is_read() -> None:
    """One document or several, with the values as they stand."""
    second = KUBESEAL.replace("alice-api", "alice-db")
    one, other = read(KUBESEAL + second)

    assert one == SealedSecret(name="alice-api", values={"api-key": BOX, "other.pem": BOX}, line=2)
    assert (other.name, other.line) == ("alice-db", 20)
    assert one.annotations == {}


def test_a_scope_is_kept() -> None:
    """A value that is sealed for the whole namespace says so, or it does not open."""
    scope = "sealedsecrets.bitnami.com/namespace-wide"
    said = f'  annotations: {{{scope}: "true"}}\n  name: alice-api'
    wide = KUBESEAL.replace("  name: alice-api", said, 1)

    assert read(wide)[0].annotations == {scope: "true"}


NAME, META, TEMPLATE = "metadata.name", "metadata", "spec.template"
WRONG = [
    ("  name: alice-api", "  name: aliceapi", f":6: {NAME}: 'aliceapi' does not begin with alice-"),
    ("  name: alice-api", "  name: bob-api", f"{NAME}: 'bob-api' does not begin with alice-"),
    ("  name: alice-api\n", "", f"{NAME}: is missing"),
    ("  name: alice-api", "  name: alice-b--c", f"{NAME}: 'b--c' cannot be a secret's name"),
    (
        "fn\nspec",
        "x\nspec",
        f":7: {META}.namespace: functions run in openfaas-fn, not in openfaas-x",
    ),
    ("v1alpha1", "v1", ":2: apiVersion: is 'bitnami.com/v1'"),
    ("kind: SealedSecret", "kind: Secret", ":3: kind: is 'Secret'"),
    ("kind: SealedSecret", "kind: SealedSecret\nimmutable: true", "immutable: is not taken over"),
    ("  creationTimestamp: null\n", "  finalizers: [x]\n", f"{META}.finalizers: is not taken over"),
    ("data: null", "data: {password: plain}", f"{TEMPLATE}.data: is readable by anybody"),
    ("Opaque", "kubernetes.io/service-account-token", f"{TEMPLATE}.type: is not Opaque"),
    (
        "      creationTimestamp: null",
        "      labels: {a: b}",
        f"{TEMPLATE}.metadata.labels: is not",
    ),
    ("      name: alice-api", "      name: bob-api", f"{TEMPLATE}.metadata.name: is not alice-api"),
    (
        f"other.pem: {BOX}",
        "other.pem: aGk=",
        ":11: spec.encryptedData.other.pem: is no sealed value",
    ),
    (f"other.pem: {BOX}", f"../x: {BOX}", "spec.encryptedData.../x: cannot be a file's name"),
    ("  encryptedData:", "  encrypted:", "spec.encryptedData: there is no value"),
    (f"other.pem: {BOX}", f"api-key: {BOX}", "stands twice, first in line 10"),
]


@pytest.mark.weakness(6)
@pytest.mark.parametrize(("was", "becomes", "said"), WRONG)
def test_anything_else_is_an_error_with_its_line(was: str, becomes: str, said: str) -> None:
    """What would be lost, what reaches beyond the tenant, what never opens."""
    assert was in KUBESEAL
    found = errors(KUBESEAL.replace(was, becomes, 1))

    assert any(said in line for line in found), found


def test_no_value_is_quoted() -> None:
    """A plain value that somebody put there by mistake is not repeated to all who read the run."""
    found = errors(KUBESEAL.replace(f"other.pem: {BOX}", "other.pem: hunter2-the-password"))

    assert len(found) == 1
    assert "hunter2" not in found[0]


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "- a list\n", "a: [", "x: *y\n"])
def test_a_file_without_a_secret_is_told(text: str) -> None:
    """An empty one too: whoever wants none removes the file."""
    assert errors(text)


def test_names_and_numbers_are_limited() -> None:
    """Two documents of one name would be merged by nobody; a hundred are enough."""
    twice = errors(KUBESEAL + KUBESEAL)
    many = errors("".join(KUBESEAL.replace("alice-api", f"alice-n{n}") for n in range(MOST + 1)))

    [said] = twice
    assert said.startswith("secrets.yml:20: metadata.name: alice-api stands twice, first in line 2")
    assert "more than 100 documents" in many[0]


@pytest.mark.weakness(7)
def test_a_label_with_a_dash_has_two() -> None:
    """Else the tenant a-b would bind what is b-c of the tenant a."""
    assert errors(KUBESEAL.replace("alice-api", "a-b-c"), label="a-b")
    assert read(KUBESEAL.replace("alice-api", "a-b--c"), label="a-b")[0].name == "a-b--c"
