# ruff: noqa: ARG002 - defaults of methods don't look at what an answer of a real platform would be judged by
"""What a provider is: how to verify, how to read, which feeds it has.

A provider is a folder under ``providers/`` whose ``__init__`` makes one :class:`Provider`. It knows its
platform and the vocabulary; it knows nothing of stores, queues and web servers.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.resources import files
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

import msgspec

from aftersend.settings import Source
from aftersend.vocabulary import (
    BounceClass,
    ConfigurationError,
    Delivery,
    Heard,
    Instant,
    Kind,
    Once,
    Rate,
    Reading,
    Rejected,
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook request as it came in, before anything was decoded but its transfer encoding (gzip)."""

    method: str
    url: str = ""
    """The address that was called, as ``aftersend check`` prints it: a proxy in front of us may call it otherwise."""
    token: str
    """The last part of the path, empty for ``/webhooks/{source}``."""
    query: str
    headers: dict[str, str]
    """Names in lower case."""
    address: str
    """The client's address, through trusted proxies only."""
    body: bytes


class Never(Exception):
    """A request that can never be a delivery of this platform; ``status`` is 400, 405 or 415."""

    def __init__(self, status: int, message: str, allow: str = ""):
        super().__init__(message)
        self.status = status
        self.allow = allow


class Handshake(msgspec.Struct, frozen=True):
    """The answer to a request that asks whether we are there. Nothing is stored."""

    status: int = 200
    body: str = "ok"
    visit: str = ""
    """An address that the platform wants to be opened before it sends anything. Only one the provider has found to be
    the platform's."""


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform's webhooks are like, for the matrix of features. A test holds it against the fixtures."""

    proof: str
    """How they are verified, in some words."""
    kinds: frozenset[Kind]
    """The kinds they tell, but for ``other``."""
    bounce_classes: frozenset[BounceClass] = frozenset()
    """Of ``bounced``."""
    batch: bool = False
    """Whether one request may tell several events."""
    machines: bool = False
    """Whether the platform itself marks what machines did."""
    external_id: str = ""
    """Where users of the platform put their own id of a recipient; empty: nowhere."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a platform: what to get, below the source's base URL."""

    path: str
    """Below the base URL; or a whole address or one from the host's root on (``//…`` isn't one), as next links are.
    Another host than the source's is refused."""
    params: dict[str, str] = {}
    headers: dict[str, str] = {}
    post: dict[str, Any] | None = None
    """Asked by POST, with this as its JSON body; ``None``: by GET. Asked again after a failure like any other, so it
    must do no harm when repeated. Kept nowhere: what :meth:`Provider.read` needs of it belongs into ``about``."""
    about: dict[str, str] = {}
    """What :meth:`Provider.read` needs to know besides the body (whose list it is): goes into the delivery's
    context, together with ``params``."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform answered with status 200."""

    body: bytes
    received_at: Instant
    headers: dict[str, str] = {}
    """Names in lower case."""
    cut: bool = False
    """The connection ended before the whole body had come."""


class Malformed(Exception):
    """An answer with status 200 that is not what the feed promises (HTML, a JSON string, half an array)."""


Position = dict[str, Any]
"""Where a feed stands: plain JSON, stored in the transaction that stores the page. Only its walk reads it."""

Recall = Callable[[str], dict[str, Any]]
"""Prefix → the notes of the source whose names begin with it: what its walks have learned, see :attr:`Walk.notes`."""


def nothing(_prefix: str) -> dict[str, Any]:
    """A :data:`Recall` of a source about which nothing was noted."""
    return {}


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk may know besides its position."""

    source: Source
    now: Instant
    campaigns: Sequence[str] = ()
    """Ids of the campaigns with activity lately, newest first."""
    since: Instant | None = None
    """Backfill: the range's first instant. ``None`` on the live lane."""
    until: Instant | None = None
    """Backfill: the instant after the range's last."""
    recall: Recall = nothing
    """The notes of the source's walks. All feeds of a source share them."""


