"""Asks a platform one thing at a time, within its budget, and tells failures apart.

What an answer means is decided here and nowhere else: an answer, or one of three failures that say what to do
about them. :class:`Refused`: the operator must act. :class:`Unavailable`: later, perhaps at a stated time.
:class:`Unexpected`: the platform understood us and will not. Their messages name the source, never a key, a
parameter or an address; ``body`` is what the platform said, cut to 2,000 characters.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3

from aftersend.providers import provider_of
from aftersend.providers.contract import Answer, Ask
from aftersend.settings import Source
from aftersend.storage.contract import Store
from aftersend.vocabulary import ConfigurationError, Instant, PermanentError, TemporaryError, now
from aftersend.worker.plan import fingerprint
from aftersend.zones import instant

Result = TypeVar("Result")

CONNECT_S, READ_S = 10.0, 30.0
"""How long a connection, and any silence within an answer, may take."""
WHOLE_S = 45.0
"""How long an answer may take as a whole: a server that trickles must not outlive the claim."""
MOST_BYTES = 64_000_000
"""More than this is no page of a list; what came so far counts as cut."""
TRIES = 3
PATIENCE_S = 35.0
"""No further try begins after this."""
PAUSE_S = 0.5
"""Upper end of the first pause between two tries; it doubles."""
SHORT_MS = 5_000
"""A Retry-After up to this is waited for; a longer one parks the feed."""
DAY_MS = 86_400_000
BODY = 2_000
"""Characters of an error body that are kept."""


class Refused(ConfigurationError):
    """401 or 403: the credentials don't open what was asked."""

    def __init__(self, message: str, body: str = ""):
        super().__init__(message)
        self.body = body


class Unexpected(PermanentError):
    """A redirect or another 4xx: asking the same again will not help soon."""

    def __init__(self, message: str, body: str = ""):
        super().__init__(message)
        self.body = body


class Unavailable(TemporaryError):
    """No answer, half an answer, 429 or 5xx. ``not_before`` is what the platform asked for, if it did."""

    def __init__(self, message: str, body: str = "", not_before: Instant | None = None):
        super().__init__(message, not_before)
        self.body = body


