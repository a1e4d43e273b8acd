"""secrets.yml: SealedSecrets of a repository, which only the cluster they are sealed for opens.

Read strictly: what would be passed over, or would reach beyond the tenant, is an error with its
line. All documents of the file are read; each is one SealedSecret, as kubeseal writes it.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.errors import GiveUp, Retry
from schemas.events.run import Problem
from schemas.secrets import SecretInvalid, bound_name, bound_prefix
from schemas.stack_fields import FieldReader
from schemas.stack_spec import StackInvalid
from schemas.stack_yaml import Node, Row, Scalar, Table, YamlInvalid, documents

FILE: Final = "secrets.yml"
VERSION: Final = "bitnami.com/v1alpha1"
KIND: Final = "SealedSecret"
TYPE: Final = "Opaque"
MOST: Final = 100  # documents of one file
LONGEST: Final = 256 * 1024  # characters of one sealed value
SCOPES: Final = (  # annotations that say what a value is sealed for, if not for its very name
    "sealedsecrets.bitnami.com/namespace-wide",
    "sealedsecrets.bitnami.com/cluster-wide",
)
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_LEAST: Final = 2 + 256 + 16  # bytes: the length of the session key, the key by RSA-2048, a tag


class ClusterUnavailable(Retry):
    """The cluster, or the controller that opens SealedSecrets, does not answer."""

    code = "cluster_unavailable"


class SealedRefused(GiveUp):
    """A SealedSecret that the cluster does not take; the message says why, the hint what helps."""

    code = "sealed_secret_refused"


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """One document; what is in it is for anybody to see, and for the cluster to open."""

    name: str  # in the cluster: <label>-<name>
    values: dict[str, str]  # key → base64, sealed
    annotations: dict[str, str] = {}
    line: int = 0


def parse(body: bytes, *, label: str, namespace: str) -> tuple[SealedSecret, ...]:
    """Return a tenant's secrets for a namespace; raises StackInvalid with every error."""
    reader = _Reader(FILE)
    try:
        found = documents(body)
    except YamlInvalid as error:
        raise StackInvalid((Problem(error.message, error.hint, FILE, error.line),)) from error
    rows = [(line, node) for line, node in found if not _nothing(node)]
    if not rows:
        reader.error(0, "", "there is no SealedSecret in it", "remove the file, or fill it")
    if len(rows) > MOST:
        reader.error(rows[MOST][0], "", f"more than {MOST} documents", "bind fewer secrets")
    read = [reader.sealed(node, line, label, namespace) for line, node in rows[:MOST]]
    reader.twice(read)
    reader.give_up_on_errors()
    return tuple(read)


def _nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.null


