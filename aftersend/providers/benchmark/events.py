"""``contact/events``: what happened to each recipient (provider file, sections 2.6 and 7). The only list of events.

**Identity.** Rows have no id. The slot of one is made of its time to the millisecond, type, contact, campaign, link and
address; rows of one slot are told apart by their ordinal within one answer, so that a row met again on a shifted page
is the same event, and two clicks of one millisecond are two. No text that may be changed later (names, subjects) is
part of it.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

from aftersend.providers.benchmark.values import digest, instant_of, listed
from aftersend.providers.benchmark.words import CLASSES, KINDS, NOT_SPAM, REASONS, REJECTED, SKIPPED
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.values import known, stamp, text
from aftersend.vocabulary import (
    BadInput,
    BounceClass,
    CampaignInfo,
    Channel,
    Delivery,
    Event,
    Instant,
    Kind,
    Reading,
    slot_key,
)

LIST = "events"
_SMTP = re.compile(r"(?<![\d.])[245]\d\d(?![\d.])")


def read(delivery: Delivery, source: str, *, names: bool) -> Reading:
    """The events of a page. ``names``: tell also the campaigns' names, which another list knows better."""
    try:
        rows, _ = listed(delivery.body)
    except Malformed as error:
        return unreadable(delivery, error)
    reading, met, named = Reading(), Counter[bytes](), dict[str, CampaignInfo]()
    for number, row in enumerate(rows):
        try:
            event = _event(row, source, met)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
            continue
        reading.events.append(event)
        if names and event.campaign_id and (name := text(row.get("emailCampaignName"))):
            named.setdefault(event.campaign_id, CampaignInfo(campaign_id=event.campaign_id, name=name))
    reading.campaigns = list(named.values())
    return reading


def look(answer: Answer) -> Page:
    """A page; its times are given where they fall from row to row, which nobody promises. Raises Malformed."""
    rows, total = listed(answer.body)
    met, ids = Counter[str](), []
    for row in rows:
        own = digest(row)
        ids.append(f"{own}/{met[own]}")
        met[own] += 1
    times = [instant_of(row.get("timestamp")) if isinstance(row, dict) else None for row in rows]
    newest, oldest = _falling([at for at in times if at is not None])
    return Page(ids=ids, total=total, newest=newest, oldest=oldest)


def _falling(times: list[Instant]) -> tuple[Instant | None, Instant | None]:
    falling = bool(times) and all(before >= after for before, after in pairwise(times))
    return (times[0], times[-1]) if falling else (None, None)


def _event(row: Any, source: str, met: Counter[bytes]) -> Event:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    said = {name: found for name, value in row.items() if (found := text(value)) is not None}
    word, at = said.get("type"), stamp(row.get("timestamp"), "timestamp")
    if word is None:
        raise BadInput("type is missing.", "type")
    if at is None:
        raise BadInput("timestamp is missing.", "timestamp")
    contact, email, campaign = said.get("contactId"), said.get("emailTo"), said.get("emailCampaignId")
    link = said.get("emailLinkId") or said.get("emailTargetUrl")
    type_ = word.lower()
    slot = slot_key(at.at, source, type_, str(at.at), contact, campaign, link, email)
    ordinal, met[slot] = met[slot], met[slot] + 1
    kind = KINDS.get(type_, Kind.OTHER)
    if kind is Kind.COMPLAINED and said.get("emailComplaintFeedbackType", "").lower() == NOT_SPAM:
        kind = Kind.OTHER
    told = said.get("emailBounceDiagCode") or said.get("emailSmtpResponse") or ""
    code = _SMTP.search(told)
    about_a_message = type_.startswith("email-") or kind is not Kind.OTHER
    return Event(
        slot=slot,
        list=LIST,
        row=str(ordinal),
        kind=kind,
        word=word,
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        # A contact that was created or changed must not enter reports of emails (section 7).
        channel=Channel.EMAIL if about_a_message else Channel.SITE,
        campaign_id=campaign,
        contact_id=contact,
        email=email,
        url=said.get("emailTargetUrl"),
        link_number=said.get("emailLinkId"),
        bounce_class=_bounce_class(said) if kind is Kind.BOUNCED else None,
        reason=_reason(type_, said),
        smtp_code=code[0] if code else None,
        metadata=known(
            subject=said.get("emailSubject"),
            sender=said.get("emailSender"),
            sender_name=said.get("emailSenderName"),
            smtp_response=said.get("emailSmtpResponse"),
            bounce_type=said.get("emailBounceType"),
            bounce_subtype=said.get("emailBounceSubType"),
            diagnostic=said.get("emailBounceDiagCode"),
            origin=said.get("source"),
            import_id=said.get("importId"),
            import_file=said.get("importOriginalFileName"),
            triggered_by=_triggered_by(row),
        ),
    )


def _bounce_class(said: dict[str, str]) -> BounceClass:
    word = said.get("emailBounceType", "").lower()
    return next((found for part, found in CLASSES.items() if part in word), BounceClass.UNDETERMINED)


def _reason(type_: str, said: dict[str, str]) -> str | None:
    """Why, in our words where reports look at them, else in Benchmark's."""
    match KINDS.get(type_):
        case Kind.BOUNCED:
            subtype = said.get("emailBounceSubType")
            return REASONS.get((subtype or "").lower()) or said.get("emailBounceDiagCode") or subtype
        case Kind.DEFERRED:
            return said.get("emailDelayType")
        case Kind.COMPLAINED:
            return said.get("emailComplaintFeedbackType")
        case Kind.DROPPED if type_ == SKIPPED:
            return "skipped"
        case Kind.DROPPED if type_ == REJECTED:
            why = said.get("emailRejectReason")
            return f"rejected:{why}" if why else "rejected"
    return None


def _triggered_by(row: dict[str, Any]) -> str | None:
    found = row.get("triggeredBy")
    return text(found.get("type")) if isinstance(found, dict) else None
