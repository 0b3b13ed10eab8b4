"""Reports: the same answer as the API's, as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from aftersend.receiver import create_app
from aftersend.receiver.auth import mint
from aftersend.storage.contract import Read
from aftersend.vocabulary import Delivery, Door, Event, Kind, Reading, Snapshot, now, slot_key

from .conftest import with_store

REPORTS = {
    "funnel": "funnel",
    "timeline": "timeline",
    "dashboard": "dashboard",
    "campaigns": "campaigns",
    "templates": "templates",
    "doors": "doors",
    "sent": "sent",
    "undelivered": "undelivered",
    "activities": "activities",
}
"""Command → route of the API."""


@pytest.fixture
def filled(call, platform):
    """A source that has been polled to its end."""
    assert call("sync", "acme").status == 0
    assert call("drain").status == 0
    return platform


def _of_the_api(settings, path: str):
    """What the API answers to an admin."""

    def ask(store):
        _, secret = mint(store, "test", ["admin"])
        answer = create_app(settings, store).test_client().get(path, headers={"X-API-Key": secret})
        assert answer.status_code == 200, answer.text
        return answer.json

    return with_store(settings, ask)


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", REPORTS)
def test_json_is_exactly_what_the_api_answers(call, filled, name):
    since = "2026-01-01" if name in ("timeline", "dashboard") else "2020-01-01"
    called = call("report", name, "--json", "--source", "acme", "--from", since)
    assert called.status == 0
    assert called.json == _of_the_api(filled.settings, f"/v1/{REPORTS[name]}?source=acme&from={since}")


def test_json_of_a_contact_is_exactly_what_the_api_answers(call, filled):
    contact = filled.truth.facts[0].contact
    called = call("report", "contact", contact.email, "--json")
    assert called.status == 0
    assert called.json == _of_the_api(filled.settings, f"/v1/contacts?email={contact.email}")
    assert called.json["contacts"][0]["contact_id"] == contact.id


def test_a_contact_is_found_by_the_customers_own_id_and_by_the_platforms(call, filled):
    contact = next(fact.contact for fact in filled.truth.facts if fact.contact.external_id)
    by_own = call("report", "contact", contact.external_id, "--json").json
    by_id = call("report", "contact", "--contact-id", contact.id, "--json").json
    assert by_own == by_id
    assert by_own["contacts"][0]["email"] == contact.email
    table = call("report", "contact", contact.email).out
    assert contact.email in table
    assert contact.external_id in table


def test_the_funnel_as_csv_has_every_kind(call, filled):
    called = call("report", "funnel", "--csv")
    assert (called.status, called.err) == (0, "")
    rows = _rows(called.out)
    assert [row["kind"] for row in rows] == [str(kind) for kind in Kind]
    truth = filled.truth.funnel()
    for row in rows:
        if row["kind"] != "delivered":  # derived, where the truth has none
            assert (int(row["total"]), int(row["unique"])) == truth[Kind(row["kind"])]


def test_the_funnel_as_a_table_shows_counts_rates_and_bars(call, filled):
    called = call("report", "funnel", "--source", "acme")
    assert (called.status, called.err) == (0, "")
    lines = {line.split()[0]: line.split() for line in called.out.splitlines() if line.strip()}
    total, unique = filled.truth.funnel()[Kind.SENT]
    assert lines["sent"] == ["sent", f"{total:,}", f"{unique:,}", "█" * 24]
    answer = call("report", "funnel", "--json").json
    opened = answer["counts"]["opened"]
    assert lines["opened"][:5] == [
        "opened",
        f"{opened['total']:,}",
        f"{opened['unique']:,}",
        f"{answer['rates']['open'] * 100:.1f}",
        "%",
    ]
    assert "Funnel of acme" in called.out
    assert "delivered is derived: sent − bounced." in called.out
    assert "queued" not in lines


def test_a_list_as_csv_has_a_line_per_row_and_the_apis_names(call, filled):
    called = call("report", "undelivered", "--csv", "--limit", "1000")
    assert called.status == 0
    answer = call("report", "undelivered", "--json", "--limit", "1000").json
    rows = _rows(called.out)
    assert [row["id"] for row in rows] == [row["id"] for row in answer["rows"]]
    assert list(rows[0]) == list(answer["rows"][0])
    assert [row["reason"] or None for row in rows] == [row["reason"] for row in answer["rows"]]


def test_a_list_that_goes_on_says_how_to_read_on(call, filled):
    first = call("report", "sent", "--csv", "--limit", "5")
    assert len(_rows(first.out)) == 5
    cursor = first.err.split("--cursor ")[1].strip()
    second = call("report", "sent", "--csv", "--limit", "5", "--cursor", cursor)
    both = call("report", "sent", "--json", "--limit", "10").json["rows"]
    assert [row["id"] for row in _rows(first.out) + _rows(second.out)] == [row["id"] for row in both]


def test_filters_narrow_as_the_api_does(call, filled):
    campaign = filled.truth.campaign_ids[0]
    answer = call("report", "funnel", "--campaign", campaign, "--json").json
    truth = filled.truth.funnel(campaign)
    for kind in (Kind.SENT, Kind.DROPPED, Kind.OPENED, Kind.CLICKED):
        assert (answer["counts"][kind]["total"], answer["counts"][kind]["unique"]) == truth[kind]
    kinds = call("report", "activities", "--kind", "clicked,opened", "--kind", "bounced", "--json").json["rows"]
    assert {row["kind"] for row in kinds} == {"clicked", "opened", "bounced"}


def test_a_campaign_is_what_the_api_answers_and_shown_whole(call, filled):
    id = filled.truth.campaign_ids[0]
    called = call("report", "campaign", id, "--json")
    assert called.json == call("report", "campaign", "--campaign", id, "--json").json
    answer = _of_the_api(filled.settings, f"/v1/campaigns/{id}")
    assert called.json == answer
    shown = call("report", "campaign", id).out
    assert f"Campaign {id} at acme" in shown
    for link in answer["links"]:
        assert link["url"] in shown
    for part in ("Funnel", "Links", "Devices of opens", "First 24 hours, UTC", "First 7 days, UTC", "As of "):
        assert part in shown
    (row,) = _rows(call("report", "campaign", id, "--csv").out)
    assert (row["campaign_id"], row["sent_unique"]) == (id, str(answer["counts"]["sent"]["unique"]))


def test_the_engagement_of_a_campaign_is_shown_in_the_zone_asked(call, filled):
    id = filled.truth.campaign_ids[0]
    answer = call("report", "campaign", id, "--time-zone", "Asia/Kathmandu", "--json").json
    shown = call("report", "campaign", id, "--time-zone", "Asia/Kathmandu").out
    assert answer["engagement"]["days"][6]["start"][:16].replace("T", " ") in shown
    assert "First 7 days, Asia/Kathmandu" in shown


def test_a_dashboard_shows_what_changed(call, filled):
    answer = call("report", "dashboard", "--days", "1", "--json").json
    shown = call("report", "dashboard", "--days", "1").out
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    change, sent = answer["diff"]["counts"]["sent"]["unique"], answer["counts"]["sent"]
    assert lines["sent"] == [
        "sent",
        f"{sent['unique']:,}",
        f"{answer['previous']['counts']['sent']['unique']:,}",
        *(["–"] if change is None else [f"{change:+,.1f}", "%"]),
        f"{sent['total']:,}",
    ]
    rows = {row["kind"]: row for row in _rows(call("report", "dashboard", "--days", "1", "--csv").out)}
    assert list(rows) == [str(kind) for kind in Kind]
    assert rows["sent"]["diff_unique"] == ("" if change is None else str(change))


def test_templates_have_a_line_each(call, filled):
    answer = call("report", "templates", "--json").json
    assert {row["template"] for row in answer["templates"]} == set(filled.truth.campaign_ids)
    rows = _rows(call("report", "templates", "--csv").out)
    assert [(row["template"], row["opened"]) for row in rows] == [
        (row["template"], str(row["counts"]["opened"])) for row in answer["templates"]
    ]
    shown = call("report", "templates").out
    assert all(id in shown for id in filled.truth.campaign_ids)


def _both_doors(settings) -> None:
    """Three sends: one through both doors, one only by webhook, one only in a feed; and what the platform claims."""
    at = now() - 3_600_000

    def send(contact: str, name: str) -> Event:
        slot = slot_key(at, "acme", Kind.SENT, contact)
        return Event(
            slot=slot, kind=Kind.SENT, word="sent", occurred_at=at, list=name, campaign_id="7", contact_id=contact
        )

    claimed = [
        Snapshot(
            list="stats", campaign_id=campaign, read_at=at + n, counts={Kind.SENT: (total, None)}, raw={"n": total}
        )
        for n, (campaign, total) in enumerate([("7", 5), ("7", 4), ("old", 50)])
    ]
    deliveries = [
        (Door.WEBHOOK, Reading(events=[send("1", "webhook"), send("2", "webhook")])),
        (Door.FEED, Reading(events=[send("1", "activities"), send("3", "activities")], snapshots=claimed)),
    ]
    reads = [
        Read(Delivery(id=n, source="acme", door=door, received_at=at, body=b""), reading)
        for n, (door, reading) in enumerate(deliveries, 1)
    ]
    with_store(settings, lambda store: store.apply(reads))


def test_doors_are_what_the_api_answers_and_said_in_a_sentence(call, installation):
    _both_doors(installation)
    answer = call("report", "doors", "--source", "acme", "--json").json
    assert answer == _of_the_api(installation, "/v1/doors?source=acme")
    rows = _rows(call("report", "doors", "--csv").out)
    assert [(row["day"], row["both"], row["webhook_only"], row["feed_only"]) for row in rows] == [
        (row["day"], str(row["both"]), str(row["webhook_only"]), str(row["feed_only"])) for row in answer["rows"]
    ]
    assert (rows[0]["webhooks_lost"], rows[0]["settled"]) == ("", "False")
    shown = call("report", "doors")
    assert (shown.status, shown.err) == (0, "")
    assert "acme: Your webhooks lost 50.0 % (1 of 2 events)." in shown.out
    day = next(row["day"] for row in answer["rows"] if row["both"])
    (line,) = [line.split() for line in shown.out.splitlines() if line.strip().startswith(day)]
    assert line == [day, "acme", "1", "1", "1", "50.0", "%", "–", "*"]
    assert "* The feeds have not been read to the end of this day." in shown.out


def test_a_source_with_one_door_or_none_says_so(call, installation, filled):
    assert "acme: There is only one door, the feed." in call("report", "doors").out


def test_doors_of_nothing_say_so(call, installation):
    assert "acme: Nothing has come in yet." in call("report", "doors").out


def test_snapshots_are_what_the_api_answers_beside_ours(call, installation):
    _both_doors(installation)
    for form in ("latest", "all"):
        answer = call("report", "snapshots", "--history", form, "--json").json
        assert answer == _of_the_api(installation, f"/v1/snapshots?history={form}")
    rows = _rows(call("report", "snapshots", "--history", "all", "--csv").out)
    assert [
        (row["campaign_id"], row["kind"], row["total"], row["our_total"], row["gap_total"], row["unique"])
        for row in rows
    ] == [
        ("7", "sent", "5", "", "", ""),
        ("7", "sent", "4", "3", "1", ""),
        ("old", "sent", "50", "0", "50", ""),
    ]
    shown = call("report", "snapshots", "--history", "all").out
    lines = [line.split() for line in shown.splitlines() if line.strip().startswith("sent")]
    assert lines == [["sent", "4", "3", "1", "–", "3", "–"], ["sent", "50", "0", "50", "–", "0", "–", *ANSWERED]]
    assert "stats of acme, campaign 7, read " in shown
    assert "What changed" in shown
    assert "as the platform claims: sent." in call("report", "funnel", "--campaign", "old").out


ANSWERED = ["reports", "answer", "from", "it"]


def test_snapshots_go_on_page_by_page(call, installation):
    _both_doors(installation)
    first = call("report", "snapshots", "--limit", "1", "--csv")
    assert first.err == "There is more: add --page-index 1\n"
    second = call("report", "snapshots", "--limit", "1", "--page-index", "1", "--csv")
    assert [row["campaign_id"] for row in _rows(first.out) + _rows(second.out)] == ["7", "old"]
    assert "No platform has claimed anything yet." in call("report", "snapshots", "--list", "none").out


def test_a_platforms_figures_that_count_nothing_are_shown_by_its_own_names(call, installation):
    raw = {"a.rate": 37.19, "b": "[as read]", "c": None, **{f"figure {n:02d}": n for n in range(50)}}
    claimed = [Snapshot(list="overall", campaign_id=None, read_at=now(), counts={}, raw=raw)]
    delivery = Delivery(id=1, source="acme", door=Door.FEED, received_at=now(), body=b"")
    with_store(installation, lambda store: store.apply([Read(delivery, Reading(snapshots=claimed))]))
    lines = [line.split() for line in call("report", "snapshots").out.splitlines()]
    assert ["a.rate", "37.19"] in lines
    assert ["b", "[as", "read]"] in lines
    assert ["c", "–"] in lines
    assert ["figure", "36", "36"] in lines
    assert ["figure", "37", "37"] not in lines
    assert ["and", "13", "more;", "--json", "has", "them", "all"] in lines


@pytest.mark.parametrize("name", [*REPORTS])
def test_every_report_has_a_table_also_when_there_is_nothing(call, installation, name):
    called = call("report", name)
    assert (called.status, called.err) == (0, "")
    assert "Nothing has come in yet; not yet complete" in called.out
    assert call("report", name, "--csv").status == 0


@pytest.mark.parametrize("name", [*REPORTS])
def test_every_report_has_a_table_when_there_is_something(call, filled, name):
    called = call("report", name)
    assert called.status == 0
    assert "As of " in called.out
    assert len(called.out.splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["funnel", "--from", "soon"], "'from' must be a date or time as 2026-11-21 or 2026-11-21T10:00:00Z."),
        (["funnel", "--from", "2026-02-02", "--to", "2026-02-01"], "'from' must lie before the end of 'to'."),
        (["funnel", "--time-zone", "Mars/Olympus"], "'Mars/Olympus' is not an IANA time zone, as Europe/Berlin is."),
        (["funnel", "--source", "nosuch"], "There is no such source."),
        (["funnel", "--source", "acme", "--source", "nosuch"], "There is no such source."),
        (["funnel", "--machine", "include", "--machine", "include"], "'machine' is given 2 times; give it once."),
        (["campaign"], "'campaign_id' is missing."),
        (["campaign", "1", "--campaign", "1"], "'campaign_id' is given 2 times; give it once."),
        (["campaign", "nosuch"], "There is no such campaign."),
        (["dashboard", "--days", "7", "--from", "2026-01-01"], "Give 'days', or 'from' and 'to', not both."),
        (["contact"], "Give 'contact_id', 'external_id' or 'email'."),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_sentence_and_status_2(call, installation, arguments, sentence):
    called = call("report", *arguments)
    assert (called.status, called.out, called.sentence) == (2, "", sentence)


@pytest.mark.parametrize(
    "option", [["--machine", "maybe"], ["--limit", "0"], ["--limit", "many"], ["--page-index", "-1"]]
)
def test_a_value_outside_its_range_is_refused_by_name(call, installation, option):
    called = call("report", "activities", *option)
    assert (called.status, called.out) == (2, "")
    assert called.sentence.startswith("'")