class Walk(ABC):
    """One walk through a feed: says what to ask, looks at the answer, says where that leaves the feed.

    Families of walks live in :mod:`aftersend.providers.paging` and know nothing of the data. A walk is
    made from the stored position, so a killed one is resumed by making it again::

        walk = feed.walk(position, context)
        while (ask := walk.ask()) is not None:
            walk.take(fetch(ask))                  # raises Malformed; the position is then unchanged
            save(page, walk.position, walk.notes)  # one transaction; then the notes are cleared
    """

    position: Position
    notes: dict[str, Any]
    """What the last answer taught and other walks or later runs need: name → plain JSON, ``None`` to forget. Kept apart
    from the position, which is written with every page and must stay short."""
    rows: int = 0
    """Rows of the last answer taken."""
    fresh: int = 0
    """Of these, rows not yet seen in this walk."""
    complete_until: Instant | None = None
    """Of a finished walk on the live lane: everything that happened before has been read; ``None`` where that can't be
    said."""

    @abstractmethod
    def ask(self) -> Ask | None:
        """The next request, or ``None`` when this walk is done. Doesn't change anything."""

    @abstractmethod
    def take(self, answer: Answer) -> None:
        """Look at the answer of the last ask and move ``position``. Raises :class:`Malformed`."""

    def ahead(self) -> Sequence[Ask]:
        """What will be asked after :meth:`ask` if everything goes on as it looks, at most three: where the platform's
        limits allow, they are asked at the same time. A guess that turns out wrong costs a request."""
        return ()

    def refused(self, status: int) -> bool:
        """The platform refused the last ask with a 4xx that is no matter of credentials or limits. Where the walk can
        go on (a cursor expired: from the list's beginning; a campaign is gone: with the next) it moves ``position`` and
        returns True; else the feed is parked."""
        return False

    def progress(self) -> dict[str, Any]:
        """What a person sees: ``window`` (text), ``page``, ``done`` and ``total`` windows."""
        return {}


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One pollable list of a source."""

    name: str
    walk: Callable[[Position, Context], Walk]
    read_once: bool = False
    """A row is handed out once: the body is durable before it is parsed and before the next request, and
    there is one reader per credential (law 5)."""
    windowed: bool = False
    """Can be asked for a range of dates, so it can be backfilled."""
    complete: bool = False
    """Shows everything of some kind that happened: reports are complete as far as all such feeds have been read."""
    every: int = 0
    """Milliseconds between two runs; 0 means the source's ``poll_every``."""


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """How a platform hands out tokens (RFC 6749; device flow: RFC 8628)."""

    client_id: str
    client_secret: str
    authorize_url: str
    token_url: str
    device_url: str = ""
    """Empty: there is no device flow."""
    scopes: tuple[str, ...]
    redirect_uri: str
    """As registered with the platform."""

    def __repr__(self) -> str:
        return f"OAuth(token_url={self.token_url!r})"


