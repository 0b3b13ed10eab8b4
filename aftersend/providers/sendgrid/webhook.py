"""What SendGrid's webhooks say: an array of flat objects, one for each event (provider file, "Events").

Custom args are keys beside SendGrid's own, so all that isn't SendGrid's is the sender's, and what SendGrid invents
anew looks like a custom arg.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers.agents import agent
from aftersend.providers.contract import Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.marks import flat, told
from aftersend.providers.sendgrid.identity import OF_ADDRESS, WEBHOOK, digest, of_address, of_message
from aftersend.providers.sendgrid.options import Options
from aftersend.providers.sendgrid.values import reply_code, seconds, unique_args, x_message_id
from aftersend.providers.sendgrid.words import ACCOUNT, OF_GROUP, WEBHOOKS, bounce_class
from aftersend.providers.values import decoded, known, text
from aftersend.vocabulary import BadInput, CampaignInfo, Delivery, Event, Instant, Kind, Machine, Reading

RESERVED = frozenset(
    [
        *("email", "timestamp", "event", "smtp-id", "useragent", "ip", "sg_event_id", "sg_message_id", "reason"),
        *("status", "response", "tls", "url", "url_offset", "category", "asm_group_id", "unique_args"),
        *("marketing_campaign_id", "marketing_campaign_name", "marketing_campaign_version"),
        *("marketing_campaign_split_id", "newsletter", "attempt", "pool", "sg_machine_open", "sg_content_type"),
        *("bounce_classification", "type", "domain", "from", "send_at", "cert_err"),
        *("nlvx_campaign_id", "nlvx_campaign_split_id", "nlvx_user_id", "post_type"),
    ]
)
"""Keys that are SendGrid's own, with :data:`PREFIXES`."""
PREFIXES = ("singlesend_", "mc_", "template_", "phase_")
FIELDS = frozenset(
    [
        *("email", "timestamp", "event", "sg_event_id", "sg_message_id", "useragent", "ip", "url", "url_offset"),
        *("status", "reason", "response", "sg_machine_open", "unique_args", "template_id"),
    ]
)
"""Keys with a place of their own in an event; all others are its metadata."""
CAMPAIGNS = {
    "marketing_campaign_id": "marketing_campaign_name",
    "singlesend_id": "singlesend_name",
    "mc_auto_id": "mc_auto_name",
    "nlvx_campaign_id": "",
}
"""Key of a campaign's id → of its name. The first that is there."""
BY_PEOPLE = frozenset({Kind.OPENED, Kind.CLICKED, Kind.COMPLAINED, Kind.UNSUBSCRIBED, Kind.RESUBSCRIBED})
"""Kinds whose ``ip`` is the actor's; of the others it is the one SendGrid sent from."""


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a batch, and the campaigns they name. Notices about the account and test events pass by."""
    try:
        items = decoded(delivery.body, what="The webhook")
        if not isinstance(items, list):
            raise Malformed("A webhook's JSON must be an array.")
    except Malformed as error:
        return unreadable(delivery, error)
    reading, campaigns = Reading(), dict[str, CampaignInfo]()
    tests = {address.strip().lower() for address in options.test_recipients.split(",") if address.strip()}
    for number, item in enumerate(items):
        try:
            if event := _event(item, source, options, tests):
                reading.events.append(event)
                campaigns |= _campaign(item, event)
        except BadInput as error:
            reading.problems.append(problem(number, item, error))
    reading.campaigns.extend(campaigns.values())
    return reading


def _event(item: Any, source: str, options: Options, tests: set[str]) -> Event | None:
    if not isinstance(item, dict):
        raise BadInput("An event must be an object.")
    word, email, at = text(item.get("event")), text(item.get("email")), seconds(item.get("timestamp"))
    if not word:
        raise BadInput("event is missing.", "event")
    if word == ACCOUNT or (email and email.lower() in tests):
        return None
    kind = WEBHOOKS.get(word, Kind.OTHER)
    if not email and kind is not Kind.OTHER:
        raise BadInput("email is missing.", "email")
    message, url = text(item.get("sg_message_id")), text(item.get("url"))
    reason, response = text(item.get("reason")), text(item.get("response"))
    status, client, ip = text(item.get("status")), text(item.get("useragent")), text(item.get("ip"))
    offset = item.get("url_offset")
    offset = offset if isinstance(offset, dict) else {}
    given = _given(item)
    who = agent(client)
    machine, why = who.machine, who.machine_reason
    if item.get("sg_machine_open") is True:
        machine, why = Machine.MACHINE, "sg_machine_open"
    slot, row = _place(item, source, kind, word, at, message, email)
    said = reply_code(reason or response)
    return Event(
        slot=slot,
        list=WEBHOOK,
        row=row,
        row_id=text(item.get("sg_event_id")),
        kind=kind,
        word=word,
        occurred_at=at,
        campaign_id=_campaign_id(item) or told(given, options.campaign_id),
        message_id=message,
        by_message=bool(message),
        template=text(item.get("template_id")),
        external_id=told(given, options.external_id),
        email=email,
        url=url,
        link_number=text(offset.get("index")),
        ip=ip if kind in BY_PEOPLE else None,
        user_agent=client,
        device=who.device,
        machine=machine,
        machine_reason=why,
        bounce_class=_bounce_class(item, status) if kind is Kind.BOUNCED else None,
        reason=reason or (response if kind is not Kind.DELIVERED else None),
        smtp_code=status or said,
        metadata=_metadata(item, given)
        | known(
            response=response if reason or kind is Kind.DELIVERED else None,
            sending_ip=None if kind in BY_PEOPLE else ip,
            x_message_id=x_message_id(message),
            **{"url_offset.type": text(offset.get("type"))},
        ),
    )


def _place(
    item: dict[str, Any], source: str, kind: Kind, word: str, at: Instant, message: str | None, email: str | None
) -> tuple[bytes, str]:
    """Slot and row, see :mod:`~aftersend.providers.sendgrid.identity`."""
    group = text(item.get("asm_group_id")) if word in OF_GROUP else None
    reason = text(item.get("reason"))
    if kind in OF_ADDRESS and email:
        return of_address(source, kind, at, email, group), message or digest(reason)
    if kind is Kind.OTHER:
        said = {name: value for name, value in item.items() if name != "sg_event_id"}
        return of_message(source, kind, at, message, email, word), digest(_printed(said))
    slot = of_message(source, kind, at, message, email, text(item.get("url")))
    if kind is Kind.DEFERRED:
        return slot, text(item.get("attempt")) or ""
    if kind in (Kind.OPENED, Kind.CLICKED):
        client, ip, offset = text(item.get("useragent")), text(item.get("ip")), item.get("url_offset")
        return slot, digest(ip, client, _printed(offset) if isinstance(offset, dict) else "")
    return slot, ""


def _printed(value: dict[str, Any]) -> str:
    return repr(sorted(flat(value).items()))


def _bounce_class(item: dict[str, Any], status: str | None) -> Any:
    return bounce_class(text(item.get("type")), text(item.get("bounce_classification")), status)


def _given(item: dict[str, Any]) -> dict[str, Any]:
    """What the sender attached: custom args beside SendGrid's own keys, and those in an object of their own."""
    return unique_args(item.get("unique_args")) | {
        name: value for name, value in item.items() if name not in RESERVED and not name.startswith(PREFIXES)
    }


def _metadata(item: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    return flat(given | {name: value for name, value in item.items() if name not in FIELDS})


def _campaign_id(item: dict[str, Any]) -> str | None:
    found = next((found for name in CAMPAIGNS if (found := text(item.get(name)))), None)
    newsletter = item.get("newsletter")
    return found or (text(newsletter.get("newsletter_id")) if isinstance(newsletter, dict) else None)


def _campaign(item: dict[str, Any], event: Event) -> dict[str, CampaignInfo]:
    for own, naming in CAMPAIGNS.items():
        if campaign := text(item.get(own)):
            name = text(item.get(naming))
            return {campaign: CampaignInfo(campaign_id=campaign, name=name, template=event.template)} if name else {}
    return {}
