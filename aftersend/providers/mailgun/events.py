"""One event, as webhooks and both lists write it (provider file, "Events" and "Quirks")."""

from __future__ import annotations

from email.utils import getaddresses
from typing import Any, NamedTuple

from aftersend.providers.agents import Agent, agent
from aftersend.providers.mailgun.identity import domain_of, message_id, slot_of
from aftersend.providers.mailgun.values import record, resolved, time_of, variables
from aftersend.providers.mailgun.words import (
    BLOCKED,
    BLOCKED_STATUS,
    BOTS,
    DEVICES,
    FAILED,
    KINDS,
    NO_BOT,
    NO_SMTP_CODES,
    OLD,
    PASSED_BY,
    PERMANENT,
    REJECTED,
    SUPPRESSED,
    SUPPRESSED_CODES,
    TEMPORARY,
    UNSUBSCRIBED,
)
from aftersend.providers.marks import Options, told
from aftersend.providers.values import known, text
from aftersend.vocabulary import BadInput, BounceClass, Event, Kind, Machine


def event_of(row: Any, source: str, options: Options, *, asked: str = "", shown_by: str = "") -> Event | None:
    """The event of a row, or ``None`` for one that is none of ours; ``asked``: the domain whose list it stands in,
    ``shown_by``: its list, as the identity has it. Raises BadInput with a sentence."""
    if not isinstance(row, dict):
        raise BadInput("An event must be an object.")
    slot, at, word = slot_of(row, source, asked), time_of(row), text(row.get("event")) or ""
    if word in PASSED_BY:
        return None
    status = _Status.of(row)
    outcome = _outcome(row, word, status)
    message, attached, client = message_id(row), variables(row.get("user-variables")), _client(row)
    return Event(
        slot=slot,
        kind=outcome.kind,
        word=word,
        list=shown_by,
        row_id=text(row.get("id")),
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        message_id=message,
        by_message=bool(message),
        campaign_id=_campaign(row) or told(attached, options.campaign_id),
        external_id=told(attached, options.external_id),
        email=_recipient(row, word),
        url=text(row.get("url")),
        ip=text(row.get("ip")),
        user_agent=resolved(record(row.get("client-info")).get("user-agent")),
        device=client.device,
        machine=client.machine,
        machine_reason=client.machine_reason,
        bounce_class=outcome.bounce_class,
        reason=outcome.reason,
        smtp_code=status.smtp_code,
        metadata=attached | _metadata(row, word, status, domain_of(row, asked)),
    )


class _Status(NamedTuple):
    """``delivery-status``, which may be null or missing as a whole."""

    code: int | None
    enhanced: str | None
    said: str | None
    """``message`` and ``description``, each once: the text may be in either."""
    told: dict[str, Any]

    @classmethod
    def of(cls, row: dict[str, Any]) -> _Status:
        status = record(row.get("delivery-status"))
        code = text(status.get("code")) or ""
        message, description = text(status.get("message")), text(status.get("description"))
        texts = [message] if message else []
        if description and description not in (message or ""):
            texts.append(description)
        return cls(
            int(code) if code.isascii() and code.isdecimal() and len(code) < 5 else None,
            text(status.get("enhanced-code")),
            "\n".join(texts) or None,
            status,
        )

    @property
    def smtp_code(self) -> str | None:
        """The code, unless it is one of Mailgun's own."""
        smtp = self.code is not None and 200 <= self.code < 600 and self.code not in NO_SMTP_CODES
        return str(self.code) if smtp else None


class _Outcome(NamedTuple):
    kind: Kind
    reason: str | None = None
    bounce_class: BounceClass | None = None


def _outcome(row: dict[str, Any], word: str, status: _Status) -> _Outcome:
    if word == REJECTED:
        reject = record(row.get("reject"))
        said = filter(None, (text(reject.get("reason")), text(reject.get("description"))))
        return _Outcome(Kind.DROPPED, ": ".join(said) or None)
    if word == FAILED:
        return _failure(row, status)
    return _Outcome(KINDS.get(word, Kind.OTHER))


