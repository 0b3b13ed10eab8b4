"""How dumps of events are got (provider file, "Pull feed").

There is no list that is asked page by page: a dump of a range of time is ordered, waited for, read file by file and
deleted. Ranges are those of :class:`~aftersend.providers.paging.Windows`; the way of one dump is a family of its own
here. A dump that isn't ready after some looks parks the feed, and the next run looks again: nothing is ordered twice.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urljoin, urlsplit

from aftersend.providers import marks, paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Malformed, Position
from aftersend.providers.paging import DAY, Family, Page, Place
from aftersend.providers.unisender_go import dumps
from aftersend.providers.unisender_go.identity import digest
from aftersend.providers.unisender_go.values import Fields, fields, success, written
from aftersend.providers.values import decoded, text
from aftersend.settings import duration
from aftersend.vocabulary import Instant

BASE_URL = "https://go1.unisender.ru/ru/transactional/api/v1"
UNKNOWN_HERE = 114
"""The code of the error that the other data centre answers."""
LATE = 600_000
"""A window can be trusted when it ended ten minutes ago."""
RETENTION = 32 * DAY
SPAN = 3 * DAY
"""Of a dump."""
LASTS = 6 * 3_600_000
"""An order that is older is given up."""
LOOKS = 10
"""So often in one run a dump is looked for, at the pace of the source's requests."""
FAILURES = 3
"""So many dumps in a row may fail."""

CREATE, WAIT, FILE, DELETE = "create", "wait", dumps.FILE, "delete"


class Options(marks.Options, frozen=True, kw_only=True):
    """Unisender Go's own options of a source."""

    path_token: str = ""
    """A secret that the webhook's address must end with, behind a slash, on top of the signature; empty: none."""
    dump_every: str = "1h"
    """How often events are dumped."""
    dump_limit: int = 1_000_000
    """Most rows of a dump; one that has as many is ordered again in halves."""
    all_projects: bool = False
    """Whether dumps hold the events of all projects of the account."""

    def __post_init__(self) -> None:
        _ = self.every_ms

    @property
    def every_ms(self) -> int:
        """Raises ConfigurationError."""
        return duration(self.dump_every, "dump_every")


def feeds(options: Options) -> list[Feed]:
    """The one list of a source."""
    return [Feed(name="events", walk=partial(_Dumps, options), windowed=True, complete=True, every=options.every_ms)]


def probe() -> Ask:
    """The dumps there are."""
    return Ask(path="event-dump/list.json", post={})


def _order(options: Options, since: Instant, until: Instant) -> Ask:
    # Bounds are whole seconds, and a range must not be empty.
    until = max(until, since + 1000)
    wanted = {
        "start_time": written(since),
        "end_time": written(until),
        "limit": options.dump_limit,
        "delimiter": ",",
        "format": "csv",
    }
    if options.all_projects:
        wanted["all_projects"] = True
    return Ask(path="event-dump/create.json", post=wanted, about={"step": CREATE})


class _Step(Page, frozen=True, kw_only=True):
    """What an answer on the way says."""

    dump: str = ""
    """The id of the one that was ordered."""
    ready: bool = False
    failed: bool = False
    files: tuple[tuple[str, int], ...] = ()
    """Address and length in bytes (0 where it isn't told) of each."""