class _Reader(FieldReader):
    """Reads one file; whatever is not understood is an error, for it would be lost."""

    def only(self, node: Node, field: str, known: Iterable[str]) -> dict[str, Row]:
        """Return the entries of a mapping that has no others than these."""
        known = tuple(known)
        table = self.table(node, field)
        for key, row in table.rows.items():
            if key not in known:
                place = f"{field}.{key}" if field else key
                cure = f"here only: {', '.join(known)}"
                self.error(row.line, place, "is not taken over from the repository", cure)
        return {key: row for key, row in table.rows.items() if key in known}

    def sealed(self, node: Node, line: int, label: str, namespace: str) -> SealedSecret:
        """Return one document, as far as it can be read."""
        if isinstance(node, Table):
            line = node.line
        rows = self.only(node, "", ("apiVersion", "kind", "metadata", "spec", "status"))
        self.constant(rows.get("apiVersion"), "apiVersion", VERSION, line)
        self.constant(rows.get("kind"), "kind", KIND, line)
        name, annotations = self.metadata(rows.get("metadata"), line, label, namespace)
        values = self.spec(rows.get("spec"), line, name, namespace)
        return SealedSecret(name=name, values=values, annotations=annotations, line=line)

    def constant(self, row: Row | None, field: str, wanted: str, line: int) -> None:
        """Note a field that does not say what it has to."""
        said = self.text(row.value, field) if row else ""
        if said != wanted:
            at = row.line if row else line
            message = f"is {said!r}" if said else "is missing"
            self.error(at, field, message, f"write {field}: {wanted}, as kubeseal does")

    def metadata(
        self, row: Row | None, line: int, label: str, namespace: str
    ) -> tuple[str, dict[str, str]]:
        """Return name and scope; both have to be this tenant's and this platform's."""
        node: Node = row.value if row else Table({}, line)
        known = ("name", "namespace", "annotations", "creationTimestamp")
        rows = self.only(node, "metadata", known)
        said = self.text(rows["name"].value, "metadata.name") if "name" in rows else ""
        at = rows["name"].line if "name" in rows else row.line if row else line
        self.name(said, at, label)
        self.namespace(rows.get("namespace"), "metadata.namespace", namespace)
        annotations = {}
        if "annotations" in rows:
            scopes = self.only(rows["annotations"].value, "metadata.annotations", SCOPES)
            annotations = {
                key: self.text(one.value, f"metadata.annotations.{key}")
                for key, one in scopes.items()
            }
        return said, annotations

    def name(self, said: str, line: int, label: str) -> None:
        """Check that a name is one of this tenant's, and of nobody else's."""
        prefix = bound_prefix(label)
        field = "metadata.name"
        if not said.startswith(prefix):
            message = f"{said!r} does not begin with {prefix}" if said else "is missing"
            self.error(line, field, message, f"seal it again with --name {prefix}NAME")
            return
        try:
            bound_name(label, said.removeprefix(prefix))
        except SecretInvalid as error:
            self.error(line, field, error.message, error.hint)

    def namespace(self, row: Row | None, field: str, wanted: str) -> None:
        """Check a namespace where one is said: a value sealed for another one never opens."""
        said = self.text(row.value, field) if row else ""
        if row and said and said != wanted:
            message = f"functions run in {wanted}, not in {said}"
            self.error(row.line, field, message, f"seal it again with --namespace {wanted}")

    def spec(self, row: Row | None, line: int, name: str, namespace: str) -> dict[str, str]:
        """Return the sealed values by key."""
        node: Node = row.value if row else Table({}, line)
        rows = self.only(node, "spec", ("encryptedData", "template"))
        if "template" in rows:
            self.template(rows["template"].value, name, namespace)
        data = rows.get("encryptedData")
        table = self.table(data.value, "spec.encryptedData") if data else Table({}, line)
        if not table.rows:
            at = data.line if data else line
            self.error(at, "spec.encryptedData", "there is no value", "seal one: kubeseal")
        values = {}
        for key, one in table.rows.items():
            field = f"spec.encryptedData.{key}"
            values[key] = self.text(one.value, field)
            self.box(key, values[key], one.line, field)
        return values

    def box(self, key: str, text: str, line: int, field: str) -> None:
        """Check what a sealed value looks like from outside."""
        if not _KEY.fullmatch(key):
            cure = "letters, digits, dots, dashes and underscores"
            self.error(line, field, "cannot be a file's name", cure)
        try:
            size = len(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size < _LEAST:
            self.error(line, field, "is no sealed value", "write what kubeseal printed")
        elif len(text) > LONGEST:
            self.error(line, field, f"over {LONGEST // 1024} KiB", "secrets are short texts")

    def template(self, node: Node, name: str, namespace: str) -> None:
        """Check that a template asks for a plain secret; other types mean something to clusters."""
        field = "spec.template"
        rows = self.only(node, field, ("metadata", "type", "data"))
        if "data" in rows and not _nothing(rows["data"].value):
            cure = "put every value into encryptedData"
            self.error(rows["data"].line, f"{field}.data", "is readable by anybody", cure)
        if "metadata" in rows:
            known = ("name", "namespace", "creationTimestamp", "annotations")
            inner = self.only(rows["metadata"].value, f"{field}.metadata", known)
            self.namespace(inner.get("namespace"), f"{field}.metadata.namespace", namespace)
            if "annotations" in inner:
                self.only(inner["annotations"].value, f"{field}.metadata.annotations", SCOPES)
            if "name" in inner:
                self.same(inner["name"], f"{field}.metadata.name", name)
        if "type" in rows and self.text(rows["type"].value, f"{field}.type") not in ("", TYPE):
            self.error(rows["type"].line, f"{field}.type", f"is not {TYPE}", f"write {TYPE}")

    def same(self, row: Row, field: str, name: str) -> None:
        """Check that a template is of the very secret."""
        if self.text(row.value, field) != name:
            self.error(row.line, field, f"is not {name}", "write the same name twice")

    def twice(self, found: list[SealedSecret]) -> None:
        """Note names that two documents have."""
        first: dict[str, int] = {}
        for one in found:
            if one.name and one.name in first:
                message = f"{one.name} stands twice, first in line {first[one.name]}"
                self.error(one.line, "metadata.name", message, "put all keys into one document")
            first.setdefault(one.name, one.line)
