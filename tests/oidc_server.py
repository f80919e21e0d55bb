"""A small OpenID provider on loopback: enough of it to be believed, and to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


@dataclass
class OidcServer:
    """Vouches for `subject` to whoever sends the code it gave them."""

    issuer: str = ""
    subject: str = "sub-of-camille"
    claims: dict[str, Any] = field(default_factory=dict)
    """What the ID token says instead of the truth."""
    algorithm: str = "RS256"
    elsewhere: str = ""
    """Where the token endpoint is said to be, instead of here."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    asked: dict[str, str] = field(default_factory=dict)
    """Of the last authorisation request, by name."""

    def authorise(self, address: str) -> str:
        """Return the code that a person gets who logs in at *address*."""
        self.asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
        return "the-code"

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": self.elsewhere or f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if path == "/token":
            return self._token(form)
        return 404, {}

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if form.get("code") != "the-code" or challenge != self.asked.get("code_challenge"):
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.asked["client_id"],
            "nonce": self.asked["nonce"],
            "exp": int(time.time()) + 300,
        }
        key = self.key if self.algorithm == "RS256" else OctKey.import_key("x" * 32)
        header = {"alg": self.algorithm, "kid": "one"}
        token = jwt.encode(header, {**claims, **self.claims}, key, algorithms=[self.algorithm])
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": token}


@contextmanager
def oidc_server() -> Iterator[OidcServer]:
    """Serve a provider until the block ends."""
    made = OidcServer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer({k: v[0] for k, v in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, found = made.answer(self.path, form)
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
