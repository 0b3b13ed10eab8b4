"""Lists of a campaign's report: who got it and what they did (provider file, Pull feed).

Each is a list of recipients. Only what they did has times; ``sent-to`` has none but the campaign's, which its walk puts
into the delivery's context.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from aftersend.providers import marks
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailchimp.identity import ACTIVITY, ONCE, OPENS, REPORTS, of_act, of_recipient
from aftersend.providers.mailchimp.options import Options
from aftersend.providers.mailchimp.values import contact, digest, email_id, merges, stamp
from aftersend.providers.mailchimp.words import ACTIONS, BOUNCES
from aftersend.providers.paging import Page
from aftersend.providers.values import Stamp, decoded, known, rows_of, text
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    ContactInfo,
    Delivery,
    Event,
    Kind,
    Machine,
    Precision,
    Reading,
)

ROWS = {
    "sent": "sent_to",
    "activity": "emails",
    "opens": "members",
    "unsubscribed": "unsubscribes",
    "complaints": "abuse_reports",
}
"""Feed → what the answer calls its rows."""


def look(name: str, answer: Answer) -> Page:
    """A page of the list whose rows have that name; ids are of all a row says."""
    said = decoded(answer.body)
    total = said.get("total_items") if isinstance(said, dict) else None
    ids = [digest(row) for row in rows_of(said, name)]
    return Page(ids=ids, total=total if type(total) is int and total >= 0 else None)


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a page. What is wrong in a row is a problem, the rest of it is read."""
    try:
        rows = rows_of(decoded(delivery.body), ROWS[delivery.feed])
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        wrong: list[str] = []
        try:
            member = _Member(row, delivery, source, options)
            for make in member.facts(delivery.feed):
                try:
                    reading.events.append(make())
                except BadInput as error:
                    wrong.append(str(error))
            reading.contacts += member.contacts()
        except BadInput as error:
            wrong.append(str(error))
        reading.problems += [problem(number, row, reason) for reason in dict.fromkeys(wrong)]
    return reading


Make = Callable[[], Event]
"""Makes an event. Raises BadInput naming the field."""


