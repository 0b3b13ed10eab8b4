"""Every payload of the provider file, every field of what is read from it."""

from __future__ import annotations

from importlib.resources import files

import msgspec

from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    ContactInfo,
    Event,
    Kind,
    Precision,
    Problem,
    Reading,
    Snapshot,
    slot_key,
)
from aftersend.zones import parse
from tests.providers.constant_contact.said import ACTIVITY, CAMPAIGN, RECEIVED, RESEND, at, contact, fixture, page

SPRING, MENU = "https://www.example.com/spring?utm_source=news", "https://www.example.com/menu"


def slot(word: str, number: int, time: str, url_id: str = "", code: str = "") -> bytes:
    found = at(time)
    return slot_key(found, "acme", word, ACTIVITY, contact(number), str(found), url_id, code)


def told(kind: Kind, word: str, number: int, time: str, email: str, **fields) -> Event:
    """An event of the activity in the fixtures."""
    code = fields.get("metadata", {}).get("bounce_code", "")
    common = {
        "slot": slot("em_forwards" if word == "forwards" else word, number, time, fields.get("link_number", ""), code),
        "kind": kind,
        "word": word,
        "occurred_at": at(time),
        "precision": Precision.SECOND,
        "row": "0",
        "campaign_id": CAMPAIGN,
        "activity_id": ACTIVITY,
        "contact_id": contact(number),
        "email": email,
    }
    return Event(**(common | fields))


def test_sends_are_sent():
    assert page("sends", fixture("feed_sends")) == Reading(
        events=[
            told(Kind.SENT, "em_sends", 2, "04T13:00:08", "lee@example.org", list="sends"),
            told(Kind.SENT, "em_sends", 1, "04T13:00:07", "dana@example.com", list="sends"),
        ],
        contacts=[
            ContactInfo(contact_id=contact(2), first_name="Lee"),
            ContactInfo(contact_id=contact(1), first_name="Dana", last_name="Reyes"),
        ],
    )


def test_every_open_is_one_and_two_of_the_same_second_are_two():
    opened = told(Kind.OPENED, "em_opens", 1, "04T13:21:58", "dana@example.com", list="opens", device="mobile")
    assert page("opens", fixture("feed_opens")) == Reading(
        events=[
            opened,
            msgspec.structs.replace(opened, row="1"),
            told(
                *(Kind.OPENED, "em_opens", 2, "04T13:05:00.250", "lee@example.org"),
                list="opens",
                precision=Precision.MILLISECOND,
            ),
        ]
    )


def test_clicks_have_their_link_and_a_deleted_contact_is_told_as_such():
    assert page("clicks", fixture("feed_clicks")) == Reading(
        events=[
            told(
                *(Kind.CLICKED, "em_clicks", 1, "04T13:22:41", "dana@example.com"),
                list="clicks",
                device="mobile",
                url=SPRING,
                link_number="1100407204171",
            ),
            told(
                *(Kind.CLICKED, "em_clicks", 2, "04T13:05:10", "lee@example.org"),
                list="clicks",
                device="computer",
                url=MENU,
                link_number="1100407204172",
            ),
        ],
        contacts=[
            ContactInfo(contact_id=contact(1), first_name="Dana", last_name="Reyes"),
            ContactInfo(contact_id=contact(2), deleted_at=at("06T00:00:00")),
        ],
    )


def test_forwards_are_read_under_both_of_their_names():
    assert page("forwards", fixture("feed_forwards")) == Reading(
        events=[
            told(
                *(Kind.FORWARDED, "forwards", 1, "04T14:00:00", "dana@example.com"),
                list="forwards",
                device="tablet",
            ),
            told(Kind.FORWARDED, "em_forwards", 2, "04T13:30:00", "lee@example.org", list="forwards"),
        ]
    )


def test_opt_outs_have_their_reason_verbatim_and_the_day_for_a_slot():
    def day(number: int) -> bytes:
        return slot_key(at("05T00:00:00"), "acme", "em_optouts", contact(number))

    assert page("optouts", fixture("feed_optouts")) == Reading(
        events=[
            told(
                *(Kind.UNSUBSCRIBED, "em_optouts", 4, "05T07:41:02", "kim@example.com"),
                slot=day(4),
                list="optouts",
                row=f"{ACTIVITY}/{at('05T07:41:02')}/0",
                reason="Too many emails",
            ),
            told(
                *(Kind.UNSUBSCRIBED, "em_optouts", 5, "05T07:40:00", "jo@example.com"),
                slot=day(5),
                list="optouts",
                row=f"{ACTIVITY}/{at('05T07:40:00')}/0",
            ),
        ],
        contacts=[ContactInfo(contact_id=contact(4), first_name="Kim")],
    )


