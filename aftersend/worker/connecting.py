"""Getting the first token of an account: somebody approves in a browser.

By the code flow (RFC 6749, section 4.1): :func:`authorize` makes the address to open, the platform sends the browser
back with a code, :func:`redeem` changes the code into a token. By the device flow (RFC 8628): :func:`device` says
which short code to type where, :func:`wait_for` waits until that was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from aftersend.outgoing import no_credentials
from aftersend.providers.contract import OAuth
from aftersend.settings import Source
from aftersend.storage.contract import Store
from aftersend.vocabulary import BadInput, ConfigurationError
from aftersend.worker import plan
from aftersend.worker.failures import Unavailable
from aftersend.worker.tokens import TIMEOUT_S, Tokens, session

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PAUSE_S = 5.0
"""Between two questions whether the device was approved, where the platform names no time."""


class Approval(msgspec.Struct, frozen=True):
    """What somebody has to open in a browser, and the ``state`` by which the answer is known for ours."""

    url: str
    state: str


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has to type where, and until when (seconds from now)."""

    device_code: str
    user_code: str
    url: str
    expires_in: float
    interval: float


def authorize(oauth: OAuth) -> Approval:
    """The address at which the account's owner approves."""
    with session(oauth) as web:
        url, state = web.create_authorization_url(oauth.authorize_url)
    return Approval(url, state)


def code_of(address: str, state: str) -> str:
    """The code in the address to which the browser was sent back. Raises BadInput for an address without one, and
    ConfigurationError where the platform says why there is none."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    if query.get("state") != state:
        raise BadInput("That is not the answer to this question: its state is another. Begin again.", "state")
    if "error" in query:
        raise ConfigurationError(f"The platform did not connect the account: {query['error'][:60]}.")
    if not query.get("code"):
        raise BadInput("That address holds no code: copy the whole address the browser was sent to.", "code")
    return query["code"]


def redeem(store: Store, source: Source, oauth: OAuth, code: str) -> None:
    """Change a code into a token, keep it, and let a stopped source start again. A code works once. Raises
    ConfigurationError and Unavailable."""
    with session(oauth) as web:
        answer = _asked(source, lambda: _fetched(web, oauth, code=code, redirect_uri=oauth.redirect_uri))
    _keep(store, source, oauth, answer)


def device(source: Source, oauth: OAuth) -> Device:
    """Begin the device flow. Raises ConfigurationError where the platform has none, and Unavailable."""
    if not oauth.device_url:
        raise ConfigurationError(f"The platform of source '{source.name}' has no device flow; leave out --device.")
    form = {"client_id": oauth.client_id, "scope": " ".join(oauth.scopes)}
    try:
        response = requests.post(
            oauth.device_url,
            data=form,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            auth=no_credentials,
        )
        answer: Any = response.json() if response.status_code == requests.codes.ok else {}
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(
            f"The device flow of source '{source.name}' did not answer ({type(error).__name__})."
        ) from None
    try:
        return Device(
            device_code=str(answer["device_code"]),
            user_code=str(answer["user_code"]),
            url=str(answer.get("verification_uri_complete") or answer["verification_uri"]),
            expires_in=float(answer.get("expires_in", 600)),
            interval=float(answer.get("interval", PAUSE_S)),
        )
    except (AttributeError, TypeError, KeyError, ValueError):
        raise Unavailable(f"The device flow of source '{source.name}' answered {response.status_code}.") from None


def wait_for(
    store: Store, source: Source, oauth: OAuth, begun: Device, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until the device was approved, and keep the token. Raises ConfigurationError when it was refused or nobody
    came in time, and Unavailable."""
    waited, pause = 0.0, begun.interval
    with session(oauth) as web:
        while waited < begun.expires_in:
            sleep(pause)
            waited += pause
            try:
                answer = _fetched(web, oauth, grant_type=DEVICE_GRANT, device_code=begun.device_code)
            except AuthlibBaseError as error:
                if error.error not in ("authorization_pending", "slow_down"):
                    raise ConfigurationError(f"Source '{source.name}' was not connected: {error.error}.") from None
                pause += PAUSE_S if error.error == "slow_down" else 0
            except (requests.RequestException, ValueError):
                pause = min(2 * pause, 60)  # RFC 8628, section 3.5
            else:
                _keep(store, source, oauth, answer)
                return
    raise ConfigurationError(f"Source '{source.name}' was not connected: nobody approved in time. Run it again.")


def _fetched(web: OAuth2Session, oauth: OAuth, **form: Any) -> dict[str, Any]:
    return dict(web.fetch_token(oauth.token_url, timeout=TIMEOUT_S, allow_redirects=False, **form))


def _asked(source: Source, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except AuthlibBaseError as error:
        raise ConfigurationError(f"Source '{source.name}' was not connected: {error.error}. Run it again.") from None
    except (requests.RequestException, ValueError, TypeError) as error:
        name = type(error).__name__
        raise Unavailable(f"The token endpoint of source '{source.name}' did not answer ({name}).") from None


def _keep(store: Store, source: Source, oauth: OAuth, answer: dict[str, Any]) -> None:
    Tokens(store, source, oauth).keep(answer)
    plan.start_again(store, source)
