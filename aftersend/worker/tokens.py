"""Tokens of an account that was connected by OAuth: kept in the store, refreshed by one at a time.

Tokens rotate: a refresh kills the refresh token it was made with. So whoever refreshes holds a right to it in the
store, for all workers; the others wait for what comes of it. What the platform answers is on disk before it is used.
An answer that is lost on its way takes the account with it: then, and when the operator revoked it, only ``aftersend
connect`` helps.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from aftersend.providers import budgets, provider_of
from aftersend.providers.contract import OAuth
from aftersend.settings import Source
from aftersend.storage.contract import Store, Token
from aftersend.vocabulary import now
from aftersend.worker.failures import Refused, Unavailable

EARLY_MS = 600_000
"""A token that has less than ten minutes left is refreshed before it is used."""
LOCK_MS = 60_000
"""How long a refresh may take, until somebody else may try."""
LOOK_S = 0.1
TIMEOUT_S = (10.0, 30.0)
DAY_MS = 86_400_000


class Tokens:
    """What opens the API for one source. Raises Refused (``aftersend connect`` helps) and Unavailable."""

    def __init__(self, store: Store, source: Source, oauth: OAuth, sleep: Callable[[float], None] = time.sleep):
        self._store, self._source, self._oauth, self._sleep = store, source, oauth, sleep
        self._account = budgets.account(source)

    @classmethod
    def of(cls, store: Store, source: Source, sleep: Callable[[float], None]) -> Tokens | None:
        """``None`` for a platform that wants no tokens. Raises ConfigurationError."""
        oauth = provider_of(source).oauth(source)
        return None if oauth is None else cls(store, source, oauth, sleep)

    @staticmethod
    def header(token: Token) -> dict[str, str]:
        return {"Authorization": f"Bearer {token.access}"}

    def token(self) -> Token:
        """One that is good for a while."""
        known = self._store.token(self._account)
        if known is None:
            raise self._refused("is not connected yet")
        return known if known.expires_at - now() > EARLY_MS else self.refreshed(known)

    def refreshed(self, stale: Token) -> Token:
        """A newer one than this; waits while somebody else gets it."""
        deadline = time.monotonic() + LOCK_MS / 1000
        while time.monotonic() < deadline:
            known = self._store.token(self._account)
            if known is None:
                break
            if known.generation != stale.generation:
                return known
            if not known.refresh:
                raise self._refused("has a token that ran out, and none to renew it with")
            if self._store.lock_token(self._account, known.generation, now(), now() + LOCK_MS):
                return self._refresh(known)
            self._sleep(LOOK_S)
        raise Unavailable(f"The token of source '{self._source.name}' is being renewed by somebody else for long.")

    def keep(self, answer: dict[str, object], refresh: str = "") -> Token:
        """Keep what the token endpoint answered; ``refresh`` is the refresh token to keep where it names none. Raises
        Unavailable for an answer that holds no token."""
        access, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(access, str) or not access:
            raise Unavailable(f"The token endpoint answered source '{self._source.name}' without a token.")
        seconds = lifetime if isinstance(lifetime, int | float) and lifetime > 0 else DAY_MS / 1000
        self._store.keep_token(
            Token(
                account=self._account,
                access=access,
                refresh=str(answer.get("refresh_token") or refresh),
                expires_at=now() + int(seconds * 1000),
                scope=str(answer.get("scope") or ""),
            )
        )
        kept = self._store.token(self._account)
        assert kept is not None
        return kept

    def _refresh(self, known: Token) -> Token:
        try:
            with session(self._oauth) as web:
                answer = web.refresh_token(
                    self._oauth.token_url, refresh_token=known.refresh, timeout=TIMEOUT_S, allow_redirects=False
                )
            return self.keep(dict(answer), known.refresh)
        except AuthlibBaseError as error:
            self._store.unlock_token(self._account)
            if error.error in ("temporarily_unavailable", "slow_down", "server_error"):
                raise self._unavailable(error.error) from None
            raise self._refused(f"could not renew its token ({error.error})") from None
        except (requests.RequestException, ValueError, TypeError, AttributeError) as error:
            self._store.unlock_token(self._account)
            raise self._unavailable(type(error).__name__) from None
        except Unavailable:
            self._store.unlock_token(self._account)
            raise

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(f"The token of source '{self._source.name}' could not be renewed now ({why}).")

    def _refused(self, what: str) -> Refused:
        name = self._source.name
        return Refused(
            f"Source '{name}' {what}: run `aftersend connect {name}`, and approve it in the browser.", status=401
        )


def session(oauth: OAuth) -> OAuth2Session:
    """Speaks to a platform's token endpoint."""
    return OAuth2Session(
        oauth.client_id,
        oauth.client_secret,
        scope=" ".join(oauth.scopes),
        redirect_uri=oauth.redirect_uri,
        token_endpoint_auth_method="client_secret_basic" if oauth.client_secret else "none",
    )