def test_bounces_have_the_class_and_reason_of_their_code_and_an_auto_reply_is_none():
    meant = [
        ("b", Kind.BOUNCED, BounceClass.HARD, "invalid_address"),
        ("d", Kind.BOUNCED, BounceClass.SOFT, "unreachable"),
        ("f", Kind.BOUNCED, BounceClass.SOFT, "mailbox_full"),
        ("s", Kind.BOUNCED, BounceClass.HARD, "suppressed"),
        ("v", Kind.AUTO_REPLIED, None, None),
        ("x", Kind.BOUNCED, BounceClass.UNDETERMINED, None),
        ("z", Kind.BOUNCED, BounceClass.BLOCK, "blocked"),
        # A code that nobody documented.
        ("q", Kind.BOUNCED, BounceClass.UNDETERMINED, None),
    ]
    assert page("bounces", fixture("feed_bounces")) == Reading(
        events=[
            told(
                *(kind, "em_bounces", 10 + n, f"04T13:00:3{9 - n}", f"old.{letter}@example.net"),
                list="bounces",
                bounce_class=bounce_class,
                reason=reason,
                metadata={"bounce_code": letter.upper()} | ({"attempted": "false"} if letter == "s" else {}),
            )
            for n, (letter, kind, bounce_class, reason) in enumerate(meant)
        ],
        contacts=[
            ContactInfo(contact_id=contact(10), first_name="Sam", last_name="Ortiz", email="new.name@example.net")
        ],
    )


def uniques(*figures: int) -> dict[str, int]:
    names = ("sends", "opens", "clicks", "forwards", "optouts", "abuse", "bounces", "not_opened")
    return dict(zip(names, figures, strict=True))


SUMMARY = Snapshot(
    list="summaries",
    campaign_id=CAMPAIGN,
    read_at=RECEIVED,
    counts={Kind.SENT: (200, 200), Kind.UNSUBSCRIBED: (2, 2), Kind.COMPLAINED: (1, 1)},
    raw=uniques(200, 72, 18, 3, 2, 1, 20, 108),
    stands_for=(Kind.COMPLAINED,),
)


def test_a_summary_is_a_snapshot_and_of_an_old_campaign_all_that_is_known():
    since = str(parse("2024-05-06T00:00:00Z", "since"))
    old = "11111111-2222-4333-8444-555555555555"
    assert page("campaigns", fixture("feed_campaigns"), itemised_since=since) == Reading(
        snapshots=[
            SUMMARY,
            Snapshot(
                list="summaries",
                campaign_id=old,
                read_at=RECEIVED,
                counts={
                    Kind.SENT: (9, 9),
                    Kind.BOUNCED: (1, 1),
                    Kind.OPENED: (4, 4),
                    Kind.CLICKED: (2, 2),
                    Kind.UNSUBSCRIBED: (1, 1),
                    Kind.COMPLAINED: (0, 0),
                    Kind.FORWARDED: (0, 0),
                },
                raw=uniques(9, 4, 2, 0, 1, 0, 1, 4),
                stands_for=(Kind.COMPLAINED,),
            ),
        ],
        campaigns=[
            CampaignInfo(campaign_id=CAMPAIGN, type="Newsletter"),
            CampaignInfo(campaign_id=old, type="Custom Code Email"),
        ],
        problems=[
            Problem(
                item=2,
                reason="A summary must be an object with a campaign_id.",
                raw=b'{"campaign_id":"","unique_counts":{}}',
            )
        ],
    )


def test_the_guides_other_spelling_of_a_summary_says_the_same():
    raw = {name: str(value) for name, value in SUMMARY.raw.items()}
    assert page("campaigns", fixture("feed_campaigns_texts")) == Reading(
        snapshots=[msgspec.structs.replace(SUMMARY, raw=raw)],
        campaigns=[CampaignInfo(campaign_id=CAMPAIGN, type="Newsletter")],
    )


def test_a_campaign_tells_its_name_and_its_activity_the_subject():
    assert page("details", fixture("feed_details_campaign")) == Reading(
        campaigns=[
            CampaignInfo(
                campaign_id=CAMPAIGN,
                name="May newsletter",
                status="Done",
                type="Newsletter",
                created_at=at("01T09:30:00"),
            )
        ]
    )
    assert page("details", fixture("feed_details_activity")) == Reading(
        campaigns=[CampaignInfo(campaign_id=CAMPAIGN, subject="Spring is here")]
    )