class Client:
    """One source's way to its platform's API."""

    def __init__(self, store: Store, source: Source, sleep: Callable[[float], None] = time.sleep):
        """Raises ConfigurationError where a credential is missing."""
        self.source = source
        self.provider = provider_of(source)
        self.base = self.provider.url(source)
        self.interval_ms = int(1000 / source.requests_per_second)
        self._store = store
        self._sleep = sleep
        self._credentials = self.provider.credentials(source)
        self._budget = f"requests/{fingerprint(source)}"
        self._session = requests.Session()
        # Otherwise an entry in .netrc would become an Authorization header, which one platform answers with 401.
        self._session.auth = lambda request: request
        self._session.headers.update({"User-Agent": "Aftersend", "Accept": "application/json"})

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def patiently(self, attempt: Callable[[], Result]) -> Result:
        """The result of an attempt, tried up to :data:`TRIES` times while it is Unavailable for a short time.
        Raises what the last try raised."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_worth_a_retry),
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(PATIENCE_S),
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(attempt)

    def get(self, ask: Ask, *, keep_cut: bool = False) -> Answer:
        """Wait for the source's turn and ask once.

        ``keep_cut``: an answer whose connection ended early is returned with ``cut`` (a read-once list won't
        say it again); otherwise it is Unavailable. Raises :class:`Refused`, :class:`Unavailable`,
        :class:`Unexpected`, and TemporaryError when the store can't be written.
        """
        url = self._url(ask)
        self._wait_for_turn()
        headers = {**self._credentials, **ask.headers}
        if keep_cut:
            # Half of a compressed answer is worth less than half of a plain one.
            headers["Accept-Encoding"] = "identity"
        started = time.monotonic()
        try:
            response = self._session.get(
                url,
                params=ask.params,
                headers=headers,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise Unavailable(self._sentence(f"could not be reached ({type(error).__name__})")) from None
        with response:
            body, cut = _body(response, started + WHOLE_S)
            if not 200 <= response.status_code < 300:
                raise self._failure(response, body)
            if cut and not (keep_cut and body):
                raise Unavailable(self._sentence("broke off its answer"), self.shown(body))
            return Answer(
                body=body,
                received_at=now(),
                headers={name.lower(): value for name, value in response.headers.items()},
                cut=cut,
            )

    def shown(self, body: bytes) -> str:
        """What may be kept of a body: 2,000 characters, without our credentials should it echo them."""
        text = body.decode("utf-8", "replace")
        for secret in self._credentials.values():
            text = text.replace(secret, "…")
        return text[:BODY]

    def _url(self, ask: Ask) -> str:
        """Below the base URL; a whole URL (a next link) only on the same host."""
        if "://" not in ask.path:
            return f"{self.base}/{ask.path.lstrip('/')}"
        if urlsplit(ask.path)[:2] != urlsplit(self.base)[:2]:
            raise Unexpected(self._sentence("named a next page on another host, which is not followed"))
        return ask.path

    def _wait_for_turn(self) -> None:
        if not self.interval_ms:
            return
        asked = now()
        wait_ms = self._store.reserve(self._budget, self.interval_ms, asked) - asked
        # A clock that was set back leaves turns far in the future; they must not hold the feed for hours.
        wait_ms = min(wait_ms, 20 * self.interval_ms)
        if wait_ms > 0:
            self._sleep(wait_ms / 1000)

    def _failure(self, response: requests.Response, body: bytes) -> Refused | Unavailable | Unexpected:
        status, shown = response.status_code, self.shown(body)
        if status in (401, 403):
            name = self.source.name
            return Refused(
                f"{self.provider.title} refused the credentials of source '{name}' ({status}): check the key "
                "in the configuration and that the account may use the REST API; when "
                f"`aftersend check {name}` is content, `aftersend sync {name}` or a restart goes on.",
                shown,
            )
        if status == 429 or status >= 500:
            return Unavailable(
                self._sentence(f"answered {status}"),
                shown,
                retry_after(response.headers.get("Retry-After"), now()),
            )
        if 300 <= status < 400:
            return Unexpected(
                self._sentence(f"answered with a redirect ({status}), which is not followed; check base_url"),
                shown,
            )
        return Unexpected(self._sentence(f"answered {status}"), shown)

    def _sentence(self, what: str) -> str:
        return f"{self.provider.title} {what} (source '{self.source.name}')."


def check(store: Store, source: Source) -> Answer:
    """The answer to the provider's probe: proof that the platform is there and the credentials work. Raises
    ConfigurationError, :class:`Refused`, :class:`Unavailable` and :class:`Unexpected`."""
    client = Client(store, source)
    try:
        return client.patiently(lambda: client.get(client.provider.probe(source)))
    finally:
        client.close()


def retry_after(value: str | None, at: Instant) -> Instant | None:
    """The instant a ``Retry-After`` names (seconds or an HTTP date), at most a day ahead, never in the past;
    ``None`` where there is none or it can't be understood (words, a negative number)."""
    if value is None:
        return None
    text = value.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return at + int(min(float(text) * 1000, DAY_MS))
    try:
        return max(at, min(instant(parsedate_to_datetime(text)), at + DAY_MS))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _body(response: requests.Response, deadline: float) -> tuple[bytes, bool]:
    """Every byte that came, and whether the connection ended before the whole answer had."""
    chunks, size = [], 0
    try:
        # Not iter_content: it drops what came since its last full chunk when the connection breaks.
        while chunk := response.raw.read1(65_536, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > MOST_BYTES or time.monotonic() > deadline:
                return b"".join(chunks), True
    except (urllib3.exceptions.HTTPError, OSError):
        return b"".join(chunks), True
    return b"".join(chunks), False


def _worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and (error.not_before is None or error.not_before - now() <= SHORT_MS)


def _pause(state: tenacity.RetryCallState) -> float:
    """What the platform asked for, else a random time that doubles its upper end."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Unavailable) and error.not_before is not None:
        return max(0.0, (error.not_before - now()) / 1000)
    return tenacity.wait_random_exponential(multiplier=PAUSE_S, max=8)(state)
