"""``GET /v1/export``: events or messages as a file of any length, oldest first, as CSV or JSON Lines.

The file is streamed page by page in constant memory (:mod:`~aftersend.receiver.walks`), so a client that goes away ends
the work. What fails before the first byte is an error like any other; what fails behind it breaks the file off, see
:mod:`~aftersend.receiver.lines`. ``aftersend export`` writes the same files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import structlog
from flask import Flask, Response, request
from msgspec import Meta
from werkzeug.exceptions import NotFound

from aftersend.receiver import auth, params, questions, reports, walks
from aftersend.receiver.answers import Currency
from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.columns import EVENT, MESSAGE, Cells, event_cells, message_cells
from aftersend.receiver.gate import Gate
from aftersend.receiver.installation import installation
from aftersend.receiver.lines import Csv, Form, JsonLines
from aftersend.receiver.reports import Reports
from aftersend.storage.contract import Filter, LogFilter
from aftersend.vocabulary import BadInput, Channel

log = structlog.get_logger(__name__)

PATH = "/v1/export"
SUMMARY = "Events or messages as a file of any length, oldest first"
MEDIA = (Csv.media, JsonLines.media)
SCOPES = (REPORTS, CONTACTS)


class ExportQuestion(questions.Selection, frozen=True, kw_only=True):
    """What an export may be asked. The filters are those of ``/v1/activities``; for messages the range of time is that
    of their creation, and ``kind`` is what happened to them at least once."""

    what: Annotated[Literal["events", "messages"], Meta(description="A row for each event, or for each message.")] = (
        "events"
    )
    format: Annotated[Literal["csv", "jsonl"], Meta(description="Default: as Accept says, else CSV.")] | None = None
    kind: questions.Kinds = None
    channel: questions.Through = Channel.EMAIL
    contact_id: questions.Text = None
    external_id: Annotated[str | None, Meta(description="Only contacts with this id of your own.")] = None
    email: Annotated[str | None, Meta(description="Only this address, in any case of letters.")] = None
    message_id: questions.Text = None
    columns: (
        Annotated[tuple[str, ...], Meta(description="These columns, in this order. Default: all there are.")] | None
    ) = None
    formulas: Annotated[
        Literal["raw", "safe"] | None,
        Meta(
            description="safe: an apostrophe before CSV cells that a spreadsheet would compute (= + - @ tab CR LF). "
            "Default: as the setting formulas says, else raw."
        ),
    ] = None


class Export:
    """A file that is ready to be written."""

    def __init__(self, form: Form, cells: Cells, pages: Iterator[list[Any]], name: str, currency: Currency):
        self.form = form
        self.name = name
        """What to call the file."""
        self.currency = currency
        self.rows = 0
        """Rows written so far."""
        self._cells = cells
        self._pages = pages

    def __iter__(self) -> Iterator[bytes]:
        """The file, piece by piece, once. Where the store can't be read on, the file is broken off and the error
        raised."""
        if head := self.form.head():
            yield head
        cells = self._cells
        try:
            for page in filter(None, self._pages):
                self.rows += len(page)
                yield self.form.lines([cells(row) for row in page])
        except Exception:
            yield self.form.broken_off
            raise


class Exporter(Reports):
    """Makes exports, of what somebody limited to ``sources`` may see."""

    def export(self, question: ExportQuestion) -> Export:
        """Raises BadInput naming the field, and NotFound for a source that doesn't exist here."""
        columns = _columns(question)
        safe = (question.formulas or self.settings.server.formulas) == "safe"
        form = JsonLines(columns) if question.format == "jsonl" else Csv(columns, safe=safe)
        which = self._filter(
            question,
            kinds=question.kind,
            channels=(question.channel,),
            contact_id=question.contact_id,
            external_id=question.external_id,
            email=question.email,
            message_id=question.message_id,
        )
        pages, cells = (
            (self._events(which), event_cells(columns))
            if question.what == "events"
            else (self._messages(which), message_cells(columns))
        )
        name = f"aftersend-{question.what}-{datetime.now(UTC):%Y-%m-%d}.{form.extension}"
        return Export(form, cells, pages, name, self._currency(which.sources))

    def _events(self, which: Filter) -> Iterator[list[Any]]:
        # Nothing is read before the first byte is on its way.
        yield from walks.events(self.store, which)

    def _messages(self, which: Filter) -> Iterator[list[Any]]:
        """Raises BadInput for a filter that says nothing about a message as a whole."""
        if which.channels != (Channel.EMAIL,):
            raise BadInput("Only messages by email can be exported; leave out 'channel'.", "channel")
        if which.machine != "include":
            raise BadInput("A message has everything that happened to it; 'machine' is for events.", "machine")
        return self._logged(which)

    def _logged(self, which: Filter) -> Iterator[list[Any]]:
        kinds = set(which.kinds or ())
        wanted = LogFilter(
            sources=which.sources,
            campaign_id=which.campaign_id,
            contact_id=which.contact_id,
            external_id=which.external_id,
            happened=next(iter(kinds)) if len(kinds) == 1 else None,
            since=which.since,
            until=which.until,
        )
        for page in walks.messages(self.store, self._spelled(wanted, which.email)):
            yield [
                row
                for row in page
                if (not kinds or not kinds.isdisjoint(row.outcomes)) and which.message_id in (None, row.message_id)
            ]

    def _spelled(self, which: LogFilter, email: str | None) -> list[LogFilter]:
        """A filter for each way in which an address is written: the log looks for one of them."""
        if email is None:
            return [which]
        named = Filter(sources=which.sources, email=email, channels=None)
        written = {row.email for row in self.store.contacts(named, limit=1000) if row.email is not None}
        return [msgspec.structs.replace(which, email=one) for one in sorted(written)]


