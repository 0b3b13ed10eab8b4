"""Leads: pages of a campaign's leads, and single leads with their e-mails and replies (provider file, section 2.7).

A page tells the times of each lead, a single lead everything else (:mod:`~aftersend.providers.coldsend.identity` says
why). Status is the latest state and no history: it is looked at for what stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from aftersend.providers.coldsend.identity import EMAILS, FLAGS, LEAD, REPLIED, REPLIES, REPLY, of_lead
from aftersend.providers.coldsend.values import Fields, Stamp, decoded, digest, listed, page, stamp
from aftersend.providers.coldsend.words import CONTACTED, DELIVERY, EXTERNAL, STATUSES, WAITING
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import known, text
from aftersend.vocabulary import BadInput, BounceClass, Clock, ContactInfo, Delivery, Event, Kind, Reading

HAPPENED = (
    *("last_contacted_at", "opened_at", "replied_at", "email_opened", "email_replied"),
    *("unsubscribed", "delivery_status"),
)
"""Fields of a row that are empty or false until something happens to its lead."""
TELLING = ("status", "sequence_step", *HAPPENED)
"""Fields of a row that move when something happens to its lead (2.10)."""


def look(answer: Answer) -> tuple[Page, list[Fields]]:
    """A page of leads, and its rows that name one. Raises Malformed."""
    said, rows = listed(answer.body, "leads")
    ids = [(isinstance(row, dict) and text(row.get("lead_id"))) or digest(row) for row in rows]
    return page(said, ids), [row for row in rows if isinstance(row, dict) and text(row.get("lead_id"))]


def fingerprint(row: Fields) -> str | None:
    """What differs when something has happened to a lead; ``None`` where nothing ever has, or nothing that counts."""
    status = _status(row)
    if status == EXTERNAL or (status in WAITING and not any(row.get(name) for name in HAPPENED)):
        return None
    return digest(*(row.get(name) for name in TELLING))[:12]


def read_page(delivery: Delivery, source: str, zone: str) -> Reading:
    """What a page of a campaign's leads tells."""
    try:
        _, rows = listed(delivery.body, "leads")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = _Reading(delivery, source, zone)
    for row in rows:
        reading.add(row, _of_row)
    return reading.reading


