"""The provider as others meet it: feeds, options, credentials, limits, setup; and what its walks ask for."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers import PROVIDERS, provider_of
from aftersend.providers.constant_contact import ConstantContact, feeds, notes
from aftersend.providers.constant_contact.feeds import Options
from aftersend.providers.contract import Answer, Ask, Context, Malformed, OAuth, Request
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Delivery, Door, Kind, Problem, Rate, Reading, Rejected
from aftersend.zones import moment, parse
from tests.providers.constant_contact.said import ACTIVITY, CAMPAIGN, PROVIDER, RESEND, contact, fixture

NOW = parse("2026-05-06T10:00:00Z", "now")
SENT = parse("2026-05-04T13:00:07Z", "sent")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SUMMARIES = "reports/summary_reports/email_campaign_summaries"
COUNTS = [200, 72, 18, 3, 2, 1, 20, 108]
COUNTERS = dict.fromkeys(("em_sends", "em_clicks_all", "em_forwards", "em_optouts"), 2)
COUNTERS |= {"em_opens_all": 3, "em_bounces": 8}


def source(**fields) -> Source:
    options = {"client_id": "0a1b", "client_secret": "s3cret"} | fields.pop("options", {})
    return Source(**({"name": "acme", "provider": "constant_contact", "options": options} | fields))


def found(**options) -> dict:
    return {feed.name: feed for feed in PROVIDER.feeds(source(options=options))}


def walk(name: str, noted=None, position=None, options=None, **fields):
    told = {} if noted is None else noted

    def recall(prefix):
        return {note: value for note, value in told.items() if note.startswith(prefix)}

    context = Context(**({"source": source(), "now": NOW, "recall": recall} | fields))
    return found(**(options or {}))[name].walk(position or {}, context)


def answer(body, at=NOW) -> Answer:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(body=raw, received_at=at)


def noted(**changes) -> dict:
    """Notes of one campaign with one activity, as they stand when every walk has been there."""
    told = {
        f"campaign/{CAMPAIGN}": {"sent": SENT, "counts": COUNTS},
        "summaries": {"at": NOW - HOUR, "whole": NOW - HOUR},
        f"detail/{CAMPAIGN}": {
            "sent": SENT,
            "activities": [{"id": ACTIVITY, "role": "primary_email"}],
            "told": ACTIVITY,
        },
        f"stats/{CAMPAIGN}": {"at": NOW - HOUR, "sent": SENT, "seen": COUNTS, "of": {ACTIVITY: COUNTERS}},
        f"links/{ACTIVITY}": {"count": 2},
    }
    for name, listed in feeds.LISTS.items():
        count = COUNTERS[listed.counter]
        walked = {"count": count, "rows": count, "sent": SENT, "newest": SENT + HOUR, "whole": NOW - HOUR, "firm": True}
        told[f"walk/{name}/{ACTIVITY}"] = walked
    return {name: note for name, note in (told | changes).items() if note is not None}


# -- what it says of itself ----------------------------------------------------------------------------------


def test_it_is_registered_under_its_name():
    assert isinstance(PROVIDERS["constant_contact"], ConstantContact)
    assert provider_of(source()) is PROVIDERS["constant_contact"]


def test_it_says_what_it_is():
    assert (PROVIDER.title, PROVIDER.base_url) == ("Constant Contact", "https://api.cc.email/v3")
    assert (PROVIDER.time_zone, PROVIDER.pushes, PROVIDER.auth_header) == ("UTC", False, "Authorization")
    assert PROVIDER.unitemised == {Kind.COMPLAINED}
    assert PROVIDER.rates == (Rate(4, 1000), Rate(10_000, DAY))


def test_its_feeds_stand_behind_those_they_learn_from():
    assert [(f.name, f.read_once, f.windowed, f.every) for f in found().values()] == [
        ("campaigns", False, False, 30 * MINUTE),
        ("details", False, False, 0),
        ("stats", False, False, HOUR),
        *((name, False, False, 0) for name in ("sends", "opens", "clicks", "forwards", "optouts", "bounces")),
        ("links", False, False, 0),
    ]
    (contacts,) = [feed for feed in PROVIDER.feeds(source(options={"contacts": True})) if feed.name == "contacts"]
    assert (contacts.read_once, contacts.windowed, contacts.every) == (False, True, HOUR)


def test_its_options_have_the_platforms_own_addresses():
    auth = "https://authz.constantcontact.com/oauth2/default/v1"
    assert Options() == Options(
        client_id="",
        client_secret="",
        redirect_uri="http://127.0.0.1:8400/callback",
        authorize_url=f"{auth}/authorize",
        token_url=f"{auth}/token",
        device_url=f"{auth}/device/authorize",
        look_back="730d",
        campaigns_every="30m",
        stats_every="1h",
        contacts=False,
    )


@pytest.mark.parametrize("name", ["look_back", "campaigns_every", "stats_every"])
def test_a_duration_that_is_none_is_named(name):
    with pytest.raises(ConfigurationError, match=f"^{name} = 'often' is not a duration"):
        found(**{name: "often"})


def test_an_unknown_option_is_named_beside_those_there_are():
    with pytest.raises(ConfigurationError, match="has no option 'secret'; its own options: client_id, client_secret"):
        PROVIDER.feeds(source(options={"secret": "x"}))


def test_it_is_connected_by_oauth_and_needs_no_key():
    auth = "https://authz.constantcontact.com/oauth2/default/v1"
    assert PROVIDER.oauth(source()) == OAuth(
        client_id="0a1b",
        client_secret="s3cret",
        authorize_url=f"{auth}/authorize",
        token_url=f"{auth}/token",
        device_url=f"{auth}/device/authorize",
        scopes=("campaign_data", "contact_data", "offline_access"),
        redirect_uri="http://127.0.0.1:8400/callback",
    )
    assert PROVIDER.credentials(source()) == {"Accept": "application/json"}


def test_the_addresses_of_oauth_can_be_others():
    other = {f"{name}_url": f"http://127.0.0.1:9/{name}" for name in ("authorize", "token", "device")}
    oauth = PROVIDER.oauth(source(options=other | {"redirect_uri": "https://app.example.com/cb"}))
    assert (oauth.authorize_url, oauth.token_url, oauth.device_url, oauth.redirect_uri) == (
        *other.values(),
        "https://app.example.com/cb",
    )


def test_without_a_client_id_it_says_where_to_find_it():
    with pytest.raises(ConfigurationError, match="Source 'acme' needs client_id: the API key of your application"):
        PROVIDER.oauth(source(options={"client_id": " "}))


def test_all_accounts_of_an_application_share_its_budget():
    one, other = source(name="acme"), source(name="other", options={"client_secret": "another"})
    assert PROVIDER.account(one) == PROVIDER.account(other)
    assert PROVIDER.account(one) != PROVIDER.account(source(options={"client_id": "9z"}))


def test_the_probe_reads_one_summary():
    assert PROVIDER.probe(source()) == Ask(path=SUMMARIES, params={"limit": "1"})


def test_the_setup_says_that_there_are_no_webhooks_and_how_to_connect():
    text = PROVIDER.setup(source(), "")
    assert "sends no webhooks" in text
    assert "aftersend connect acme" in text
    assert "http://127.0.0.1:8400/callback" in text
    assert "https://api.cc.email/v3" in text
    assert "{" not in text.replace("${CC_CLIENT_SECRET}", "")
    assert "s3cret" not in text


def test_a_webhook_is_refused_with_a_sentence_that_says_why():
    request = Request(method="POST", token="t", query="", headers={}, address="192.0.2.1", body=b"{}")
    for secrets in ([], ["t"]):
        with pytest.raises(Rejected, match=r"^Constant Contact sends no webhooks for emails \(source 'acme'\)"):
            PROVIDER.verify(request, source(webhook_secrets=secrets))


@pytest.mark.parametrize(("door", "feed"), [(Door.WEBHOOK, ""), (Door.FEED, "unique_opens")])
def test_what_is_none_of_its_lists_goes_to_quarantine(door, feed):
    delivery = Delivery(source="acme", door=door, feed=feed, received_at=NOW, body=b"{}")
    problem = Problem(item=0, reason="Constant Contact has no such list.", raw=b"{}")
    assert PROVIDER.read(delivery, source()) == Reading(problems=[problem])


# -- limits --------------------------------------------------------------------------------------------------

MIDNIGHT = parse("2026-05-07T00:00:00Z", "midnight")


@pytest.mark.parametrize(
    ("status", "body", "until"),
    [
        (429, {"error_key": "throttled", "error_message": "Too Many Requests"}, NOW + 2000),
        (429, [{"error_key": "throttled", "error_message": "Too Many Requests"}], NOW + 2000),
        (429, {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}, MIDNIGHT),
        (429, [{"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}], MIDNIGHT),
        (403, {"error_key": "mashery.not.authorized.over.qps"}, NOW + 2000),
        (403, {"error_key": "mashery.not.authorized.over.ratelimit"}, MIDNIGHT),
        (403, {"error_key": "forbidden"}, None),
        (429, b"<html>slow down</html>", None),
        (429, "throttled", None),
        (503, {"error_key": "throttled"}, None),
    ],
)
def test_the_body_of_a_refusal_says_until_when(status, body, until):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    assert PROVIDER.not_before(status, {}, raw, NOW) == until


def test_on_the_last_instant_of_a_day_the_next_one_is_awaited():
    body = b'{"error_key": "quota_exceeded"}'
    assert PROVIDER.not_before(429, {}, body, MIDNIGHT - 1) == MIDNIGHT
    assert PROVIDER.not_before(429, {}, body, MIDNIGHT) == MIDNIGHT + DAY


# -- what is asked -------------------------------------------------------------------------------------------


def test_a_quiet_campaign_costs_nothing_but_the_summaries():
    told = {name: note | {"sent": SENT - 30 * DAY} if "sent" in note else note for name, note in noted().items()}
    asks = {name: walk(name, told).ask() for name in found()}
    assert {name for name, ask in asks.items() if ask} == {"campaigns"}


def test_summaries_are_noted_and_their_page_says_from_when_on_campaigns_are_itemised():
    walking = walk("campaigns")
    since = str(NOW - 730 * DAY)
    assert walking.ask() == Ask(path=SUMMARIES, params={"limit": "500"}, about={"itemised_since": since})
    walking.take(answer(fixture("feed_campaigns")))
    # The other campaign is too old to be read event by event.
    assert walking.notes == {f"campaign/{CAMPAIGN}": {"sent": SENT, "counts": COUNTS}}
    link = "/v3/reports/summary_reports/email_campaign_summaries?next=bGltaXQ9NTAmbz01MA"
    assert walking.ask() == Ask(path=link, about={"itemised_since": since, "limit": "500"})
    walking.take(answer({"bulk_email_campaign_summaries": []}))
    assert walking.ask() is None
    assert walking.notes["summaries"] == {"at": NOW, "whole": NOW}


def test_a_page_of_summaries_without_news_is_the_end_but_once_a_day():
    told = noted()
    walking = walk("campaigns", told)
    walking.take(answer(fixture("feed_campaigns")))
    assert walking.ask() is None
    assert walking.notes == {"summaries": {"at": NOW, "whole": NOW - HOUR}}
    told["summaries"] = {"at": NOW - HOUR, "whole": NOW - DAY}
    walking = walk("campaigns", told)
    walking.take(answer(fixture("feed_campaigns")))
    assert walking.ask() is not None


def test_campaigns_that_aged_out_are_forgotten_by_every_walk():
    old = {"sent": NOW - 731 * DAY, "counts": COUNTS}
    walking = walk("campaigns", noted(**{"campaign/old": old}))
    assert walking.notes == {"campaign/old": None}
    left = noted(
        **{
            "detail/old": {"sent": 1, "activities": []},
            "stats/old": {"at": 1, "sent": 1, "seen": [], "of": {}},
            "walk/opens/old": {"count": 1},
            "links/old": {"count": 1},
        }
    )
    assert {name: walk(name, left).notes for name in ("details", "stats", "opens", "clicks", "links")} == {
        "details": {"detail/old": None},
        "stats": {"stats/old": None},
        "opens": {"walk/opens/old": None},
        "clicks": {},
        "links": {"links/old": None},
    }


def test_details_of_a_new_campaign_are_read_once_and_then_the_subject():
    walking = walk("details", noted(**{f"detail/{CAMPAIGN}": None}))
    assert walking.ask() == Ask(path=f"emails/{CAMPAIGN}", about={"campaign": CAMPAIGN})
    walking.take(answer(fixture("feed_details_campaign")))
    both = [{"id": ACTIVITY, "role": "primary_email"}, {"id": RESEND, "role": "resend"}]
    assert walking.notes == {f"detail/{CAMPAIGN}": {"sent": SENT, "activities": both}}
    assert walking.ask() == Ask(path=f"emails/activities/{ACTIVITY}", about={"campaign": CAMPAIGN})
    walking.take(answer(fixture("feed_details_activity")))
    assert walking.ask() is None
    assert walking.notes == {f"detail/{CAMPAIGN}": {"sent": SENT, "activities": both, "told": ACTIVITY}}
    assert walk("details", noted() | walking.notes).ask() is None


def test_a_campaign_that_was_sent_again_is_looked_at_again():
    later = {"sent": SENT + DAY, "counts": COUNTS}
    walking = walk("details", noted(**{f"campaign/{CAMPAIGN}": later}))
    assert walking.ask() == Ask(path=f"emails/{CAMPAIGN}", about={"campaign": CAMPAIGN})
    walking.take(answer(fixture("feed_details_campaign")))
    # The subject of the first email is known.
    assert walking.ask() is None
    assert walking.notes[f"detail/{CAMPAIGN}"]["sent"] == SENT + DAY


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_campaign_that_is_gone_is_asked_for_once(status):
    told = noted(**{f"detail/{CAMPAIGN}": None})
    walking = walk("details", told)
    assert walking.refused(status)
    assert walking.ask() is None
    assert walking.notes == {f"detail/{CAMPAIGN}": {"activities": [], "sent": SENT}}
    assert walk("details", told | walking.notes).ask() is None


def statistics_of(ids) -> str:
    return f"reports/stats/email_campaign_activities/{','.join(ids)}"


def many(*sizes: int) -> dict:
    """Notes of campaigns with so many activities each, whose statistics were never read."""
    told = {}
    for n, size in enumerate(sizes):
        told[f"campaign/c{n}"] = {"sent": SENT - n, "counts": COUNTS}
        rows = [{"id": f"c{n}a{m}", "role": "resend" if m else "primary_email"} for m in range(size)]
        told[f"detail/c{n}"] = {"sent": SENT - n, "activities": rows}
    return told


def asked(walking) -> list[tuple[str, dict]]:
    """What a walk asks for, all of it answered with nothing."""
    found = []
    while (ask := walking.ask()) is not None:
        found.append((ask.path, ask.about))
        walking.take(answer({"errors": [], "results": []}))
    return found


def test_statistics_are_asked_ten_at_a_time_those_of_a_campaign_together():
    walking = walk("stats", many(4, 5, 2, 12))
    first = [*(f"c0a{n}" for n in range(4)), *(f"c1a{n}" for n in range(5))]
    twelve = [f"c3a{n}" for n in range(12)]
    assert asked(walking) == [
        (statistics_of(first), {}),
        (statistics_of(["c2a0", "c2a1"]), {}),
        (statistics_of(twelve[:10]), {"partly": "c3"}),
        (statistics_of(twelve[10:]), {"partly": "c3"}),
    ]


def test_one_id_that_spoils_an_answer_is_found_one_by_one():
    walking = walk("stats", many(1, 2))
    refused = []
    while (ask := walking.ask()) is not None:
        ids = ask.path.rpartition("/")[2].split(",")
        if "c1a1" in ids:
            refused.append(ids)
            assert walking.refused(404)
        else:
            stats = {"em_sends": 7, "em_opens.all": 3}
            rows = [{"campaign_id": i[:2], "campaign_activity_id": i, "stats": stats} for i in ids]
            walking.take(answer({"errors": [], "results": rows}))
    assert refused == [["c0a0", "c1a0", "c1a1"], ["c1a0", "c1a1"], ["c1a1"]]
    counters = {"em_sends": 7, "em_opens_all": 3}
    read = {name: note["of"] for name, note in walking.notes.items()}
    assert read == {"stats/c0": {"c0a0": counters}, "stats/c1": {"c1a0": counters}}


@pytest.mark.parametrize(
    ("age", "since", "due"),
    [
        (HOUR, 1, True),
        (2 * DAY, 1, True),
        (4 * DAY, 5 * HOUR, False),
        (4 * DAY, 6 * HOUR, True),
        (20 * DAY, 23 * HOUR, False),
        (20 * DAY, DAY, True),
        (100 * DAY, 6 * DAY, False),
        (100 * DAY, 7 * DAY, True),
        # The wrong clock of a platform.
        (-DAY, 1, True),
    ],
)
def test_the_older_a_campaign_the_more_seldom_its_statistics_are_read(age, since, due):
    told = noted()
    for name in ("campaign", "detail", "stats"):
        told[f"{name}/{CAMPAIGN}"] = told[f"{name}/{CAMPAIGN}"] | {"sent": NOW - age}
    told[f"stats/{CAMPAIGN}"]["at"] = NOW - since
    assert (walk("stats", told).ask() is not None) == due
    # A summary that moved is a reason at any age.
    told[f"campaign/{CAMPAIGN}"]["counts"] = [*COUNTS[:-1], 107]
    assert walk("stats", told).ask() is not None


def moved(name: str, by: int = 1, **walked) -> dict:
    """Notes of a list whose counter moved since it was walked."""
    told = noted()
    note = told[f"walk/{name}/{ACTIVITY}"]
    told[f"walk/{name}/{ACTIVITY}"] = note | {"count": note["count"] - by, "rows": note["rows"] - by} | walked
    return told


def test_a_list_is_walked_when_its_counter_moved_and_the_page_says_whose_it_is():
    about = {"campaign": CAMPAIGN, "activity": ACTIVITY}
    for name in feeds.LISTS:
        told = moved(name)
        asks = {other: walk(other, told).ask() for other in feeds.LISTS}
        path = f"reports/email_reports/{ACTIVITY}/tracking/{name}"
        assert {other: ask for other, ask in asks.items() if ask} == {
            name: Ask(path=path, params={"limit": "500"}, about=about)
        }
        # One that fell is no less a reason.
        assert walk(name, moved(name, -1)).ask() is not None


def row(at, number=1) -> dict:
    """A row so long after the beginning of the day the campaign was sent on."""
    text = f"{moment(parse('2026-05-04', 'day') + at):%Y-%m-%dT%H:%M:%S.000Z}"
    return {"contact_id": contact(number), "tracking_activity_type": "em_opens", "created_time": text}


def page_of(*rows, more: bool = True) -> Answer:
    links = {"next": {"href": f"/v3/next?next={len(rows)}{rows[0]['created_time'] if rows else ''}"}}
    return answer({"tracking_activities": list(rows), "_links": links if more else {}})


def test_a_walk_ends_with_a_page_that_is_older_than_what_was_met_by_more_than_the_overlap():
    told = moved("opens", newest=SENT)
    walking = walk("opens", told)
    young, old = 10 * HOUR, -3 * DAY
    walking.take(page_of(row(young), row(old)))
    assert walking.ask() is not None
    walking.take(page_of(row(old), row(old - HOUR)))
    assert walking.ask() is None
    # Two rows are newer than the newest that was known: none of these; and no counter says how many lie deeper.
    note = walking.notes[f"walk/opens/{ACTIVITY}"]
    assert note == {"count": 3, "sent": SENT, "rows": 2, "newest": SENT, "whole": NOW - HOUR, "firm": False}


def test_what_is_sent_again_is_walked_though_a_counter_of_contacts_stands_still():
    told = noted()
    for name in ("campaign", "detail", "stats"):
        told[f"{name}/{CAMPAIGN}"] = told[f"{name}/{CAMPAIGN}"] | {"sent": SENT + DAY}
    walking = walk("sends", told)
    assert walking.ask() is not None
    walking.take(page_of(row(HOUR, 1), row(2, 2), more=False))
    assert walk("sends", told | walking.notes).ask() is None


def test_a_page_in_another_order_than_newest_first_ends_nothing():
    walking = walk("opens", moved("opens", newest=SENT))
    walking.take(page_of(row(-4 * DAY), row(-3 * DAY)))
    assert walking.ask() is not None
    walking.take(page_of(row(10 * HOUR), more=False))
    assert walking.ask() is None


def test_a_row_from_the_future_hides_none_that_follow():
    walking = walk("opens", noted(**{f"walk/opens/{ACTIVITY}": None}))
    walking.take(page_of(row(900 * DAY), row(10 * HOUR, 2), row(9 * HOUR, 3), more=False))
    note = walking.notes[f"walk/opens/{ACTIVITY}"]
    newest = parse("2026-05-04T10:00:00Z", "")
    assert note == {"count": 3, "sent": SENT, "rows": 3, "newest": newest, "whole": NOW, "firm": True}


def test_a_list_with_other_than_as_many_rows_as_its_counter_says_is_read_whole_once_a_day():
    for name, rows, wanted in [("opens", 2, True), ("opens", 4, True), ("sends", 1, True), ("sends", 3, False)]:
        told = moved(name, 0, rows=rows, whole=NOW - DAY)
        assert (walk(name, told).ask() is not None) == wanted
        assert walk(name, moved(name, 0, rows=rows)).ask() is None
    walking = walk("opens", moved("opens", 0, rows=2, whole=NOW - DAY, newest=SENT + 9 * DAY))
    walking.take(page_of(row(-9 * DAY)))
    assert walking.ask() is not None


def test_a_list_that_took_several_pages_is_read_once_more_after_a_day():
    walking = walk("opens", noted(**{f"walk/opens/{ACTIVITY}": None}))
    walking.take(page_of(row(HOUR), row(2, 2)))
    walking.take(page_of(row(1, 3), more=False))
    told = noted() | walking.notes
    assert told[f"walk/opens/{ACTIVITY}"]["firm"] is False
    assert walk("opens", told).ask() is None
    again = walk("opens", told, now=NOW + DAY)
    again.take(page_of(row(HOUR), row(2, 2)))
    again.take(page_of(row(1, 3), more=False))
    assert again.notes[f"walk/opens/{ACTIVITY}"]["firm"] is True
    assert walk("opens", told | again.notes, now=NOW + 2 * DAY).ask() is not None  # it is three days old by then
    firm = told | again.notes
    firm[f"walk/opens/{ACTIVITY}"]["whole"] = SENT + 3 * DAY
    assert walk("opens", firm, now=SENT + 5 * DAY).ask() is None


@pytest.mark.parametrize("age", [3 * DAY, 14 * DAY, 90 * DAY])
def test_every_list_is_read_whole_when_its_campaign_comes_of_age(age):
    before = moved("opens", 0, whole=SENT + age - 1)
    assert walk("opens", before, now=SENT + age - 1).ask() is None
    assert walk("opens", before, now=SENT + age).ask() is not None
    assert walk("opens", moved("opens", 0, whole=SENT + age), now=SENT + age + 1).ask() is None


def test_a_walk_goes_on_where_it_was_killed_and_counts_on():
    told = noted(**{f"walk/opens/{ACTIVITY}": None})
    walking = walk("opens", told)
    walking.take(page_of(row(HOUR), row(2, 2)))
    told |= walking.notes
    resumed = walk("opens", told, walking.position)
    assert resumed.ask() == walking.ask()
    resumed.take(page_of(row(1, 3), more=False))
    note = resumed.notes[f"walk/opens/{ACTIVITY}"]
    assert (note["rows"], note["count"], "under" in note) == (3, 3, False)
    # A cursor of yesterday isn't tried.
    late = walk("opens", told, walking.position, now=NOW + DAY)
    assert late.ask().path.endswith("/tracking/opens")
    late.take(page_of(row(HOUR), row(2, 2), row(1, 3), more=False))
    assert late.notes[f"walk/opens/{ACTIVITY}"]["rows"] == 3


def test_a_refused_cursor_leads_to_the_beginning_and_an_activity_that_is_gone_is_passed_over():
    told = noted(**{f"walk/opens/{ACTIVITY}": None})
    walking = walk("opens", told)
    walking.take(page_of(row(HOUR), row(2, 2)))
    assert walking.refused(400)
    assert walking.ask().path.endswith("/tracking/opens")
    walking.take(page_of(row(HOUR), row(2, 2)))
    assert not walking.refused(400)
    gone = walk("opens", told)
    assert gone.refused(404)
    assert gone.ask() is None
    assert walk("opens", told | gone.notes).ask() is None
    assert walk("opens", moved("opens", **gone.notes[f"walk/opens/{ACTIVITY}"] | {"count": 2})).ask() is not None


def test_what_is_sent_last_is_walked_first_a_hundred_lists_a_run():
    told = many(*[1] * 120)
    for n in range(120):
        stats = {"at": NOW, "sent": SENT - n, "seen": COUNTS, "of": {f"c{n}a0": COUNTERS}}
        told[f"stats/c{n}"] = stats
    walking = walk("sends", told | {"summaries": {"at": NOW, "whole": NOW}})
    paths = []
    while (ask := walking.ask()) is not None:
        paths.append(ask.path.split("/")[2])
        walking.take(answer({"tracking_activities": []}))
    assert paths == [f"c{n}a0" for n in range(100)]
    assert walking.complete_until is None


def test_a_run_is_complete_up_to_when_statistics_of_recent_campaigns_were_read():
    assert walk("opens", noted()).complete_until == NOW - HOUR
    walking = walk("opens", moved("opens"))
    assert walking.complete_until is None
    walking.take(page_of(row(HOUR), more=False))
    assert walking.complete_until == NOW - HOUR
    assert walk("opens", noted(**{f"stats/{CAMPAIGN}": None})).complete_until is None
    assert walk("opens").complete_until is None


def test_links_are_read_when_clicks_moved():
    told = noted(**{f"links/{ACTIVITY}": {"count": 1}})
    walking = walk("links", told)
    about = {"campaign": CAMPAIGN, "activity": ACTIVITY, "role": "primary_email"}
    assert walking.ask() == Ask(path=f"reports/email_reports/{ACTIVITY}/links", about=about)
    walking.take(answer(fixture("feed_links")))
    assert walking.ask() is None
    assert walking.notes == {f"links/{ACTIVITY}": {"count": 2}}
    gone = walk("links", told)
    assert gone.refused(404)
    assert (gone.ask(), gone.notes) == (None, {f"links/{ACTIVITY}": {"count": 2}})


def test_contacts_are_asked_by_when_they_opted_out():
    walking = walk("contacts", options={"contacts": True}, since=NOW - DAY, until=NOW)
    assert walking.ask() == Ask(
        path="contacts",
        params={
            "status": "all",
            "optout_after": "2026-05-05T10:00:00Z",
            "optout_before": "2026-05-06T10:00:00Z",
            "limit": "500",
        },
    )
    walking.take(answer(fixture("feed_contacts")))
    assert walking.ask().path == "/v3/contacts?cursor=bGltaXQ9NTA"
    walking.take(answer({"contacts": []}))
    assert (walking.ask(), walking.complete_until) == (None, None)


@pytest.mark.parametrize("name", ["campaigns", "sends", "stats", "details", "links"])
@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b'{"tracking_activities": {}}', b""])
def test_what_is_no_page_is_refused_and_moves_nothing(name, body):
    told = moved("sends")
    told[f"links/{ACTIVITY}"] = {"count": 1}
    if name == "details":
        if body.startswith(b"{"):
            return  # an object without an id is a problem of that campaign alone
        del told[f"detail/{CAMPAIGN}"]
    walking = walk(name, told)
    before = (walking.ask(), dict(walking.position))
    with pytest.raises(Malformed):
        walking.take(answer(body))
    assert (walking.ask(), walking.position) == before


def test_ages_and_pauses_are_those_of_the_polling_plan():
    assert notes.AGES == ((3 * DAY, 0), (14 * DAY, 6 * HOUR), (90 * DAY, DAY))
    assert notes.AFTERWARDS == 7 * DAY
