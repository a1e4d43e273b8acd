"""Amazon's registry played on loopback: one call of its API, as its reference describes it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT, REGION = "123456789012", "eu-central-1"
ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TARGET: Final = "AmazonEC2ContainerRegistry_V20150921.CreateRepository"


@dataclass
class PlayedEcr:
    """What it was told, and how it fails."""

    url: str = ""
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: list[tuple[int, str]] = field(default_factory=list)  # of the next calls

    def answer(self, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and the answer of one call."""
        if self.failing:
            status, code = self.failing.pop(0)
            return status, {"__type": code, "message": "as a test wants it"}
        if not self._signed(headers, body):
            return 400, {"__type": "InvalidSignatureException"}
        assert headers["X-Amz-Target"] == TARGET
        asked = json.loads(body)
        if set(asked) - {"registryId", "repositoryName", "imageTagMutability"}:
            return 400, {"__type": "InvalidParameterException"}
        if asked["registryId"] != ACCOUNT:
            return 400, {"__type": "AccessDeniedException"}
        name = asked["repositoryName"]
        if name in self.repositories:
            return 400, {"__type": "RepositoryAlreadyExistsException", "message": name}
        self.repositories[name] = asked
        return 200, {"repository": {"repositoryName": name, "registryId": ACCOUNT}}

    def _signed(self, headers: Any, body: bytes) -> bool:
        """Tell whether the signature is that of our key, over this very request."""
        given = headers["Authorization"]
        signed = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        kept = {name: headers[name] for name in signed if name != "host"}
        request = AWSRequest("POST", self.url, data=body, headers=kept)
        request.context["timestamp"] = headers["X-Amz-Date"]
        signer = SigV4Auth(Credentials(ACCESS, SECRET), "ecr", REGION)
        canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        return bool(given.endswith(f"Signature={expected}"))


@contextmanager
def played_ecr() -> Iterator[PlayedEcr]:
    """Yield one that runs."""
    played = PlayedEcr()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = played.answer(self.headers, body)
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield played
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
