"""SendGrid's email activity: which messages have moved, and the events of one (provider file, "Pull feed", A).

A summary tells how often a message was opened, not when, so it says which messages to look at and no event. A message's
own events have their times, which are those of webhooks; they lack the actor's address and SendGrid's event ids.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from aftersend.providers.agents import agent
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.marks import flat, told
from aftersend.providers.paging import Page
from aftersend.providers.sendgrid.identity import ACTIVITY as LIST
from aftersend.providers.sendgrid.identity import OF_ADDRESS, digest, of_address, of_message
from aftersend.providers.sendgrid.options import Options
from aftersend.providers.sendgrid.values import reply_code, unique_args, x_message_id
from aftersend.providers.sendgrid.words import ACTIVITY, OF_GROUP, bounce_class
from aftersend.providers.values import Stamp, decoded, known, rows_of, stamp, text
from aftersend.vocabulary import BadInput, Delivery, Event, Instant, Kind, Reading


class Summary(NamedTuple):
    """A message that has moved."""

    id: str
    moved: Instant


def read_list(delivery: Delivery) -> Reading:
    """Nothing but what can't be understood: the events are in the messages' own answers."""
    try:
        rows = rows_of(decoded(delivery.body), "messages")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            _summary(row)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def read_message(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of one message."""
    try:
        message = _message(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading, same = Reading(), Counter[tuple[bytes, str]]()
    for number, row in enumerate(message["events"]):
        try:
            reading.events.append(_event(row, message, source, options, same))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look_at_list(answer: Answer) -> Page:
    """A page in falling order of ``last_event_time``."""
    rows = rows_of(decoded(answer.body), "messages")
    times = [summary.moved for summary in summaries(answer)]
    return Page(
        ids=[digest(repr(row).encode("utf-8", "replace").decode()) for row in rows],
        oldest=min(times, default=None),
    )


def look_at_message(answer: Answer) -> Page:
    """The events of one message, as a page."""
    rows = _message(answer.body)["events"]
    return Page(ids=[str(number) for number, _ in enumerate(rows)])


def summaries(answer: Answer) -> list[Summary]:
    """The messages of a page that can be understood."""
    found = []
    for row in rows_of(decoded(answer.body), "messages"):
        try:
            found.append(_summary(row))
        except BadInput:
            continue
    return found


def _summary(row: Any) -> Summary:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    own, moved = text(row.get("msg_id")), stamp(row.get("last_event_time"), "last_event_time")
    if not own:
        raise BadInput("msg_id is missing.", "msg_id")
    if moved is None:
        raise BadInput("last_event_time is missing.", "last_event_time")
    return Summary(own, moved.at)


def _message(body: bytes) -> dict[str, Any]:
    said = decoded(body)
    rows_of(said, "events")
    message: dict[str, Any] = said
    if not text(message.get("msg_id")) or not text(message.get("to_email")):
        raise Malformed("The answer doesn't say which message, or to whom, it is.")
    return message


def _event(row: Any, message: dict[str, Any], source: str, options: Options, same: Counter[tuple[bytes, str]]) -> Event:
    if not isinstance(row, dict):
        raise BadInput("An event must be an object.")
    word, at = text(row.get("event_name")), stamp(row.get("processed"), "processed")
    if not word:
        raise BadInput("event_name is missing.", "event_name")
    if at is None:
        raise BadInput("processed is missing.", "processed")
    own, email, client = text(message["msg_id"]), text(message["to_email"]), text(row.get("http_user_agent"))
    kind, url, reason = ACTIVITY.get(word.lower(), Kind.OTHER), text(row.get("url")), text(row.get("reason"))
    if kind is Kind.CLICKED and not url:
        raise BadInput("A click without its url can't be told from those that webhooks told.", "url")
    given, who = unique_args(message.get("unique_args")), agent(client)
    slot, place = _place(row, message, source, kind, word, at)
    same[slot, place] += 1
    again = same[slot, place]
    bounce = text(row.get("bounce_type")) or (word.lower() if word.lower() == "blocked" else None)
    return Event(
        slot=slot,
        list=LIST,
        # Opens and clicks of one second are told apart by nothing but that there are several.
        row=place if again == 1 or kind not in (Kind.OPENED, Kind.CLICKED) else f"{place} {again}",
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        campaign_id=told(given, options.campaign_id),
        message_id=own,
        by_message=bool(own),
        template=text(message.get("template_id")),
        external_id=told(given, options.external_id),
        email=email,
        url=url,
        user_agent=client,
        device=who.device,
        machine=who.machine,
        machine_reason=who.machine_reason,
        bounce_class=bounce_class(bounce, None, None) if kind is Kind.BOUNCED else None,
        reason=reason,
        smtp_code=reply_code(reason),
        metadata=flat(given)
        | flat(
            {
                "category": message.get("categories"),
                "attempt": row.get("attempt_num"),
                "mx_server": row.get("mx_server"),
            }
        )
        | known(
            asm_group_id=text(message.get("asm_group_id")),
            sending_ip=text(message.get("outbound_ip")),
            subject=text(message.get("subject")),
            x_message_id=x_message_id(own),
            **{"from": text(message.get("from_email"))},
        ),
    )


def _place(
    row: dict[str, Any], message: dict[str, Any], source: str, kind: Kind, word: str, at: Stamp
) -> tuple[bytes, str]:
    """Slot and row, see :mod:`~aftersend.providers.sendgrid.identity`."""
    own, email = text(message["msg_id"]), text(message["to_email"]) or ""
    if kind in OF_ADDRESS:
        group = text(message.get("asm_group_id")) if word.lower() in OF_GROUP else None
        return of_address(source, kind, at.at, email, group), own or ""
    if kind is Kind.OTHER:
        return of_message(source, kind, at.at, own, email, word), digest(repr(sorted(flat(row).items())))
    slot = of_message(source, kind, at.at, own, email, text(row.get("url")))
    if kind is Kind.DEFERRED:
        return slot, text(row.get("attempt_num")) or ""
    return slot, digest(text(row.get("http_user_agent"))) if kind in (Kind.OPENED, Kind.CLICKED) else ""