class Provider(ABC):
    """One kind of platform."""

    name: ClassVar[str]
    """As in the configuration's ``provider =``."""
    title: ClassVar[str]
    """As people write it."""
    base_url: ClassVar[str]
    """The platform's own address, where a source names none."""
    time_zone: ClassVar[str] = "UTC"
    """Zone of times that carry none, where a source names none."""
    pushes: ClassVar[bool] = True
    """Whether it sends webhooks at all."""
    webhooks: ClassVar[Webhooks | None] = None
    """What they are like; ``None`` where it sends none."""
    key_optional: ClassVar[bool] = False
    """Whether a source without ``api_key`` is one of webhooks alone, whose lists aren't read."""
    signed: ClassVar[bool] = False
    """Whether its webhooks are signed (``/webhooks/{source}``) or carry a token in the path; see :meth:`signs`."""
    options: ClassVar[type[msgspec.Struct]]
    """The provider's own options as a struct whose fields have defaults."""
    tells_sends: ClassVar[bool] = True
    """Whether any of its events says that an email was sent. Else reports count as sent what was queued, or delivered
    or bounced."""
    unitemised: ClassVar[frozenset[Kind]] = frozenset()
    """Kinds this platform gives only as totals; reports take them from the latest snapshot (law 2)."""
    auth_header: ClassVar[str] = "Authorization"
    kept_headers: ClassVar[tuple[str, ...]] = ()
    """Headers of webhooks and of a feed's answers (in lower case) that :meth:`read` needs: in the context as
    ``header.<name>``."""
    retry_status: ClassVar[int] = 503
    """The status that makes this platform send a webhook again."""
    rates: ClassVar[tuple[Rate, ...]] = ()
    """The platform's limits of a credential, where it states any; the source's ``budget`` wins."""

    def takes_webhooks(self, source: Source) -> bool:
        """Whether webhooks of this source are taken at all. Raises ConfigurationError."""
        return self.pushes

    def signs(self, source: Source) -> bool:
        """Whether this source's webhooks are signed, where a platform knows both."""
        return self.signed

    @abstractmethod
    def verify(self, request: Request, source: Source) -> Handshake | None:
        """Check that the request is this source's. Looks at raw bytes, parses nothing it needn't.

        Returns a :class:`Handshake` to answer at once, or ``None`` for a delivery to store. Raises
        :class:`~aftersend.vocabulary.Rejected` or :class:`Never`; TemporaryError where it can't be judged now.
        """

    def once(self, request: Request, source: Source) -> Once | None:
        """The token of a verified request, where the scheme wants used ones to be remembered."""
        return None

    @abstractmethod
    def read(self, delivery: Delivery, source: Source) -> Reading:
        """Everything one delivery says. Pure: the same delivery and source give the same reading, always.

        Never raises for what a platform might send: an item that can't be understood is a
        :class:`~aftersend.vocabulary.Problem`, its neighbours are read all the same.
        """

    @abstractmethod
    def feeds(self, source: Source) -> list[Feed]:
        """The lists this source can be polled for, whether switched on or not."""

    def credentials(self, source: Source) -> dict[str, str]:
        """The headers that open the platform's API. Raises ConfigurationError where a value is missing."""
        return {}

    def posted(self, source: Source) -> dict[str, str]:
        """Fields that every JSON body needs besides its own, for a platform that wants its key there. Raises
        ConfigurationError where a value is missing."""
        return {}

    def refuses(self, status: int, body: bytes) -> bool:
        """Whether an answer with a 4xx or 5xx refuses the credentials, where the platform says so otherwise than with
        401 or 403. Never raises for a platform's nonsense."""
        return False

    def kept(self, body: bytes) -> bytes:
        """What of an answer's body is looked at, stored and shown: a platform may put into its lists what nobody may
        keep, as the texts of emails. Never raises for a platform's nonsense."""
        return body

    def account(self, source: Source) -> str:
        """What shares a budget, as text that is only ever digested: the credentials, unless the platform counts
        otherwise (all accounts of an application together, say)."""
        given = self.credentials(source) | self.posted(source)
        return "\x1f".join(f"{name.lower()}\x1f{value}" for name, value in sorted(given.items()))

    def heard(self, headers: dict[str, str]) -> list[Heard]:
        """What an answer's headers (names in lower case) say about budgets. Never raises for a platform's nonsense."""
        return []

    def not_before(self, status: int, headers: dict[str, str], body: bytes, at: Instant) -> Instant | None:
        """When to ask again after a 429 or 5xx without a ``Retry-After`` that can be understood, where the platform
        says it otherwise; ``None``: it doesn't."""
        return None

    def oauth(self, source: Source) -> OAuth | None:
        """How to get tokens, for a platform that wants them in place of a key; then ``credentials`` has none of them
        and ``aftersend connect`` is needed once. Raises ConfigurationError where a value is missing."""
        return None

    def probe(self, source: Source) -> Ask | None:
        """A cheap request that reads nothing away and shows whether the credentials work; ``None`` where there is
        nothing to be asked."""
        return None

    def setup(self, source: Source, webhook_url: str) -> str:
        """What to click and paste where, as Markdown: ``setup.md`` of the provider's package, each ``{name}`` in it
        replaced by its value."""
        text = files(type(self).__module__).joinpath("setup.md").read_text(encoding="utf-8")
        values = {"webhook_url": webhook_url, "source": source.name, "zone": self.zone(source)}
        for name, value in (values | self.setup_values(source)).items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def setup_values(self, source: Source) -> dict[str, str]:
        """What ``setup.md`` names besides ``webhook_url``, ``source`` and ``zone``, or in their place."""
        return {"api": self.url(source)}

    def polls(self, source: Source) -> bool:
        """Whether any list of this source is read: not where it says so, and not without a key, where webhooks do
        without one."""
        return bool(source.api_key or not self.key_optional) if source.feeds is None else bool(source.feeds)

    def enabled(self, source: Source) -> dict[str, Feed]:
        """The feeds that are switched on, by name: those the source lists, else all there are (none without a key,
        where webhooks do without). Names that are none of this provider's are passed over."""
        if not self.polls(source):
            return {}
        known = {feed.name: feed for feed in self.feeds(source)}
        return {name: known[name] for name in (known if source.feeds is None else source.feeds) if name in known}

    def zone(self, source: Source) -> str:
        """The zone for this source's times that carry none."""
        return source.time_zone or self.time_zone

    def url(self, source: Source) -> str:
        """The address of this source's API, without a slash at the end."""
        return (source.base_url or self.base_url).rstrip("/")

    def configured(self, source: Source) -> Any:
        """The source's options as the provider's struct. Raises ConfigurationError naming the option."""
        known = self.options.__struct_fields__
        for name in source.options:
            if name not in known:
                fields = ", ".join(known) or "none"
                raise ConfigurationError(
                    f"Source '{source.name}': {self.title} has no option '{name}'; its own options: {fields}."
                )
        try:
            return msgspec.convert(source.options, self.options)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"Source '{source.name}': {error}.") from None


