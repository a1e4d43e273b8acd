"""A cluster for tests: the Kubernetes API of SealedSecrets, and the controller that opens them.

It refuses whatever the real one refuses, by its documentation, and keeps what no correct client
does in ``faults``: tests assert that there are none. A value is sealed by ``seal``.
"""

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.heavy.cluster.applying import Conflict, Object

NAMESPACE = "openfaas-fn"
PATH = f"/apis/bitnami.com/v1alpha1/namespaces/{NAMESPACE}/sealedsecrets"
GROUP = "/apis/bitnami.com/v1alpha1"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MANAGER = re.compile(r"[ -~]{1,128}")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
SEALED = b"sealed for this cluster: "


def seal(value: str) -> str:
    """Return a value as a SealedSecret has it; as large as a real one, opened here alone."""
    return base64.b64encode((SEALED + value.encode()).ljust(600)).decode()


class Cluster:
    """What there is; ``slow``: looks that a controller takes, ``down``: a status for all calls."""

    def __init__(self) -> None:
        self.token = "token-of-a-pod"
        self.objects: dict[str, Object] = {}
        self.secrets: dict[str, dict[str, str]] = {}  # opened, by name
        self.unowned: set[str] = set()  # names of secrets that its controller did not make
        self.listed: set[str] = set()  # those that an OpenFaaS gateway would list
        self.faults: list[str] = []
        self.calls: list[str] = []
        self.slow = 0
        self.down = 0
        self.installed = True
        self.verbs = {"get", "list", "create", "patch", "delete"}  # that our service account may
        self.url = ""
        self.mounted: Callable[[str, dict[str, str]], None] = lambda *_: None  # told what is opened

    def apply_by_hand(self, name: str, **values: str) -> None:
        """Make an object as somebody with kubectl does."""
        intent = {"spec": {"encryptedData": {key: seal(value) for key, value in values.items()}}}
        self.objects.setdefault(name, Object()).apply("kubectl", intent)
        self._open(name)

    def _open(self, name: str) -> None:
        """Do what the controller does with a changed object."""
        held = self.objects[name]
        values = held.under("spec", "encryptedData")
        opened = {key: base64.b64decode(text) for key, text in values.items()}
        wrong = sorted(key for key, body in opened.items() if not body.startswith(SEALED))
        condition = {"type": "Synced", "status": "True"}
        if not wrong and name in self.unowned:
            taken = f'Resource "{name}" already exists and is not managed by SealedSecret'
            condition = {"type": "Synced", "status": "False", "message": f"failed update: {taken}"}
        elif wrong:
            message = f"no key could decrypt secret ({', '.join(wrong)})"
            condition = {"type": "Synced", "status": "False", "message": message}
        else:
            self.secrets[name] = {
                key: body.removeprefix(SEALED).decode().strip() for key, body in opened.items()
            }
            self.mounted(name, self.secrets[name])
            labels = held.under("spec", "template", "metadata", "labels")
            if labels.get("app.kubernetes.io/managed-by") == "openfaas":
                self.listed.add(name)
        held.status = {"observedGeneration": held.generation, "conditions": [condition]}