FIGURES = {
    "em_sends": 200,
    "em_opens": 72,
    "em_not_opened": 108,
    "em_opens_all": 110,
    "em_opens_all_computer": 40,
    "em_opens_all_mobile": 55,
    "em_opens_all_tablet": 5,
    "em_opens_all_other": 8,
    "em_opens_all_none": 2,
    "em_clicks": 18,
    "em_clicks_all": 27,
    "em_clicks_all_computer": 12,
    "em_clicks_all_mobile": 12,
    "em_clicks_all_tablet": 1,
    "em_clicks_all_other": 2,
    "em_clicks_all_none": 0,
    "em_forwards": 3,
    "em_optouts": 2,
    "em_abuse": 1,
    "em_bounces": 20,
    "em_bounces_nonexistent_address": 6,
    "em_bounces_undeliverable": 3,
    "em_bounces_mailbox_full": 2,
    "em_bounces_suspended": 4,
    "em_bounces_vacation": 1,
    "em_bounces_other": 1,
    "em_bounces_blocked": 3,
}
STATS = Snapshot(
    list="stats",
    campaign_id=CAMPAIGN,
    read_at=RECEIVED,
    counts={
        Kind.SENT: (200, 200),
        # Without the auto-reply, which the platform counts among its bounces.
        Kind.BOUNCED: (19, 19),
        Kind.OPENED: (110, 72),
        Kind.CLICKED: (27, 18),
        Kind.UNSUBSCRIBED: (2, 2),
        Kind.COMPLAINED: (1, 1),
        Kind.FORWARDED: (3, 3),
        Kind.AUTO_REPLIED: (1, 1),
    },
    raw={**FIGURES, "last_refresh_time": "2026-05-05T09:12:44.000Z"},
    stands_for=(Kind.COMPLAINED,),
)


def test_statistics_are_a_snapshot_however_their_names_are_spelt():
    assert page("stats", fixture("feed_stats")) == Reading(snapshots=[STATS])


def test_the_statistics_of_a_campaign_that_was_sent_again_are_sums():
    again = FIGURES | {"em_sends": 50, "em_bounces": 5, "em_abuse": 2, "em_bounces_vacation": 0}
    refreshed = {"last_refresh_time": "2026-05-05T09:12:44.084Z"}
    assert page("stats", fixture("feed_stats_resend")) == Reading(
        snapshots=[
            msgspec.structs.replace(
                STATS,
                counts={
                    Kind.SENT: (250, None),
                    Kind.BOUNCED: (24, None),
                    Kind.OPENED: (220, None),
                    Kind.CLICKED: (54, None),
                    Kind.UNSUBSCRIBED: (4, None),
                    # At least as many as complained of one of the two.
                    Kind.COMPLAINED: (3, 2),
                    Kind.FORWARDED: (6, None),
                    Kind.AUTO_REPLIED: (1, None),
                },
                raw={f"{ACTIVITY}/{name}": value for name, value in STATS.raw.items()}
                | {f"{RESEND}/{name}": value for name, value in (again | refreshed).items()},
            )
        ]
    )


def test_statistics_of_some_of_a_campaigns_activities_are_no_sum_of_it():
    read = page("stats", fixture("feed_stats"), partly=CAMPAIGN)
    assert read == Reading(snapshots=[msgspec.structs.replace(STATS, list=f"stats/{ACTIVITY}")])


def test_links_are_a_snapshot_of_who_clicked_which():
    read = page("links", fixture("feed_links"))
    links = Snapshot(
        list="links", campaign_id=CAMPAIGN, read_at=RECEIVED, counts={}, raw={SPRING: 14, MENU: 6}, stands_for=()
    )
    bad = Problem(item=2, reason="A link must have link_url and unique_clicks.", raw=b'{"url_id":"1100407204173"}')
    assert read == Reading(snapshots=[links], problems=[bad])
    again = page("links", fixture("feed_links"), role="resend").snapshots
    assert again == [msgspec.structs.replace(links, list=f"links/{ACTIVITY}")]


def test_contacts_tell_of_opt_outs_outside_of_any_email():
    def out(number: int, time: str, email: str, **fields) -> Event:
        return Event(
            slot=slot_key(at(f"{time[:2]}T00:00:00"), "acme", "em_optouts", contact(number)),
            kind=Kind.UNSUBSCRIBED,
            word="unsubscribed",
            occurred_at=at(time),
            list="status",
            row=str(at(time)),
            contact_id=contact(number),
            email=email,
            **fields,
        )

    read = page("contacts", fixture("feed_contacts"))
    assert read.events == [
        out(
            *(4, "05T07:41:03", "kim@example.com"),
            reason="Too many emails",
            metadata={"opt_out_source": "Contact"},
        ),
        out(7, "06T10:00:00", "gone@example.com", metadata={"opt_out_source": "Account"}),
    ]
    assert read.contacts == [
        ContactInfo(contact_id=contact(4), email="kim@example.com", first_name="Kim", last_name="Weiss")
    ]
    assert [(problem.item, problem.reason) for problem in read.problems] == [
        (3, "email_address.opt_out_date is missing.")
    ]
    assert (read.snapshots, read.campaigns) == ([], [])


def test_no_fixture_is_without_a_test():
    text = files("tests.providers.constant_contact").joinpath("test_fixtures.py").read_text(encoding="utf-8")
    found = [file.name for file in files("aftersend.providers.constant_contact").joinpath("fixtures").iterdir()]
    assert found
    assert [name for name in found if f'"{name.removesuffix(".json")}"' not in text] == []
