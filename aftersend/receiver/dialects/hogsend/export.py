"""``reporting/sends/export``: the send log as CSV, streamed (providers/hogsend.md 2.3).

Bytes as the platform's: commas, line feeds, none behind the last row, no byte order mark; a cell is quoted only where
it must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from flask import Response

from aftersend.receiver.auth import CONTACTS, REPORTS
from aftersend.receiver.dialects.hogsend import sends
from aftersend.receiver.dialects.hogsend.desk import Desk
from aftersend.receiver.dialects.hogsend.sends import send_id, stamp
from aftersend.receiver.installation import installation
from aftersend.receiver.lines import harmless
from aftersend.storage.contract import LogFilter, MessageRow, Store
from aftersend.vocabulary import Kind

MOST = 50_000
PAGE = 2_000
HEADER = (
    "id,createdAt,templateKey,status,toEmail,userId,subject,"
    "sentAt,deliveredAt,openedAt,clickedAt,bouncedAt,complainedAt,bounceType"
)
TIMES = (Kind.SENT, Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.COMPLAINED)

Cell = Callable[[str | None], str]
_quotable = re.compile(r'[",\n\r]').search


def export() -> Response:
    """At most 50,000 rows, newest first; ``engagement`` that isn't known is not looked at, as the platform does."""
    desk = Desk(REPORTS, CONTACTS)
    template, category = desk.query.text("templateKey"), desk.query.text("category")
    status, user = desk.query.option("status", (*sends.STATUSES, "suppressed")), desk.query.text("userId")
    engagement = desk.query.text("engagement")
    since, until = desk.query.loose_window()
    asked = LogFilter(
        sources=desk.sources(),
        template=template,
        happened=sends.ENGAGEMENTS.get(engagement or ""),
        since=since,
        until=until,
    )
    which = sends.matching(desk.store, asked, status, user) if category is None else None
    headers = {"Content-Disposition": 'attachment; filename="email-sends.csv"'}
    if which is not None and desk.store.log(which, limit=1, offset=MOST - 1):
        headers |= {"X-Hogsend-Export-Truncated": "true", "X-Hogsend-Export-Limit": str(MOST)}
    cell = _harmless_cell if installation().settings.server.formulas == "safe" else _cell
    return Response(_csv(desk.store, which, cell), headers=headers, content_type="text/csv; charset=utf-8")


def _csv(store: Store, which: LogFilter | None, cell: Cell) -> Iterator[bytes]:
    yield HEADER.encode()
    left, after = MOST if which else 0, None
    while which and left and (rows := store.log(which, limit=min(PAGE, left), after=after)):
        # Each row brings the line feed that ends the one before it.
        yield "".join(_line(row, cell) for row in rows).encode("utf-8", "replace")
        left -= len(rows)
        after = rows[-1].created_at, rows[-1].number


def _line(row: MessageRow, cell: Cell) -> str:
    happened = row.outcomes
    times = ",".join([stamp(happened[kind].first_at) if kind in happened else "" for kind in TIMES])
    return (
        f"\n{send_id(row.number)},{stamp(row.created_at)},{cell(row.template or row.campaign_id)},{row.status},"
        f"{cell(row.email)},{cell(row.external_id or row.contact_id)},{cell(row.subject)},{times},"
        f"{sends.BOUNCE_TYPES[row.bounce] if row.bounce else ''}"
    )


def _cell(text: str | None) -> str:
    if not text:
        return ""
    return '"' + text.replace('"', '""') + '"' if _quotable(text) else text


def _harmless_cell(text: str | None) -> str:
    return _cell(harmless(text))
