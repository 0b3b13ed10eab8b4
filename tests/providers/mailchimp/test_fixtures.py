"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers.mailchimp.values import digest
from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    Clock,
    ContactInfo,
    Event,
    Kind,
    Machine,
    Precision,
    Reading,
    Snapshot,
    slot_key,
)
from tests.providers.mailchimp.said import AUDIENCE, CAMPAIGN, RECEIVED, at, fixture, hook, id_of, page

ANA, NOBODY = "1b3b5d8e2a6c4f709182a3b4c5d6e7f8", "9c8b7a6d5e4f30211203f4e5d6c7b8a9"
EMAILS = {ANA: "ana@example.com", NOBODY: "nobody@example.com"}
MEMBER = {"list_id": AUDIENCE, "member_id": "8f14e45fce", "email_type": "html"}
MERGED = {"FNAME": "Ana", "LNAME": "Grün", "EXTID": "crm-4711"}


def second(time: str) -> str:
    return str(at(time) // 1000)


def audience(fact: str, who: str, time: str) -> bytes:
    return slot_key(at(time), "acme", fact, "audience", AUDIENCE, who, second(time))


def recipient(kind: str, who: str) -> bytes:
    return slot_key(None, "acme", kind, "campaign", CAMPAIGN, who)


def told(kind: Kind, word: str, time: str, email: str = "ana@example.com", **fields) -> Event:
    """A webhook's event of a member."""
    common = {
        "slot": audience(kind if kind is not Kind.OTHER else word, "8f14e45fce", time),
        "clock": Clock.ASSUMED,
        "contact_id": id_of(email),
        "metadata": MEMBER,
    }
    return Event(kind=kind, word=word, occurred_at=at(time), email=email, **(common | fields))


def person(**fields: str) -> list[ContactInfo]:
    return [ContactInfo(contact_id=id_of("ana@example.com"), email="ana@example.com", **fields)]


HIM = {"external_id": "crm-4711", "first_name": "Ana", "last_name": "Grün"}
OF_CAMPAIGN = {"list": "3 webhook", "row": "once", "campaign_id": CAMPAIGN}

WEBHOOKS = {
    "subscribe": Reading(
        events=[
            told(
                Kind.RESUBSCRIBED,
                "subscribe",
                "10:00:00",
                external_id="crm-4711",
                ip="192.0.2.25",
                metadata=MEMBER
                | MERGED
                | {"INTERESTS": "News,Offers", "GROUPINGS.0.name": "Topics"}
                | {"web_id": "778899", "ip_opt": "192.0.2.25", "ip_signup": "192.0.2.24"},
            )
        ],
        contacts=person(**HIM),
    ),
    "unsubscribe": Reading(
        events=[
            told(
                Kind.UNSUBSCRIBED,
                "unsubscribe",
                "10:00:05",
                **OF_CAMPAIGN | {"row": second("10:00:05")},
                slot=recipient("unsubscribed", id_of("ana@example.com")),
                external_id="crm-4711",
                reason="manual",
                metadata=MEMBER | MERGED | {"ip_opt": "192.0.2.25", "action": "unsub"},
            )
        ],
        contacts=person(**HIM),
    ),
    "unsubscribe_manual": Reading(
        events=[
            told(
                Kind.UNSUBSCRIBED,
                "unsubscribe",
                "10:00:06",
                reason="manual",
                metadata=MEMBER | {"action": "unsub"},
            )
        ]
    ),
    "unsubscribe_delete": Reading(
        events=[
            told(
                Kind.UNSUBSCRIBED,
                "unsubscribe",
                "10:00:07",
                reason="removed from the audience",
                metadata=MEMBER | {"action": "delete", "reason": "manual"},
            )
        ]
    ),
    "unsubscribe_abuse": Reading(
        events=[
            told(
                Kind.COMPLAINED,
                "unsubscribe",
                "10:00:08",
                **OF_CAMPAIGN,
                slot=recipient("complained", id_of("ana@example.com")),
                reason="abuse",
                metadata=MEMBER | {"action": "unsub"},
            )
        ]
    ),
    "profile": Reading(
        events=[
            told(Kind.OTHER, "profile", "10:02:00", metadata=MEMBER | {"FNAME": "Anna", "ip_opt": "192.0.2.25"}),
        ],
        contacts=person(first_name="Anna"),
    ),
    "upemail": Reading(
        events=[
            told(
                Kind.OTHER,
                "upemail",
                "10:03:00",
                "ana.new@example.com",
                slot=audience("upemail", "51da8c3259", "10:03:00"),
                metadata={"list_id": AUDIENCE, "old_email": "ana@example.com", "new_id": "51da8c3259"},
            )
        ]
    ),
    "cleaned": Reading(
        events=[
            told(
                Kind.BOUNCED,
                "cleaned",
                "10:04:00",
                "nobody@example.com",
                **OF_CAMPAIGN,
                slot=recipient("bounced", id_of("nobody@example.com")),
                bounce_class=BounceClass.HARD,
                reason="hard",
                metadata={"list_id": AUDIENCE},
            )
        ]
    ),
    "cleaned_abuse": Reading(
        events=[
            told(
                Kind.COMPLAINED,
                "cleaned",
                "10:04:01",
                "Eva@example.com",
                slot=audience("complained", id_of("eva@example.com"), "10:04:01"),
                reason="abuse",
                metadata={"list_id": AUDIENCE},
            )
        ]
    ),
    "campaign": Reading(
        events=[
            Event(
                slot=audience("campaign sent", CAMPAIGN, "10:30:00"),
                kind=Kind.OTHER,
                word="campaign",
                occurred_at=at("10:30:00"),
                clock=Clock.ASSUMED,
                campaign_id=CAMPAIGN,
                metadata={"subject": "March news", "status": "sent", "list_id": AUDIENCE},
            )
        ],
        campaigns=[CampaignInfo(campaign_id=CAMPAIGN, subject="March news", status="sent")],
    ),
    "campaign_cancelled": Reading(
        events=[
            Event(
                slot=audience("campaign cancelled", "c0ffee5678", "10:31:00"),
                kind=Kind.OTHER,
                word="campaign",
                occurred_at=at("10:31:00"),
                clock=Clock.ASSUMED,
                campaign_id="c0ffee5678",
                reason="stopped by hand",
                metadata={"subject": "April news", "status": "cancelled", "list_id": AUDIENCE},
            )
        ],
        campaigns=[CampaignInfo(campaign_id="c0ffee5678", subject="April news", status="cancelled")],
    ),
    "unknown": Reading(events=[told(Kind.OTHER, "snoozed", "10:32:00")]),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_is_what_it_says(name):
    assert hook(fixture(f"webhook_{name}.form")) == WEBHOOKS[name]


def test_every_webhook_has_its_test():
    names = {file.name for file in files("aftersend.providers.mailchimp").joinpath("fixtures").iterdir()}
    assert {name for name in names if name.startswith("webhook_")} == {f"webhook_{name}.form" for name in WEBHOOKS}


# -- reports -------------------------------------------------------------------------------------------------


def row(kind: Kind, word: str, time: str, who: str = ANA, **fields) -> Event:
    """An event of a row of a report."""
    common = {
        "slot": recipient(kind, id_of(EMAILS[who])),
        "campaign_id": CAMPAIGN,
        "contact_id": who,
        "email": EMAILS[who],
        "metadata": {"list_id": AUDIENCE},
    }
    return Event(kind=kind, word=word, occurred_at=at(time), **(common | fields))


def act(kind: str, time: str, url: str | None = None) -> bytes:
    return slot_key(at(time), "acme", kind, "campaign", CAMPAIGN, id_of(EMAILS[ANA]), second(time), url)


KNOWN = {"external_id": "crm-4711", "metadata": {"FNAME": "Ana", "EXTID": "crm-4711", "list_id": AUDIENCE}}
PERSON = [ContactInfo(contact_id=ANA, email="ana@example.com", external_id="crm-4711", first_name="Ana")]
SALE = "https://shop.example.com/sale"
IP = digest("192.0.2.25")


def test_the_activities_of_a_recipient_are_events():
    opened = {"slot": act("opened", "10:12:00"), "list": "1 activity", "ip": "192.0.2.25"}
    assert page("activity", fixture("feed_activity.json")) == Reading(
        events=[
            row(Kind.OPENED, "open", "10:12:00", row=f"{IP} 1", **opened),
            row(Kind.OPENED, "open", "10:12:00", row=f"{IP} 2", **opened),
            row(
                Kind.CLICKED,
                "click",
                "10:12:30",
                slot=act("clicked", "10:12:30", SALE),
                list="1 activity",
                row=f"{IP} 1",
                url=SALE,
                ip="192.0.2.25",
            ),
            row(
                Kind.OTHER,
                "hover",
                "10:13:00",
                slot=act("hover", "10:13:00"),
                list="1 activity",
                row=f"{digest(None)} 1",
            ),
            row(
                Kind.BOUNCED,
                "bounce",
                "10:01:00",
                NOBODY,
                list="1 activity",
                row="hard",
                bounce_class=BounceClass.HARD,
            ),
        ]
    )


def test_who_it_was_sent_to_is_sent_at_the_campaigns_time_and_may_have_bounced():
    assert page("sent", fixture("feed_sent.json")) == Reading(
        events=[
            row(
                Kind.SENT,
                "sent",
                "10:00:00",
                precision=Precision.MINUTE,
                external_id="crm-4711",
                metadata=KNOWN["metadata"] | {"absplit_group": "a", "gmt_offset": "-5"},
            ),
            row(
                Kind.SENT,
                "sent",
                "10:00:00",
                NOBODY,
                precision=Precision.MINUTE,
                metadata={"list_id": AUDIENCE, "gmt_offset": "0", "vip": "yes"},
            ),
            row(
                Kind.BOUNCED,
                "hard",
                "10:00:00",
                NOBODY,
                list="2 reports",
                row="hard",
                precision=Precision.DAY,
                clock=Clock.RECEIVED,
                bounce_class=BounceClass.HARD,
            ),
        ],
        contacts=PERSON,
    )


def test_details_of_opens_tell_which_were_a_proxys():
    assert page("opens", fixture("feed_opens.json")) == Reading(
        events=[
            row(
                Kind.OPENED,
                "open",
                "10:02:00",
                slot=act("opened", "10:02:00"),
                list="2 opens",
                row="1",
                machine=Machine.MACHINE,
                machine_reason="is_proxy_open",
                **KNOWN,
            ),
            row(Kind.OPENED, "open", "10:12:00", slot=act("opened", "10:12:00"), list="2 opens", row="1", **KNOWN),
        ],
        contacts=PERSON,
    )


def test_who_unsubscribed_and_who_complained_is_one_event_each():
    report = {"list": "2 reports", "row": "once"} | KNOWN
    assert page("unsubscribed", fixture("feed_unsubscribed.json")) == Reading(
        events=[row(Kind.UNSUBSCRIBED, "unsubscribed", "10:20:00", reason="None given", **report)], contacts=PERSON
    )
    assert page("complaints", fixture("feed_complaints.json")) == Reading(
        events=[row(Kind.COMPLAINED, "abuse", "10:21:00", **report)], contacts=PERSON
    )


def test_a_campaign_is_named_and_its_counters_are_a_snapshot():
    reading = page("campaigns", fixture("feed_campaigns.json"))
    first, second_ = reading.snapshots
    assert reading.campaigns == [
        CampaignInfo(
            campaign_id=CAMPAIGN, name="2026-03 news", type="regular", subject="March news", scheduled_at=at("10:00:00")
        ),
        CampaignInfo(campaign_id="c0ffee9999", type="regular"),
    ]
    assert first == Snapshot(
        list="campaigns",
        campaign_id=CAMPAIGN,
        read_at=RECEIVED,
        counts={
            Kind.SENT: (120, 120),
            Kind.BOUNCED: (7, None),
            Kind.OPENED: (80, 60),
            Kind.CLICKED: (20, 12),
            Kind.UNSUBSCRIBED: (2, None),
            Kind.COMPLAINED: (1, None),
        },
        raw={
            "id": CAMPAIGN,
            "campaign_title": "2026-03 news",
            "type": "regular",
            "list_id": AUDIENCE,
            "list_name": "All",
            "subject_line": "March news",
            "preview_text": "",
            "emails_sent": 120,
            "abuse_reports": 1,
            "unsubscribed": 2,
            "send_time": "2026-03-01T10:00:00+00:00",
            "bounces.hard_bounces": 3,
            "bounces.soft_bounces": 4,
            "bounces.syntax_errors": 0,
            "opens.opens_total": 80,
            "opens.unique_opens": 60,
            "opens.open_rate": 0.5,
            "opens.last_open": "2026-03-01T12:00:00+00:00",
            "clicks.clicks_total": 20,
            "clicks.unique_clicks": 15,
            "clicks.unique_subscriber_clicks": 12,
            "clicks.last_click": "2026-03-01T12:01:00+00:00",
        },
    )
    assert second_.counts == {Kind.SENT: (0, 0)}
    assert (reading.events, reading.problems) == ([], [])


def test_a_page_of_another_list_is_a_problem():
    assert [problem.reason for problem in page("nonsense", {}).problems] == ["Mailchimp has no list 'nonsense'."]
