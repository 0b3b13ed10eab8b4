"""A platform with OAuth: rotating refresh tokens, codes that work once, a device flow; and a provider that knows it."""

from __future__ import annotations

import base64
from typing import ClassVar
from urllib.parse import parse_qsl

import msgspec

from aftersend.providers.contract import OAuth
from aftersend.settings import Source
from tests.fakes import Asked, FakePlatform, Said
from tests.worker.platform import FakeProvider

BASIC = "Basic " + base64.b64encode(b"client:s3cret").decode()


class TokenPlatform(FakePlatform):
    """``/token``, ``/device`` and a list at ``/pages`` that wants a live access token."""

    def __init__(self) -> None:
        super().__init__()
        self.lives_s = 86_400
        self.refresh_token = ""
        self.access_token = ""
        self.made = 0
        self.codes: set[str] = set()
        self.device_answers: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.rotates = True
        self.names_no_refresh = False

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/token":
            return self._token(asked)
        if asked.path == "/device":
            body = {"device_code": "d1", "user_code": "ABCD-EFGH", "verification_uri": f"{self.url}/approve"}
            return Said(body=body | {"expires_in": 600, "interval": 1})
        if asked.headers.get("authorization") != f"Bearer {self.access_token}":
            return Said(status=401, body={"error_key": "unauthorized"})
        return Said(body=[])

    def revoke(self) -> None:
        """Nobody gets in any more until somebody approves again."""
        self.access_token = self.refresh_token = "gone"

    def expire(self) -> None:
        """The access token runs out before its time."""
        self.access_token = "gone"

    def _token(self, asked: Asked) -> Said:
        form = dict(parse_qsl(asked.body.decode()))
        self.forms.append(form)
        if asked.headers.get("authorization") != BASIC:
            return Said(status=401, body={"error": "invalid_client"})
        match form["grant_type"]:
            case "authorization_code" if form["code"] in self.codes:
                self.codes.remove(form["code"])
            case "refresh_token" if form["refresh_token"] == self.refresh_token:
                pass
            case "urn:ietf:params:oauth:grant-type:device_code":
                if self.device_answers:
                    return Said(status=400, body={"error": self.device_answers.pop(0)})
            case _:
                return Said(status=400, body={"error": "invalid_grant", "error_description": "no such thing"})
        self.made += 1
        self.access_token = f"access-{self.made}"
        if self.rotates or not self.refresh_token:
            self.refresh_token = f"refresh-{self.made}"
        told = {"token_type": "Bearer", "expires_in": self.lives_s, "access_token": self.access_token, "scope": "all"}
        return Said(body=told if self.names_no_refresh else told | {"refresh_token": self.refresh_token})


class Options(msgspec.Struct):
    redirect_uri: str = "http://127.0.0.1:8400/callback"


class TokenProvider(FakeProvider):
    name = "token"
    title = "Token"
    options: ClassVar[type[msgspec.Struct]] = Options

    def credentials(self, source: Source) -> dict[str, str]:
        return {"Accept": "application/json"}

    def account(self, source: Source) -> str:
        return "client"

    def oauth(self, source: Source) -> OAuth:
        return OAuth(
            client_id="client",
            client_secret="s3cret",
            authorize_url=f"{source.base_url}/authorize",
            token_url=f"{source.base_url}/token",
            device_url=f"{source.base_url}/device",
            scopes=("campaign_data", "offline_access"),
            redirect_uri=self.configured(source).redirect_uri,
        )
