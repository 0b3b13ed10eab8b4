"""Events: one in each post of the topic, and rows of the list of what a webhook produced (provider file, "Events").

Both hold the same text, JSON within JSON: ``Message`` of a post, ``data`` of a row.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers import marks, sns
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.scaleway_tem.identity import EVENTS as LIST
from aftersend.providers.scaleway_tem.identity import alone, of_email
from aftersend.providers.scaleway_tem.words import BOUNCES, EVENTS, IGNORED, SPAM, TIMES
from aftersend.providers.values import Stamp, decoded, first_time, known, rows_of, text
from aftersend.vocabulary import BadInput, BounceClass, Delivery, Event, Kind, Reading

ROWS = "webhook_events"
_REFUSALS = (Kind.BOUNCED, Kind.DROPPED, Kind.DEFERRED)


class Options(sns.Options, frozen=True, kw_only=True):
    """What reading an event needs to know. Marks are headers of the email."""

    external_id: str = "external_id, X-External-Id"
    """The header that holds the sender's own id of the recipient."""
    campaign_id: str = "campaign_id, X-Campaign-Id"
    """The header that holds the campaign."""
    max_age: str = "1d"
    """How long ago a notification may have been published: how long Scaleway tries isn't documented."""


def read_post(delivery: Delivery, options: Options) -> Reading:
    """The event of a post."""
    try:
        told = sns.opened(delivery.body)
        if told["Type"] == sns.UNSUBSCRIBED:
            return Reading(events=[sns.unsubscribed(told, delivery)])
        if told["Type"] == sns.CONFIRMATION:
            return Reading()
        at = sns.published(told) or Stamp(delivery.received_at)
        return Reading(events=_events(sns.said(told), text(told["MessageId"]) or "", at, delivery.source, options, {}))
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)


def read_list(delivery: Delivery, options: Options) -> Reading:
    """The events of a page."""
    try:
        rows = rows_of(decoded(delivery.body), ROWS)
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            if not isinstance(row, dict):
                raise BadInput("A row must be an object.")
            own, at = text(row.get("id")) or "", first_time(row.get("created_at")) or Stamp(delivery.received_at)
            listed = known(webhook_id=text(row.get("webhook_id")))
            reading.events += _events(_data(row), own, at, delivery.source, options, listed)
        except (BadInput, Malformed) as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """A page, newest first."""
    said = decoded(answer.body)
    rows = rows_of(said, ROWS)
    total = said.get("total_count")
    times = [at.at for row in rows if isinstance(row, dict) and (at := first_time(row.get("created_at")))]
    return Page(
        ids=[text(row.get("id") if isinstance(row, dict) else None) or repr(row) for row in rows],
        total=total if type(total) is int else None,
        oldest=min(times, default=None),
        newest=max(times, default=None),
    )


def _data(row: dict[str, Any]) -> Any:
    said = row.get("data")
    return decoded(said.encode("utf-8", "surrogatepass"), what="data") if isinstance(said, str) else said


def _events(
    said: Any, fallback: str, otherwise: Stamp, source: str, options: Options, listed: dict[str, str]
) -> list[Event]:
    """The event that was sent; ``fallback`` is its id where it has none, ``otherwise`` its time, ``listed`` what a row
    says of it. Nothing where Scaleway itself doesn't know what it is."""
    if not isinstance(said, dict):
        raise BadInput("An event must be an object.")
    word = text(said.get("type"))
    if not word:
        raise BadInput("type is missing.", "type")
    if word == IGNORED:
        return []
    kind, code = EVENTS.get(word, Kind.OTHER), _code(said.get("email_response_code"))
    if word == SPAM and code is None:
        kind = Kind.DROPPED
    at = (
        first_time(said.get(TIMES.get(word, "email_sent_at")))
        or first_time(said.get("created_at"))
        or otherwise.about()
    )
    own, email = text(said.get("id")) or fallback, text(said.get("email_id"))
    headers = _headers(said)
    reason = said.get("email_response_message") or said.get("email_error") or said.get("blocklist_reason")
    return [
        Event(
            slot=of_email(source, kind, word, email) if email else alone(source, kind, own),
            kind=kind,
            word=word,
            occurred_at=at.at,
            precision=at.precision,
            clock=at.clock,
            list=LIST,
            row=own,
            row_id=own,
            campaign_id=marks.told(headers, options.campaign_id),
            message_id=email,
            by_message=bool(email),
            external_id=marks.told(headers, options.external_id),
            email=text(said.get("email_to")),
            bounce_class=BOUNCES.get(word, BounceClass.HARD) if kind is Kind.BOUNCED else None,
            reason=text(reason) if kind in _REFUSALS or kind is Kind.OTHER else None,
            smtp_code=code,
            metadata=headers
            | known(
                project_id=text(said.get("project_id")),
                domain_id=text(said.get("domain_id")),
                domain_name=text(said.get("domain_name")),
                response=text(said.get("email_response_message")) if kind is Kind.DELIVERED else None,
                next_try=text(said.get("email_next_try")),
                try_count=text(said.get("email_try_count")),
                blocklist_id=text(said.get("blocklist_id")),
                blocklist_type=text(said.get("blocklist_type")),
                **{"from": text(said.get("email_from"))},
            )
            | listed,
        )
    ]


def _code(value: Any) -> str | None:
    """An answer of an SMTP server; 0 is none."""
    return str(value) if type(value) is int and 200 <= value < 600 else None


def _headers(said: dict[str, Any]) -> dict[str, str]:
    listed = said.get("email_headers")
    return {
        name: value
        for header in (listed if isinstance(listed, list) else [])
        if isinstance(header, dict) and (name := text(header.get("key"))) and (value := text(header.get("value")))
    }
