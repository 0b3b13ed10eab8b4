"""Asks a platform one thing at a time, within its budget, and tells failures apart.

What an answer means is decided here and nowhere else: an answer, or one of three failures (:mod:`.failures`) that say
what to do about them. Refused: the operator must act. Unavailable: later, perhaps at a stated time. Unexpected: the
platform understood us and will not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import urllib3

from aftersend.outgoing import no_credentials
from aftersend.providers import budgets, provider_of
from aftersend.providers.contract import Answer, Ask
from aftersend.settings import Source
from aftersend.storage.contract import Store
from aftersend.vocabulary import Instant, now
from aftersend.worker.failures import Refused, Unavailable, Unexpected
from aftersend.worker.tokens import Tokens
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
PATIENT_MS = 20_000
"""A turn of the budget up to this far away is waited for; for a later one the feed is parked."""
AT_ONCE = 4
"""Most requests under way at the same time, where the platform's limits allow several."""
DAY_MS = 86_400_000
BODY = 2_000
"""Characters of an error body that are kept."""
_MAILBOX = re.compile(r"[^\s\"'<>(),;:=@]{1,64}@")
"""What stands before an address's domain, as it is written in JSON, XML and words."""


class Client:
    """One source's way to its platform's API."""

    def __init__(self, store: Store, source: Source, sleep: Callable[[float], None] = time.sleep):
        """Raises ConfigurationError where a credential is missing."""
        self.source = source
        self.provider = provider_of(source)
        self.base = self.provider.url(source)
        self.interval_ms = budgets.pace_ms(source)
        self._store = store
        self._sleep = sleep
        self._credentials = self.provider.credentials(source)
        self._posted = self.provider.posted(source)
        self._secrets = _parts(self._credentials) | _parts(self._posted)
        self._budget = budgets.budget(source)
        self._rates = budgets.rates(source)
        self._tokens = Tokens.of(store, source, sleep)
        self._session = requests.Session()
        # One platform answers an Authorization header that it didn't ask for with 401.
        self._session.auth = no_credentials
        self._session.headers.update({"User-Agent": "Aftersend", "Accept": "application/json"})

    def insist(self) -> None:
        """Ask, though the platform wanted silence: the operator says so."""
        self._store.silence(self._budget, None)

    @property
    def at_once(self) -> int:
        """How many requests may be under way at the same time."""
        return AT_ONCE if self.interval_ms <= 1000 // AT_ONCE else 1

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
        if self._tokens is None:
            return self._ask(url, ask, {}, keep_cut)
        token = self._tokens.token()
        try:
            return self._ask(url, ask, self._tokens.header(token), keep_cut)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
        # A token may be revoked before its time: one more try with a new one.
        return self._ask(url, ask, self._tokens.header(self._tokens.refreshed(token)), keep_cut)

    def _ask(self, url: str, ask: Ask, opened_by: dict[str, str], keep_cut: bool) -> Answer:
        self._wait_for_turn()
        headers = {**self._credentials, **opened_by, **ask.headers}
        self._secrets |= _parts(opened_by)
        if keep_cut:
            # Half of a compressed answer is worth less than half of a plain one.
            headers["Accept-Encoding"] = "identity"
        started = time.monotonic()
        try:
            response = self._session.request(
                "GET" if ask.post is None else "POST",
                url,
                params=ask.params,
                json=None if ask.post is None else self._posted | ask.post,
                headers=headers,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise Unavailable(self._sentence(f"could not be reached ({type(error).__name__})")) from None
        with response:
            whole, cut = _body(response, started + WHOLE_S)
            body = self.provider.kept(whole)
            named = {name.lower(): value for name, value in response.headers.items()}
            if heard := self.provider.heard(named):
                self._store.learned(self._budget, heard, now())
            if not 200 <= response.status_code < 300:
                raise self._failure(response.status_code, named, body)
            if cut and not (keep_cut and body):
                raise Unavailable(self._sentence("broke off its answer"), self.shown(body))
            return Answer(body=body, received_at=now(), headers=named, cut=cut)

    def shown(self, body: bytes) -> str:
        """What may be kept of a body: 2,000 characters, without our credentials should it echo them, and without whole
        addresses."""
        text = body.decode("utf-8", "replace")
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return _MAILBOX.sub("…@", text)[:BODY]

    def _url(self, ask: Ask) -> str:
        """Below the base URL; a whole URL or one from the host's root on (a next link) only on the same host."""
        url = urljoin(f"{self.base}/", ask.path)
        if urlsplit(url)[:2] != urlsplit(self.base)[:2]:
            raise Unexpected(self._sentence("named a next page on another host, which is not followed"))
        return url

    def _wait_for_turn(self) -> None:
        asked = now()
        patience = max(PATIENT_MS, 20 * self.interval_ms)
        turn = self._store.reserve(self._budget, self.interval_ms, asked, self._rates, patience)
        if turn - asked > patience:
            raise Unavailable(
                f"The budget of requests to {self.provider.title} is used up for now (source '{self.source.name}').",
                not_before=turn,
            )
        if turn > asked:
            self._sleep((turn - asked) / 1000)

    def _failure(self, status: int, headers: dict[str, str], body: bytes) -> Refused | Unavailable | Unexpected:
        shown, at = self.shown(body), now()
        stated = retry_after(headers.get("retry-after"), at)
        refused = self.provider.refuses(status, body)
        busy = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if busy and not refused:
            until = stated if stated is not None else self.provider.not_before(status, headers, body, at)
            if until is not None and until - at > SHORT_MS and status == HTTPStatus.TOO_MANY_REQUESTS:
                # Whoever else asks with these credentials is to be silent too.
                self._store.silence(self._budget, until)
            return Unavailable(self._sentence(f"answered {status}"), shown, until)
        if refused or status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            until = self.provider.not_before(status, headers, body, at)
            if until is not None:
                return Unavailable(self._sentence(f"answered {status}"), shown, until)
            name = self.source.name
            return Refused(
                f"{self.provider.title} refused the credentials of source '{name}' ({status}): check the key "
                "in the configuration and that the account may use the REST API; when "
                f"`aftersend check {name}` is content, `aftersend sync {name}` or a restart goes on.",
                shown,
                status,
            )
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return Unexpected(
                self._sentence(f"answered with a redirect ({status}), which is not followed; check base_url"),
                shown,
            )
        return Unexpected(self._sentence(f"answered {status}"), shown, status)

    def _sentence(self, what: str) -> str:
        return f"{self.provider.title} {what} (source '{self.source.name}')."


def check(store: Store, source: Source) -> Answer | None:
    """The answer to the provider's probe: proof that the platform is there and the credentials work; ``None`` where it
    has nothing to be asked. Raises ConfigurationError, :class:`Refused`, :class:`Unavailable` and
    :class:`Unexpected`."""
    ask = provider_of(source).probe(source)
    if ask is None:
        return None
    client = Client(store, source)
    try:
        return client.patiently(lambda: client.get(ask))
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


def _parts(headers: dict[str, str]) -> set[str]:
    """What of headers may be a secret: each word that is long enough (``Bearer`` isn't), since a platform may echo
    one."""
    values = [value for name, value in headers.items() if name.lower() != "accept"]
    return {word for value in values for word in value.split() if len(word) > len("Bearer")}


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
