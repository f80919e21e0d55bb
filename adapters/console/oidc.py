"""Logging in at an OpenID provider: code flow with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.console.hall import Oidc

SECONDS = 10
"""That the provider may take to answer."""
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures that are believed: none that needs no key, none with a shared secret."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class RefusedError(Exception):
    """The provider did not answer, or vouches for nobody."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that *options* name; it sends browsers back to the address *back*."""

    options: Oidc
    back: str

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Return where to send a browser.

        Raises:
            RefusedError: The provider does not say where.
        """
        async with _client() as client:
            known = await self._known(client)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.options.client,
            "redirect_uri": self.back,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{known['authorization_endpoint']}?{urlencode(asked)}"

    async def subject(self, code: str, nonce: str, verifier: str) -> str:
        """Return who the provider says has logged in, given the *code* it sent.

        Raises:
            RefusedError: It does not accept the code, or its answer is not to be believed.
        """
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.back,
            "client_id": self.options.client,
            "code_verifier": verifier,
        }
        if self.options.secret:
            given["client_secret"] = self.options.secret
        async with _client() as client:
            known = await self._known(client)
            try:
                answer = await client.post(known["token_endpoint"], data=given)
                answer.raise_for_status()
                keys = KeySet.import_key_set(await _got(client, known["jwks_uri"]))
                return self._believed(str(answer.json()["id_token"]), keys, nonce)
            except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as exc:
                raise RefusedError(type(exc).__name__) from exc

    def _believed(self, token: str, keys: KeySet, nonce: str) -> str:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=60,
            iss={"essential": True, "value": self.options.issuer},
            aud={"essential": True, "value": self.options.client},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
            sub={"essential": True},
        ).validate(claims)
        return str(claims["sub"])

    async def _known(self, client: httpx.AsyncClient) -> dict[str, str]:
        """Return what the provider tells of itself; it may name no address but its own host's."""
        issuer = self.options.issuer.rstrip("/")
        try:
            known = await _got(client, f"{issuer}/.well-known/openid-configuration")
            urls = [known[k] for k in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as exc:
            raise RefusedError(type(exc).__name__) from exc
        if known.get("issuer") != self.options.issuer or not all(map(safe, urls)):
            raise RefusedError("issuer")
        return dict(known)


def _client() -> httpx.AsyncClient:
    """Return what asks the provider; it follows nobody anywhere."""
    return httpx.AsyncClient(timeout=SECONDS, follow_redirects=False)


async def _got(client: httpx.AsyncClient, url: str) -> Any:
    """Return the JSON at *url*."""
    answer = await client.get(url)
    answer.raise_for_status()
    return answer.json()


def safe(url: object) -> bool:
    """Tell whether *url* may be called: over HTTPS, or on this machine."""
    parts = urlsplit(str(url))
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