def _failure(row: dict[str, Any], status: _Status) -> _Outcome:
    """What a failure is. Only ``severity`` tells whether it is final; ``reason`` is no closed list. Logs may leave the
    severity out: then what says when it is tried again isn't final."""
    word, severity = (text(row.get("reason")) or "").lower(), (text(row.get("severity")) or "").lower()
    reason = status.said or text(row.get("reason"))
    if severity == TEMPORARY or (not severity and status.told.get("retry-seconds")):
        return _Outcome(Kind.DEFERRED, reason)
    if word.startswith(SUPPRESSED):
        # The word comes first: by it reports know what was withheld.
        return _Outcome(Kind.DROPPED, ": ".join(filter(None, (text(row.get("reason")), status.said))))
    if status.code in SUPPRESSED_CODES:
        return _Outcome(Kind.DROPPED, reason)
    return _Outcome(Kind.BOUNCED, reason, _bounce_class(word, severity, status))


def _bounce_class(word: str, severity: str, status: _Status) -> BounceClass:
    if word == BLOCKED or (status.enhanced or "").startswith(BLOCKED_STATUS):
        return BounceClass.BLOCK
    if severity != PERMANENT:
        return BounceClass.UNDETERMINED
    if word == OLD or (status.code is not None and status.code // 100 in (4, 6)):
        return BounceClass.SOFT
    return BounceClass.HARD


def _client(row: dict[str, Any]) -> Agent:
    """Who acted: by Mailgun's own words, else by the user agent's."""
    client = record(row.get("client-info"))
    found = agent(resolved(client.get("user-agent")))
    device = DEVICES.get((text(client.get("device-type")) or "").lower()) or found.device
    bot = client.get("bot")
    word = ("true" if bot is True else resolved(bot) or "").lower()
    if word in NO_BOT:
        return found._replace(device=device)
    return Agent(device, BOTS.get(word, Machine.MACHINE), f"bot: {word}")


def _recipient(row: dict[str, Any], word: str) -> str | None:
    """``recipient``. The header ``to`` may name somebody else; only what was rejected has nothing better."""
    if found := text(row.get("recipient")):
        return found
    return next(iter(_addresses(row)), None) if word == REJECTED else None


def _addresses(row: dict[str, Any]) -> list[str]:
    header = text(_headers(row).get("to"))
    return [address for _, address in getaddresses([header]) if "@" in address] if header else []


def _headers(row: dict[str, Any]) -> dict[str, Any]:
    return record(record(row.get("message")).get("headers"))


def _campaign(row: dict[str, Any]) -> str | None:
    """The first of ``campaigns``, which only old accounts have."""
    campaigns = row.get("campaigns")
    first = campaigns[0] if isinstance(campaigns, list) and campaigns else None
    return text(first.get("id")) or text(first.get("name")) if isinstance(first, dict) else text(first)


def _metadata(row: dict[str, Any], word: str, status: _Status, domain: str) -> dict[str, str]:
    envelope, flags, client = record(row.get("envelope")), record(row.get("flags")), record(row.get("client-info"))
    place, addresses = record(row.get("geolocation")), _addresses(row)
    marked = row.get("tags")
    tags = ", ".join(filter(None, map(text, marked))) if isinstance(marked, list) else text(marked)
    return known(
        account=text(record(row.get("account")).get("id")),
        attempt=text(status.told.get("attempt-no")),
        city=resolved(place.get("city")),
        client=resolved(client.get("client-name")),
        code=str(status.code) if status.code is not None and not status.smtp_code else None,
        country=resolved(place.get("country")),
        delayed_bounce="true" if flags.get("is-delayed-bounce") is True else None,
        domain=domain,
        enhanced_code=status.enhanced,
        mx_host=text(status.told.get("mx-host")),
        os=resolved(client.get("client-os")),
        reason=text(row.get("reason")),
        recipient_provider=text(row.get("recipient-provider")),
        region=resolved(place.get("region")),
        retry_seconds=text(status.told.get("retry-seconds")),
        sender=text(envelope.get("sender")),
        sending_ip=text(envelope.get("sending-ip")),
        storage_key=text(record(row.get("storage")).get("key")),
        subject=text(_headers(row).get("subject")),
        test_mode="true" if flags.get("is-test-mode") is True else None,
        to=", ".join(addresses) if word == REJECTED and len(addresses) > 1 else None,
        # Of an opt-out, the tags are what it is from: ``*`` is everything.
        **{"unsubscribed_from" if word == UNSUBSCRIBED else "tags": tags},
    )