def checked_key(source: Source, where: str) -> str:
    """The source's ``api_key``. Raises ConfigurationError where there is none, saying ``where`` one is found, or where
    what is there can't be one."""
    key = source.api_key.strip()
    if not key:
        raise ConfigurationError(f"Source '{source.name}' needs api_key: {where}.")
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f"The api_key of source '{source.name}' holds characters that no key has: paste it again."
        )
    return key


def check_method(request: Request, title: str) -> None:
    """Accept POST, and the questions whether we are there. Raises Never."""
    if request.method not in ("POST", "GET", "HEAD"):
        raise Never(405, f"{title} sends its webhooks by POST.", allow="POST")


def check_token(request: Request, source: Source) -> None:
    """Accept any one of the source's secrets as the path's token, in constant time. Raises Rejected."""
    given = request.token.encode()
    # Every secret is compared, so that the time taken tells nothing about which one was near.
    matches = [hmac.compare_digest(given, secret.encode()) for secret in source.webhook_secrets if secret]
    if not any(matches):
        raise Rejected(
            f"The token in the address is not one of the webhook_secrets of source '{source.name}': "
            f"`aftersend check {source.name}` prints the right address."
        )


def check_address(request: Request, source: Source) -> None:
    """Where the source lists ``allowed_addresses`` (addresses or networks), accept only these. Raises Rejected."""
    if not source.allowed_addresses:
        return
    try:
        address = ip_address(request.address)
    except ValueError:
        raise Rejected("The client's address is unknown.") from None
    if not any(address in ip_network(allowed, strict=False) for allowed in source.allowed_addresses):
        raise Rejected(f"Source '{source.name}' does not accept webhooks from this address.")
