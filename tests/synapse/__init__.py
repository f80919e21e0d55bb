"""A real Synapse on this machine: one process, SQLite, no federation, gone when the tests are."""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import json
import secrets
import signal
import socket
import subprocess
import time
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-synapse" / "bin" / "python"
DOMAIN = "cafe.test"
PASSWORD = "correct horse"  # noqa: S105 - of accounts that live for a test
FAST = {"per_second": 10_000, "burst_count": 10_000}
SET_PDEATHSIG = 1
_HTTP = build_opener(ProxyHandler({}))


@dataclass
class Synapse:
    """One homeserver in *folder*. It can be stopped and started again on the same port."""

    folder: Path
    default_limits: bool = False
    port: int = 0
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and return once it answers."""
        if not PYTHON.exists():
            raise RuntimeError("Synapse is not installed: run `make .venv-synapse/.ready`.")
        self.port = self.port or _free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "homeserver.json").write_text(json.dumps(self._config()))
        (self.folder / "log.json").write_text(json.dumps(_LOG))
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [PYTHON, "-m", "synapse.app.homeserver", "-c", "homeserver.json"],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                # A crashed run of the tests leaves no server behind.
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
        self._wait()

    def stop(self, *, hard: bool = False) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
            self.process.wait()
        self.process = None

    def register(self, name: str, password: str = PASSWORD, *, admin: bool = False) -> str:
        """Make the account *name*; return its access token."""
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        role = "admin" if admin else "notadmin"
        said = f"{nonce}\0{name}\0{password}\0{role}".encode()
        body = {
            "nonce": nonce,
            "username": name,
            "password": password,
            "admin": admin,
            "mac": hmac.new(self.secret.encode(), said, hashlib.sha1).hexdigest(),
        }
        return str(self.call("POST", "/_synapse/admin/v1/register", body)["access_token"])

    def call(
        self, method: str, path: str, body: object = None, *, token: str = ""
    ) -> dict[str, Any]:
        """Ask the homeserver, whatever it answers.

        Raises:
            HTTPError: It refused.
        """
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, method=method)  # noqa: S310 - loopback
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with _HTTP.open(request, timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def _wait(self, patience: float = 90.0) -> None:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.process is None or self.process.poll() is not None:
                break
            try:
                self.call("GET", "/_matrix/client/versions")
            except (URLError, HTTPError, OSError):
                time.sleep(0.1)
            else:
                return
        raise RuntimeError((self.folder / "output.txt").read_text("utf-8")[-3000:])

    def _config(self) -> dict[str, Any]:
        seed = b64encode(hashlib.sha256(self.secret.encode()).digest()).decode().rstrip("=")
        listener = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "type": "http",
            "resources": [{"names": ["client"]}],
        }
        return {
            "server_name": DOMAIN,
            "public_baseurl": f"{self.url}/",
            "listeners": [listener],
            "database": {"name": "sqlite3", "args": {"database": "homeserver.db"}},
            "media_store_path": "media",
            "log_config": "log.json",
            "signing_key": f"ed25519 a_test {seed}",
            "registration_shared_secret": self.secret,
            "macaroon_secret_key": self.secret,
            "federation_domain_whitelist": [],
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "report_stats": False,
            "bcrypt_rounds": 4,
            "presence": {"enabled": False},
            **({} if self.default_limits else _NO_LIMITS),
        }


_LOG = {
    "version": 1,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "synapse.log"}},
    "root": {"level": "WARNING", "handlers": ["file"]},
    "disable_existing_loggers": False,
}
_NO_LIMITS = {
    **dict.fromkeys(("rc_message", "rc_registration", "rc_admin_redaction"), FAST),
    "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), FAST),
    "rc_joins": {"local": FAST, "remote": FAST},
    "rc_joins_per_room": FAST,
    "rc_room_creation": FAST,
    "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), FAST),
    "rc_delayed_event_mgmt": FAST,
}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL)