class Server:
    """The HTTP side of a Cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Check who asks what, play what is wrong, answer."""
        cluster = self.cluster
        cluster.calls.append(f"{request.method} {request.path}")
        if cluster.down:
            return _status(cluster.down, "InternalError", "etcdserver: request timed out")
        if request.headers.get("Authorization") != f"Bearer {cluster.token}":
            return _status(401, "Unauthorized", "Unauthorized")
        if request.path in (REVIEWS, GROUP):  # anybody who is known may ask
            return await self.told(request)
        name = request.path.removeprefix(PATH).lstrip("/")
        if not self.may(request.method, name):
            said = 'sealedsecrets.bitnami.com is forbidden: User "system:serviceaccount:pushline"'
            return _status(403, "Forbidden", said)
        if not cluster.installed or not request.path.startswith(PATH):
            return _status(404, "NotFound", "the server could not find the requested resource")
        calls: dict[str, Callable[[web.Request, str], Awaitable[web.Response]]] = {
            "GET": self.get,
            "PATCH": self.patch,
            "DELETE": self.delete,
        }
        return await calls[request.method](request, name)

    def may(self, method: str, name: str) -> bool:
        """Tell whether our service account may do a call; an apply of something new creates it."""
        needs = {method.lower()} if name else {"list"}
        if method == "PATCH" and name not in self.cluster.objects:
            needs.add("create")
        return needs <= self.cluster.verbs

    async def told(self, request: web.Request) -> web.Response:
        """Answer what there is, or what somebody may do: a SelfSubjectAccessReview."""
        if request.path == GROUP:
            if not self.cluster.installed:
                return _status(404, "NotFound", "the server could not find the requested resource")
            found = [{"name": name} for name in ("sealedsecrets", "sealedsecrets/status")]
            return web.json_response({"kind": "APIResourceList", "resources": found})
        body = await request.json()
        asked = body["spec"]["resourceAttributes"]
        if request.content_type != "application/json" or body["kind"] != "SelfSubjectAccessReview":
            return _status(400, "BadRequest", "this is no SelfSubjectAccessReview")
        of = (asked["group"], asked["resource"], asked["namespace"])
        here = of == ("bitnami.com", "sealedsecrets", NAMESPACE)
        allowed = here and asked["verb"] in self.cluster.verbs
        return web.json_response({**body, "status": {"allowed": allowed}}, status=201)

    async def get(self, request: web.Request, name: str) -> web.Response:
        """Answer one object, or the list of those that a selector selects."""
        cluster = self.cluster
        if not name:
            label, _, value = request.query["labelSelector"].partition("=")
            found = [
                self.shown(one)
                for one, held in sorted(cluster.objects.items())
                if held.under("metadata", "labels").get(label) == value
            ]
            return web.json_response({"kind": "SealedSecretList", "items": found})
        if name not in cluster.objects:
            return _status(404, "NotFound", f'sealedsecrets.bitnami.com "{name}" not found')
        held = cluster.objects[name]
        held.looks += 1
        if held.status.get("observedGeneration") != held.generation and held.looks > cluster.slow:
            cluster._open(name)  # noqa: SLF001 - its other half
        return web.json_response(self.shown(name))

    async def patch(self, request: web.Request, name: str) -> web.Response:
        """Apply by the server; refuse what is no apply, or takes what is another's."""
        cluster, query = self.cluster, request.query
        if request.content_type != "application/apply-patch+yaml":
            said = "the body of the request was in an unknown format"
            return _status(415, "UnsupportedMediaType", said)
        if not MANAGER.fullmatch(query.get("fieldManager", "")):
            return _status(400, "BadRequest", "fieldManager is required for apply patch")
        if query.get("force") == "true":
            cluster.faults.append("an apply by force takes what is another's")
        intent = json.loads(await request.read())
        if wrong := self.invalid(intent, name):
            return _status(422, "Invalid", f'SealedSecret "{name}" is invalid: {wrong}')
        is_new = name not in cluster.objects
        held = cluster.objects.get(name, Object())
        try:
            held.apply(query["fieldManager"], intent)
        except Conflict as error:
            return _status(409, "Conflict", f"Apply failed with 1 conflict: {error}")
        cluster.objects[name] = held
        return web.json_response(self.shown(name), status=201 if is_new else 200)

    def invalid(self, intent: dict[str, Any], name: str) -> str:
        """Return what an API server would not take."""
        meta = intent["metadata"]
        if intent["apiVersion"] != "bitnami.com/v1alpha1" or intent["kind"] != "SealedSecret":
            return "kind: Invalid value"
        if meta["name"] != name or meta["namespace"] != NAMESPACE or not NAME.fullmatch(name):
            return "metadata.name: Invalid value"
        if set(meta) - {"name", "namespace", "labels", "annotations"}:
            self.cluster.faults.append(f"metadata of an apply: {sorted(meta)}")
        for value in meta.get("labels", {}).values():
            if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value):
                return "metadata.labels: Invalid value"
        return ""

    async def delete(self, request: web.Request, name: str) -> web.Response:  # noqa: ARG002
        """Delete one, and the secret that it owns with it."""
        if self.cluster.objects.pop(name, None) is None:
            return _status(404, "NotFound", f'sealedsecrets.bitnami.com "{name}" not found')
        self.cluster.secrets.pop(name, None)
        return web.json_response({"kind": "Status", "status": "Success"})

    def shown(self, name: str) -> dict[str, Any]:
        """Return an object as the API shows it, as far as anybody reads it."""
        held = self.cluster.objects[name]
        labels = held.under("metadata", "labels")
        meta = {"name": name, "generation": held.generation, "labels": labels}
        uid = hashlib.sha256(name.encode()).hexdigest()[:32]
        return {"kind": "SealedSecret", "metadata": {**meta, "uid": uid}, "status": held.status}


def _status(code: int, reason: str, message: str) -> web.Response:
    """Return a refusal, a Status object as all of Kubernetes has it."""
    body = {"kind": "Status", "status": "Failure", "code": code}
    return web.json_response({**body, "reason": reason, "message": message}, status=code)


async def served(cluster: Cluster, tls: ssl.SSLContext | None = None) -> web.AppRunner:
    """Serve a cluster on loopback; whoever asked cleans the runner up."""
    app = web.Application(client_max_size=4 << 20)
    app.router.add_route("*", "/{path:.*}", Server(cluster).handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    cluster.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    return runner
