"""Replies: conversations, the threads they lead to, and the messages of these (provider file, section 2.8).

Only incoming messages of a campaign's threads are events. Whether one is automatic no thread tells, only the lead does;
both tell of the same reply (:mod:`~aftersend.providers.coldsend.identity`).
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.coldsend.identity import REPLY, THREADS, of_lead
from aftersend.providers.coldsend.values import Fields, Stamp, decoded, digest, listed, page, stamp
from aftersend.providers.coldsend.words import EXTERNAL
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import known, text
from aftersend.vocabulary import BadInput, Clock, Delivery, Event, Kind, Problem, Reading

CONVERSATIONS, THREAD, MESSAGES = "conversations", "thread", "messages"
"""The lists, as the context of a delivery names them."""
TELLING = ("reply_count", "last_message_preview", "last_message_at", "last_reply_at")
"""Fields of a conversation that move with a new message (2.10; the latter two are not documented)."""


def look(answer: Answer) -> tuple[Page, list[Fields]]:
    """A page of conversations, and its rows that name a thread. Raises Malformed."""
    said, rows = listed(answer.body, "conversations")
    ids = [(isinstance(row, dict) and text(row.get("thread_id"))) or digest(row) for row in rows]
    return page(said, ids), [row for row in rows if isinstance(row, dict) and text(row.get("thread_id"))]


def look_at_messages(answer: Answer) -> Page:
    """A page of a thread's messages; JSON of another shape is a problem of its thread alone. Raises Malformed."""
    said = decoded(answer.body)
    rows = said.get("messages") if isinstance(said, dict) else None
    if not isinstance(rows, list):
        return Page(ids=[], more=False)
    return page(said, [(isinstance(row, dict) and text(row.get("reply_id"))) or digest(row) for row in rows])


def thread(body: bytes) -> Fields:
    """The fields of a single thread, none where JSON has another shape. Raises Malformed."""
    said = decoded(body)
    inside = said.get("thread") if isinstance(said, dict) else None
    found = inside if isinstance(inside, dict) else said
    return found if isinstance(found, dict) else {}


def fingerprint(row: Fields) -> str:
    """What differs when a thread has a new message."""
    return digest(*(row.get(name) for name in TELLING))[:12]


def whose(row: Fields) -> dict[str, str] | None:
    """The lead and campaign of a conversation or thread, as its messages are read by; ``None`` where it doesn't tell,
    and nothing in it for a thread that belongs to no campaign."""
    lead, campaign = text(row.get("lead_id")), text(row.get("campaign_id"))
    if (text(row.get("campaign_name")) or "").upper() == EXTERNAL or ("campaign_id" in row and campaign is None):
        return {}
    if not lead or not campaign:
        return None
    return known(lead=lead, campaign=campaign, email=text(row.get("lead_email")))


def read(delivery: Delivery, source: str, zone: str) -> Reading:
    """What a page of messages tells. Of conversations and threads only what can't be understood."""
    try:
        match delivery.context.get("part"):
            case "messages":
                _, rows = listed(delivery.body, "messages")
            case "conversations":
                return Reading(problems=_nameless(listed(delivery.body, "conversations")[1]))
            case _:
                return Reading(problems=_nobodys(thread(delivery.body), delivery.body))
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            reading.events += _events(row, delivery, source, zone)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def _nameless(rows: list[Any]) -> list[Problem]:
    return [
        problem(number, row, "thread_id is missing.")
        for number, row in enumerate(rows)
        if not isinstance(row, dict) or not text(row.get("thread_id"))
    ]


def _nobodys(said: Fields, raw: bytes) -> list[Problem]:
    return [] if whose(said) is not None else [problem(0, raw, "The thread names no lead and campaign.")]


def _events(row: Any, delivery: Delivery, source: str, zone: str) -> list[Event]:
    if not isinstance(row, dict):
        raise BadInput("A message is not an object.")
    outgoing = row.get("is_outgoing")
    if not isinstance(outgoing, bool):
        raise BadInput("is_outgoing is missing.", "is_outgoing")
    if outgoing:
        return []
    own, lead = text(row.get("reply_id")), delivery.context.get("lead", "")
    received = Stamp(delivery.received_at - delivery.received_at % 1000, Clock.RECEIVED)
    at = stamp(row.get("created_at"), "created_at", zone) or received
    return [
        Event(
            slot=of_lead(source, REPLY, lead),
            kind=Kind.REPLIED,
            word="message",
            occurred_at=at.at,
            clock=at.clock,
            list=THREADS,
            row=own or digest(row),
            row_id=own,
            campaign_id=delivery.context.get("campaign"),
            email=delivery.context.get("email") or text(row.get("from_email")),
            metadata=known(
                lead_id=lead,
                message_id=text(row.get("message_id")),
                reply_id=own,
                subject=text(row.get("subject")),
                thread_id=delivery.context.get("thread"),
            ),
        )
    ]