def _columns(question: ExportQuestion) -> tuple[str, ...]:
    known = EVENT if question.what == "events" else MESSAGE
    columns = question.columns or known
    for name in columns:
        if name not in known:
            raise BadInput(f"There is no column '{name[:60]}'; {question.what} have {', '.join(known)}.", "columns")
    if len(set(columns)) < len(columns):
        raise BadInput("'columns' names one twice.", "columns")
    return columns


# -- over HTTP -----------------------------------------------------------------------------------------

_GATE = Gate("v1", auth.secret_of)
_ACCEPTED = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/jsonl": "jsonl"}
_FAST = 1
"""Of zlib's levels: the file should arrive soon rather than small."""


def register(app: Flask) -> None:
    """Serve exports."""
    app.add_url_rule(PATH, "v1.export", _view, methods=["GET"])


def _view() -> Response:
    caller = _GATE.enter(*SCOPES)
    question = params.decode(request.args, ExportQuestion)
    if question.format is None:
        best = request.accept_mimetypes.best_match(_ACCEPTED, default="text/csv")
        question = msgspec.structs.replace(question, format=_ACCEPTED[best])
    here = installation()
    try:
        export = Exporter(here.store, here.settings, caller.sources, caller.key.id).export(question)
    except reports.NotFound as error:
        raise _not_found(error) from error
    pieces = _logged(export)
    headers = {
        "Content-Disposition": f'attachment; filename="{export.name}"',
        "Vary": "Accept, Accept-Encoding",
    }
    if as_of := export.currency["as_of"]:
        headers["X-As-Of"] = as_of
    if complete_until := export.currency["complete_until"]:
        headers["X-Complete-Until"] = complete_until
    if request.accept_encodings.quality("gzip") > 0:
        pieces = _squeezed(pieces)
        headers["Content-Encoding"] = "gzip"
    return Response(pieces, headers=headers, content_type=export.form.media)


def _logged(export: Export) -> Iterator[bytes]:
    """An export; one that breaks off is logged here, because no error handler sees it."""
    try:
        yield from export
    except Exception as error:
        log.error("export broke off", rows=export.rows, exc_info=error)
        raise


def _squeezed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same as gzip, each piece readable as soon as it is there. One that breaks off lacks gzip's end."""
    squeezer = zlib.compressobj(_FAST, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for piece in pieces:
        yield squeezer.compress(piece) + squeezer.flush(zlib.Z_SYNC_FLUSH)
    yield squeezer.flush()


def _not_found(error: reports.NotFound) -> NotFound:
    """A 404 that names the field it speaks of, as the error envelope does."""
    found = NotFound(str(error))
    found.field = error.field  # type: ignore[attr-defined]
    return found