class _Member:
    """A recipient of a campaign."""

    def __init__(self, row: Any, delivery: Delivery, source: str, options: Options):
        """Raises BadInput naming the field."""
        if not isinstance(row, dict):
            raise BadInput("A row must be an object.")
        self.row, self.source, self.options = row, source, options
        campaign = text(row.get("campaign_id")) or delivery.context.get("campaign")
        if not campaign:
            raise BadInput("campaign_id is missing.", "campaign_id")
        self.campaign: str = campaign
        self.email = text(row.get("email_address"))
        own = text(row.get("email_id")) or (email_id(self.email) if self.email else None)
        if own is None:
            raise BadInput("email_id is missing.", "email_id")
        self.id: str = own
        # What webhooks show is the address: what is made of it is the same through both doors.
        self._recipient = email_id(self.email) if self.email else own
        found = row.get("merge_fields")
        self.merged: dict[str, Any] = found if isinstance(found, dict) else {}
        self._sent_at = delivery.context.get("send_time")
        self._received = Stamp(delivery.received_at).about(Precision.DAY)

    def facts(self, feed: str) -> Iterable[Make]:
        match feed:
            case "activity":
                return self._activities()
            case "opens":
                return self._opens()
            case "unsubscribed":
                return [partial(self._left, Kind.UNSUBSCRIBED, "timestamp")]
            case "complaints":
                return [partial(self._left, Kind.COMPLAINED, "date")]
        return self._sent()

    def contacts(self) -> list[ContactInfo]:
        return contact(self.email, self.id, self.merged, self.options)

    def _sent(self) -> Iterable[Make]:
        """That it was sent, to everyone in the list; and whether it came back, for which no time is told."""
        at = stamp(self._sent_at, "send_time") if self._sent_at else self._received
        more = known(absplit_group=text(self.row.get("absplit_group")), gmt_offset=text(self.row.get("gmt_offset")))
        more |= {"vip": "yes"} if self.row.get("vip") is True else {}
        status = text(self.row.get("status")) or "sent"
        # The campaign's time, from which a recipient's may be hours away.
        yield partial(
            self._event, Kind.SENT, "sent", at._replace(precision=Precision.MINUTE), self._once(Kind.SENT), more
        )
        if found := BOUNCES.get(status):
            place = self._once(Kind.BOUNCED) | {"list": REPORTS, "row": status}
            yield partial(self._event, Kind.BOUNCED, status, at.about(Precision.DAY), place, bounce_class=found)
        elif status != "sent":
            slot = of_recipient(self.source, f"{Kind.OTHER} {status}", self.campaign, self._recipient)
            yield partial(self._event, Kind.OTHER, status, at.about(Precision.DAY), {"slot": slot})

    def _activities(self) -> Iterable[Make]:
        met: Counter[str] = Counter()
        for item in self._items("activity"):
            own = digest(*(text(item.get(name)) for name in ("action", "timestamp", "url", "ip")))
            met[own] += 1
            yield partial(self._activity, item, f"{digest(text(item.get('ip')))} {met[own]}")

    def _activity(self, item: Any, row: str) -> Event:
        word, at = text(item.get("action")), stamp(item.get("timestamp"), "timestamp")
        if word is None:
            raise BadInput("action is missing.", "action")
        kind, url = ACTIONS.get(word, Kind.OTHER), text(item.get("url"))
        if kind is Kind.BOUNCED:
            type_ = text(item.get("type")) or ""
            place = self._once(kind) | {"list": ACTIVITY, "row": type_}
            return self._event(kind, word, at, place, bounce_class=BOUNCES.get(type_, BounceClass.UNDETERMINED))
        fact = word if kind is Kind.OTHER else kind
        slot = of_act(self.source, fact, self.campaign, self._recipient, at.at, url)
        place = {"slot": slot, "list": ACTIVITY, "row": row}
        return self._event(kind, word, at, place, url=url, ip=text(item.get("ip")))

    def _opens(self) -> Iterable[Make]:
        met: Counter[str | None] = Counter()
        for item in self._items("opens"):
            when = text(item.get("timestamp"))
            met[when] += 1
            yield partial(self._open, item, str(met[when]))

    def _open(self, item: Any, row: str) -> Event:
        at, proxy = stamp(item.get("timestamp"), "timestamp"), item.get("is_proxy_open") is True
        slot = of_act(self.source, Kind.OPENED, self.campaign, self._recipient, at.at, None)
        return self._event(
            Kind.OPENED,
            "open",
            at,
            {"slot": slot, "list": OPENS, "row": row},
            machine=Machine.MACHINE if proxy else Machine.UNKNOWN,
            machine_reason="is_proxy_open" if proxy else None,
        )

    def _left(self, kind: Kind, time: str) -> Event:
        """Opted out or complained. The list of complaints calls its time ``date``, which isn't documented."""
        at = stamp(self.row.get(time) or self.row.get("timestamp"), time)
        place = self._once(kind) | {"list": REPORTS, "row": ONCE}
        word = "unsubscribed" if kind is Kind.UNSUBSCRIBED else "abuse"
        return self._event(kind, word, at, place, reason=text(self.row.get("reason")))

    def _items(self, name: str) -> list[dict[str, Any]]:
        """Raises BadInput where it isn't a list of objects."""
        found = self.row.get(name) or []
        if not isinstance(found, list):
            raise BadInput(f"{name} is not a list.", name)
        return [item if isinstance(item, dict) else {} for item in found]

    def _once(self, kind: Kind) -> dict[str, Any]:
        return {"slot": of_recipient(self.source, kind, self.campaign, self._recipient)}

    def _event(
        self, kind: Kind, word: str, at: Stamp, place: dict[str, Any], more: dict[str, str] | None = None, **fields: Any
    ) -> Event:
        return Event(
            kind=kind,
            word=word,
            occurred_at=at.at,
            precision=at.precision,
            clock=at.clock,
            campaign_id=self.campaign,
            contact_id=self.id,
            external_id=marks.told(self.merged, self.options.external_id),
            email=self.email,
            metadata=merges(self.merged) | known(list_id=text(self.row.get("list_id"))) | (more or {}),
            **place,
            **fields,
        )