def read_lead(delivery: Delivery, source: str, zone: str) -> Reading:
    """What a single lead tells."""
    try:
        said = decoded(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    inside = said.get("lead") if isinstance(said, dict) else None
    lead = inside if isinstance(inside, dict) else said
    reading = _Reading(delivery, source, zone)
    # Which lead was asked for is known, whatever the answer calls it.
    asked = delivery.context.get("lead")
    reading.add(lead | {"lead_id": asked} if isinstance(lead, dict) and asked else lead, _of_lead)
    return reading.reading


class _Lead(NamedTuple):
    """A lead, and what its events have in common."""

    id: str
    fields: Fields
    delivery: Delivery
    source: str
    zone: str

    def event(self, kind: Kind, word: str, at: Stamp | None, **fields: Any) -> Event:
        """An event of the lead; without a time, at the time of receipt."""
        received = self.delivery.received_at
        stood_in = Stamp(received - received % 1000, Clock.RECEIVED)
        fact = fields.pop("fact", str(kind))
        return Event(
            slot=of_lead(self.source, fact, self.id),
            kind=kind,
            word=word,
            occurred_at=(at or stood_in).at,
            clock=(at or stood_in).clock,
            campaign_id=self.delivery.context.get("campaign") or text(self.fields.get("campaign_id")),
            email=text(self.fields.get("email")),
            metadata={"lead_id": self.id} | fields.pop("metadata", {}),
            **fields,
        )

    def stamp(self, fields: Fields, name: str) -> Stamp | None:
        return stamp(fields.get(name), name, self.zone)


Teller = Callable[[], Iterator[Event]]
"""Tells events. Raises BadInput where the fields they are in can't be understood."""
Part = tuple[Any, Teller]
"""A part of a lead, and what tells its events."""


class _Reading:
    """A reading in the making: what can't be understood becomes a problem, its neighbours are read."""

    def __init__(self, delivery: Delivery, source: str, zone: str):
        self.reading = Reading()
        self._delivery, self._source, self._zone = delivery, source, zone
        self._item = 0

    def add(self, row: Any, parts: Callable[[_Lead], Iterator[Part]]) -> None:
        """``parts`` takes a lead apart."""
        if not isinstance(row, dict) or not (lead_id := text(row.get("lead_id"))):
            self._problem(row, "lead_id is missing." if isinstance(row, dict) else "A lead is not an object.")
            return
        lead = _Lead(lead_id, row, self._delivery, self._source, self._zone)
        if _status(row) == EXTERNAL:
            return
        for part, told in parts(lead):
            try:
                self.reading.events += list(told())
            except BadInput as error:
                self._problem(part, error)
            self._item += 1
        email, first, last = (text(row.get(name)) for name in ("email", "first_name", "last_name"))
        if email and (first or last):
            self.reading.contacts.append(ContactInfo(email=email, first_name=first, last_name=last))

    def _problem(self, item: Any, why: Exception | str) -> None:
        self.reading.problems.append(problem(self._item, item, why))
        self._item += 1


# -- what a lead is made of ------------------------------------------------------------------------------


def _of_row(lead: _Lead) -> Iterator[Part]:
    for tell in (_contacted, _opened, _replied):
        yield lead.fields, partial(tell, lead)


def _of_lead(lead: _Lead) -> Iterator[Part]:
    yield from _of_row(lead)
    emails, replies = _objects(lead, "email_interactions"), _objects(lead, "replies")
    yield lead.fields, partial(_flags, lead, emails, replies)
    yield lead.fields, partial(_delivery, lead, emails)
    for email in emails:
        for tell in (_sent, _email_opened, _email_bounced, _email_replied) if isinstance(email, dict) else (_nothing,):
            yield email, partial(tell, lead, email)
    for reply in replies:
        yield reply, partial(_reply if isinstance(reply, dict) else _nothing, lead, reply)


def _objects(lead: _Lead, name: str) -> list[Any]:
    found = lead.fields.get(name)
    return found if isinstance(found, list) else []


def _nothing(_lead: _Lead, _part: Any) -> Iterator[Event]:
    raise BadInput("This is not an object.")


# -- the lead's own times --------------------------------------------------------------------------------


def _contacted(lead: _Lead) -> Iterator[Event]:
    at = lead.stamp(lead.fields, "last_contacted_at")
    if at and _status(lead.fields) in CONTACTED:
        yield lead.event(Kind.SENT, "last_contacted_at", at, list=LEAD)


def _opened(lead: _Lead) -> Iterator[Event]:
    if at := lead.stamp(lead.fields, "opened_at"):
        yield lead.event(Kind.OPENED, "opened_at", at, list=LEAD)


def _replied(lead: _Lead) -> Iterator[Event]:
    if at := lead.stamp(lead.fields, "replied_at"):
        yield lead.event(Kind.REPLIED, "replied_at", at, fact=REPLY, list=LEAD)


# -- what its status and flags tell ----------------------------------------------------------------------


def _flags(lead: _Lead, emails: list[Any], replies: list[Any]) -> Iterator[Event]:
    """What nothing else in the answer tells: so a flag is never seen later than what tells the same of an e-mail."""
    told = _told(lead, emails, replies)
    status = _status(lead.fields)
    kind = STATUSES.get(status) if status in STATUSES else Kind.OTHER
    for flag, flagged, fact in (
        ("unsubscribed", Kind.UNSUBSCRIBED, str(Kind.UNSUBSCRIBED)),
        ("email_opened", Kind.OPENED, str(Kind.OPENED)),
        ("email_replied", Kind.REPLIED, REPLY),
    ):
        if lead.fields.get(flag) is True and flagged not in told and flagged is not kind:
            yield lead.event(flagged, flag, None, fact=fact, list=FLAGS)
    if status and kind is not None and kind not in told:
        fact = f"other {status}" if kind is Kind.OTHER else str(kind)
        bounce_class = BounceClass.UNDETERMINED if kind is Kind.BOUNCED else None
        yield lead.event(kind, status, None, fact=fact, list=FLAGS, bounce_class=bounce_class)


def _told(lead: _Lead, emails: list[Any], replies: list[Any]) -> set[Kind]:
    """The kinds that stand elsewhere in the answer."""
    mails = [email for email in emails if isinstance(email, dict)]
    meaning = _meaning(text(lead.fields.get("delivery_status")) or "")
    told: set[Kind] = {meaning[0]} if meaning and meaning[0] is not Kind.OTHER else set()
    if lead.fields.get("opened_at") or any(_flag(mail, "opened", "opened_at") for mail in mails):
        told.add(Kind.OPENED)
    if lead.fields.get("replied_at") or replies or any(mail.get("replied_at") for mail in mails):
        told.add(Kind.REPLIED)
    if any(mail.get("bounced") is True for mail in mails):
        told.add(Kind.BOUNCED)
    return told


def _meaning(word: str) -> tuple[Kind, BounceClass | None] | None:
    name = word.lower().replace("_", "").replace(" ", "")
    return DELIVERY.get(name, (Kind.OTHER, None))


def _delivery(lead: _Lead, emails: list[Any]) -> Iterator[Event]:
    """``delivery_status`` is of the latest e-mail (2.7)."""
    word = text(lead.fields.get("delivery_status"))
    if not word:
        return
    meaning = _meaning(word)
    if meaning is None:
        return
    kind, bounce_class = meaning
    fact = f"other {word.lower()}" if kind is Kind.OTHER else str(kind)
    latest = _latest(lead, emails)
    where = _place(latest) if latest else {"list": FLAGS}
    reason = None if kind in (Kind.DELIVERED, Kind.OTHER) else word
    yield lead.event(kind, word, None, fact=fact, bounce_class=bounce_class, reason=reason, **where)


def _latest(lead: _Lead, emails: list[Any]) -> Fields | None:
    """The e-mail that went out last."""
    found: tuple[tuple[int, int], Fields] | None = None
    for email in emails:
        if not isinstance(email, dict) or not _flag(email, "sent", "sent_at"):
            continue
        try:
            at = lead.stamp(email, "sent_at")
        except BadInput:
            at = None
        step = email.get("sequence_step")
        order = (at.at if at else 0, step if type(step) is int else 0)
        if found is None or order > found[0]:
            found = order, email
    return found[1] if found else None


# -- its e-mails -----------------------------------------------------------------------------------------


def _sent(lead: _Lead, email: Fields) -> Iterator[Event]:
    if _flag(email, "sent", "sent_at"):
        yield lead.event(Kind.SENT, "sent", lead.stamp(email, "sent_at"), **_place(email))


def _email_opened(lead: _Lead, email: Fields) -> Iterator[Event]:
    if _flag(email, "opened", "opened_at"):
        yield lead.event(Kind.OPENED, "opened", lead.stamp(email, "opened_at"), **_place(email))


def _email_bounced(lead: _Lead, email: Fields) -> Iterator[Event]:
    if email.get("bounced") is True:
        place = _place(email)
        yield lead.event(Kind.BOUNCED, "bounced", None, bounce_class=BounceClass.UNDETERMINED, **place)


def _email_replied(lead: _Lead, email: Fields) -> Iterator[Event]:
    if at := lead.stamp(email, "replied_at"):
        yield lead.event(Kind.REPLIED, "replied_at", at, fact=REPLY, **(_place(email) | {"list": REPLIED}))


def _place(email: Fields) -> dict[str, Any]:
    """Where an e-mail stands among those of its lead."""
    own, step = text(email.get("email_id")), text(email.get("sequence_step"))
    subject, inbox = text(email.get("subject")), text(email.get("inbox_email"))
    return {
        "list": EMAILS,
        "row": own or f"step {step or digest(email)}",
        "message_id": own,
        "metadata": known(sequence_step=step, subject=subject, inbox_email=inbox),
    }


def _flag(fields: Fields, flag: str, exact: str) -> bool:
    """The flag, where there is one; else whether there is a time."""
    told = fields.get(flag)
    return told if isinstance(told, bool) else bool(fields.get(exact))


# -- its replies -----------------------------------------------------------------------------------------


def _reply(lead: _Lead, reply: Fields) -> Iterator[Event]:
    own, at = text(reply.get("reply_id")), lead.stamp(reply, "received_at")
    automatic = reply.get("is_auto_reply") is True
    metadata = known(reply_id=own, subject=text(reply.get("subject")))
    yield lead.event(
        Kind.AUTO_REPLIED if automatic else Kind.REPLIED,
        "is_auto_reply" if automatic else "reply",
        at,
        fact=REPLY,
        list=REPLIES,
        row=own or digest(reply),
        row_id=own,
        metadata=metadata,
    )
    if reply.get("is_unsubscribe") is True:
        yield lead.event(Kind.UNSUBSCRIBED, "is_unsubscribe", at, list=FLAGS, metadata={"method": "reply"} | metadata)


def _status(row: Fields) -> str:
    return (text(row.get("status")) or "").upper()