class _Dump(Family):
    """One dump: ordered, waited for, read, deleted. One that was lost on the way is ordered again, once."""

    def __init__(self, first: Ask, place: Place, at: Instant):
        super().__init__(first, {} if at - place.get("at", at) > LASTS else place, at)
        self._looks = self._failures = 0
        self._restarted = False

    @property
    def step(self) -> str:
        if "dump" not in self.place:
            return CREATE
        if "files" not in self.place:
            return WAIT
        return FILE if self.place["read"] < len(self.place["files"]) else DELETE

    @property
    def last(self) -> bool:
        """Whether the file that is asked for is the dump's last."""
        return self.step == FILE and self.place["read"] + 1 == len(self.place["files"])

    @property
    def length(self) -> int:
        """Of the file that is asked for, in bytes; 0 where it isn't told."""
        length: int = self.place["files"][self.place["read"]][1]
        return length

    def ask(self) -> Ask:
        step = self.step
        if step == CREATE:
            return self.first
        if step == FILE:
            return Ask(path=self.place["files"][self.place["read"]][0], about={"step": FILE})
        method = "get" if step == WAIT else "delete"
        return Ask(path=f"event-dump/{method}.json", post={"dump_id": self.place["dump"]}, about={"step": step})

    def move(self, page: Page, at: Instant) -> None:
        assert isinstance(page, _Step)
        match self.step:
            case "create":
                self.place = {"dump": page.dump, "at": at}
            case "wait":
                self._wait(page)
            case "file":
                read, rows = self.place["read"] + 1, self.place["rows"] + len(page.ids)
                self.place = {**self.place, "read": read, "rows": rows}
            case _:
                self.over = True

    def _wait(self, page: _Step) -> None:
        if page.failed:
            self._failures += 1
            if self._failures >= FAILURES:
                raise Malformed("The dump failed, and those that were ordered in its place did too.")
            self.place = {}
        elif page.ready:
            self.place = {**self.place, "files": [list(file) for file in page.files], "read": 0, "rows": 0}
        else:
            self._looks += 1
            if self._looks > LOOKS:
                raise Malformed("The dump is not ready yet; the next run looks again.")

    def lost(self) -> bool:
        if "dump" not in self.place or self._restarted:
            return False
        self.place, self._restarted = {}, True
        return True


class _Dumps(paging.Windows):
    """Dumps of windows of time."""

    def __init__(self, options: Options, position: Position, context: Context):
        self._limit = options.dump_limit
        self._base = context.source.base_url or BASE_URL
        super().__init__(
            position,
            context,
            ask=partial(_order, options),
            look=self._seen,
            family=_Dump,
            span=SPAN,
            trust=LATE,
            horizon=RETENTION,
        )

    def refused(self, status: int) -> bool:
        """A dump that can't be deleted is gone already, or will go by itself: it has been read."""
        if self._step == DELETE:
            self.take(Answer(body=b"{}", received_at=self._now))
            return True
        return super().refused(status)

    @property
    def _dump(self) -> _Dump:
        assert isinstance(self._family, _Dump)
        return self._family

    @property
    def _step(self) -> str:
        return self._dump.step

    def _seen(self, answer: Answer) -> Page:
        match self._step:
            case "create":
                return _ordered(success(answer.body))
            case "wait":
                return self._state(success(answer.body))
            case "file":
                return self._file(answer.body)
        decoded(answer.body)
        return _Step(ids=[])

    def _state(self, said: Fields) -> _Step:
        dump = fields(said.get("event_dump"))
        state, files = text(dump.get("dump_status")), dump.get("files")
        if not state:
            raise Malformed("The answer does not say how the dump is.")
        # Files may be named before all of them are written.
        ready = state == "ready"
        named = files if ready and isinstance(files, list) else []
        return _Step(ids=[], ready=ready, failed=state == "failed", files=tuple(map(self._named, named)))

    def _named(self, file: object) -> tuple[str, int]:
        said = fields(file)
        url, size = text(said.get("url")), said.get("size")
        if not url:
            raise Malformed("A file of the dump has no address.")
        try:
            elsewhere = urlsplit(urljoin(f"{self._base}/", url))[:2] != urlsplit(self._base)[:2]
        except ValueError:
            elsewhere = True
        if elsewhere:
            raise Malformed("A file of the dump is on another host, which is not asked.")
        return url, size if type(size) is int else 0

    def _file(self, body: bytes) -> _Step:
        if len(body) < self._dump.length:
            raise Malformed("The file is shorter than it was said to be.")
        ids = [digest(repr(row)) for row in dumps.rows(body)]
        read = self._dump.place["rows"] + len(ids)
        return _Step(ids=ids, deep=self._dump.last and read >= self._limit)


def _ordered(said: Fields) -> _Step:
    dump = text(said.get("dump_id"))
    if not dump:
        raise Malformed("The answer names no dump.")
    return _Step(ids=[], dump=dump)
