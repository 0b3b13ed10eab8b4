"""The provider as others meet it: feeds, options, credentials, limits, setup; and what its walks ask for."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from aftersend.providers import PROVIDERS, provider_of
from aftersend.providers.contract import Answer, Ask, Context, Malformed
from aftersend.providers.hogsend import Hogsend
from aftersend.providers.hogsend.feeds import Options
from aftersend.providers.paging import Each, Windows
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Heard, Rate
from aftersend.zones import parse
from tests.providers.hogsend.said import HOGSEND, fixture

NOW = parse("2026-11-21T10:00:00.500Z", "now")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CAMPAIGN = "7f0d2b10-aaaa-4bbb-8ccc-ddddeeeeffff"


def source(**fields) -> Source:
    return Source(**({"name": "acme", "provider": "hogsend", "api_key": "hsk_00000000"} | fields))


def feeds(**options) -> dict:
    return {feed.name: feed for feed in HOGSEND.feeds(source(options=options))}


def walk(name: str, position=None, notes=None, **fields):
    noted = notes or {}

    def recall(prefix):
        return {name: note for name, note in noted.items() if name.startswith(prefix)}

    context = Context(**({"source": source(), "now": NOW, "recall": recall} | fields))
    return feeds()[name].walk(position or {}, context)


def answer(body, **headers) -> Answer:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(body=raw, received_at=NOW, headers=headers)


def test_it_is_registered_under_its_name():
    assert isinstance(PROVIDERS["hogsend"], Hogsend)
    assert provider_of(source()) is PROVIDERS["hogsend"]


def test_it_says_what_it_is():
    assert (HOGSEND.title, HOGSEND.base_url, HOGSEND.time_zone) == ("Hogsend", "http://localhost:3002", "UTC")
    assert (HOGSEND.signed, HOGSEND.auth_header, HOGSEND.retry_status) == (True, "Authorization", 503)
    assert HOGSEND.unitemised == frozenset()
    assert HOGSEND.rates == (Rate(100, MINUTE),)
    assert HOGSEND.oauth(source()) is None


def test_it_has_six_feeds_and_says_how_each_is_read():
    context = Context(source=source(), now=NOW)
    found = {name: (f.read_once, f.windowed, f.every, f.walk({}, context)) for name, f in feeds().items()}
    assert [(name, *about, isinstance(made, Windows)) for name, (*about, made) in found.items()] == [
        ("export", False, True, 10 * MINUTE, True),
        ("sends", False, False, 6 * HOUR, True),
        ("hits", False, True, 0, True),
        ("metrics", False, False, HOUR, False),
        ("campaigns", False, False, HOUR, False),
        ("suppressions", False, False, HOUR, False),
    ]
    assert all(isinstance(found[name][3], Each) for name in ("metrics", "campaigns", "suppressions"))


def test_each_feed_asks_its_own_path():
    since, until = "2026-11-07T10:00:00.500Z", "2026-11-21T10:00:00.500Z"
    assert walk("export").ask() == Ask(path="v1/admin/reporting/sends/export", params={"from": since, "to": until})
    assert walk("sends").ask() == Ask(
        path="v1/admin/emails",
        params={
            "from": since,
            "to": until,
            "sort": "createdAt",
            "order": "asc",
            "limit": "100",
            "offset": "0",
        },
    )
    assert walk("hits").ask() == Ask(
        path="v1/admin/events",
        params={
            "from": "2026-11-14T10:00:00.500Z",
            "to": until,
            "source": "tracking",
            "limit": "100",
            "offset": "0",
        },
    )
    assert walk("metrics").ask() == Ask(path="v1/admin/metrics/overview", about={"report": "overview"})
    assert list(walk("metrics").ahead()) == [
        Ask(path="v1/admin/metrics/emails", about={"report": "emails"}),
        Ask(
            path="v1/admin/metrics/emails/deliverability",
            params={"period": "month", "from": "1970-01-01T00:00:00.000Z", "to": until},
            about={"report": "emails/deliverability"},
        ),
    ]
    assert walk("campaigns").ask() is None
    assert walk("suppressions").ask() == Ask(
        path="v1/admin/suppressions",
        params={"type": "unsubscribed", "limit": "200", "offset": "0"},
        about={"known": ""},
    )


# -- sends and the export ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["export", "sends"])
def test_sends_of_the_look_back_are_read_again_with_every_run(name):
    again = walk(name, {"through": NOW - HOUR})
    assert again.ask().params["from"] == "2026-11-07T09:00:00.500Z"


def test_the_log_goes_on_from_the_last_rows_time_and_says_how_far_it_is_complete():
    rows = [{"id": str(n), "createdAt": f"2026-11-20T10:00:0{n}.123Z"} for n in range(4)]
    here = walk("sends")
    here.take(answer({"emails": rows[:2], "total": 4, "limit": 2, "offset": 0}))
    # The row printed .123 may be .123456, which this bound includes.
    assert {name: here.ask().params[name] for name in ("from", "to", "offset")} == {
        "from": "2026-11-20T10:00:01.123Z",
        "to": "2026-11-21T10:00:00.500Z",
        "offset": "0",
    }
    resumed = walk("sends", here.position)
    assert resumed.ask() == here.ask()
    resumed.take(answer({"emails": rows[1:], "total": 3, "limit": 100, "offset": 0}))
    assert resumed.ask() is None
    assert (resumed.position, resumed.complete_until) == ({"through": NOW - MINUTE}, NOW - MINUTE)


def test_a_log_in_the_wrong_order_is_read_by_offsets():
    rows = [{"id": str(n), "createdAt": f"2026-11-20T10:00:0{n}.123Z"} for n in range(4)][::-1]
    here = walk("sends")
    here.take(answer({"emails": rows[:2], "total": 4, "limit": 2, "offset": 0}))
    assert here.ask().params | {"limit": ""} == walk("sends").ask().params | {"offset": "2", "limit": ""}


def test_a_page_without_the_rows_it_speaks_of_is_no_page():
    here = walk("sends")
    with pytest.raises(Malformed):
        here.take(answer({"emails": [], "total": 4, "limit": 100, "offset": 0}))
    here.take(answer({"emails": [], "total": 0, "limit": 100, "offset": 0}))
    assert here.ask() is None


def test_an_export_that_is_truncated_is_asked_for_in_halves():
    since, until = NOW - 10 * DAY, NOW
    here = walk("export", since=since, until=until)
    here.take(answer(fixture("feed_export.csv"), **{"x-hogsend-export-truncated": "true"}))
    assert here.ask().params == {"from": "2026-11-16T10:00:00.500Z", "to": "2026-11-21T10:00:00.500Z"}
    here.take(answer(fixture("feed_export.csv")))
    # Double the length again, as far as the range goes.
    assert here.ask().params == {"from": "2026-11-11T10:00:00.500Z", "to": "2026-11-16T10:00:00.500Z"}
    here.take(answer(fixture("feed_export.csv")))
    assert (here.ask(), here.complete_until) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Maintenance</title>",
        b"id,createdAt\n1,2",
        fixture("feed_export.csv") + b"\nperma",
        fixture("feed_export.csv")[:400],
        fixture("feed_export.csv").replace(b'all"', b"all"),
        b"\xff\xfe",
    ],
)
def test_half_an_export_is_none(body):
    with pytest.raises(Malformed):
        walk("export").take(answer(body))


def test_an_export_without_rows_is_one():
    here = walk("export")
    here.take(answer(fixture("feed_export.csv").partition(b"\n")[0]))
    assert (here.ask(), here.rows) == (None, 0)


# -- hits and campaigns --------------------------------------------------------------------------------------


def hit(number: int, campaign: str | None = None) -> dict:
    time = f"2026-11-20T10:00:0{number}.123Z"
    return {"id": str(number), "occurredAt": time, "properties": {"campaignId": campaign}}


def test_hits_are_read_from_the_newest_backwards():
    here = walk("hits")
    here.take(answer({"events": [hit(3), hit(2)], "total": 4, "limit": 2, "offset": 0}))
    # One millisecond later than the last row met, which may be .123999.
    assert {name: here.ask().params[name] for name in ("from", "to", "offset")} == {
        "from": "2026-11-14T10:00:00.500Z",
        "to": "2026-11-20T10:00:02.124Z",
        "offset": "0",
    }
    here.take(answer({"events": [hit(2), hit(1), hit(0)], "total": 3, "limit": 100, "offset": 0}))
    assert (here.ask(), here.fresh, here.position) == (None, 2, {"through": NOW - MINUTE})


def test_campaigns_that_hits_name_are_noted_once_an_hour_and_forgotten_in_time():
    hour = NOW // HOUR * HOUR
    old, other = "campaign/00000000-0000-4000-8000-000000000000", "campaign/00000000-0000-4000-8000-000000000001"
    rows = {"events": [hit(1, CAMPAIGN), hit(0, "no-uuid")], "total": 2, "limit": 100, "offset": 0}
    here = walk("hits", notes={old: {"named": hour - 31 * DAY}, other: {"named": hour - DAY, "read": hour}})
    here.take(answer(rows))
    assert here.notes == {f"campaign/{CAMPAIGN}": {"named": hour}, old: None}
    again = walk("hits", notes={f"campaign/{CAMPAIGN}": {"named": hour, "read": hour}})
    again.take(answer(rows))
    assert again.notes == {}
    later = walk("hits", notes={f"campaign/{CAMPAIGN}": {"named": hour - DAY, "read": hour - DAY}})
    later.take(answer(rows))
    assert later.notes == {f"campaign/{CAMPAIGN}": {"named": hour, "read": hour - DAY}}


def test_a_campaign_is_asked_for_until_it_was_read_after_the_hour_in_which_it_was_named():
    name, quiet = f"campaign/{CAMPAIGN}", "campaign/00000000-0000-4000-8000-000000000001"
    hour = NOW // HOUR * HOUR
    here = walk(
        "campaigns", notes={name: {"named": hour, "read": NOW - 1}, quiet: {"named": hour, "read": hour + HOUR}}
    )
    assert here.ask() == Ask(path=f"v1/admin/campaigns/{CAMPAIGN}/stats", about={"campaign": CAMPAIGN})
    here.take(answer(fixture("feed_campaigns.json")))
    assert (here.ask(), here.notes) == (None, {name: {"named": hour, "read": NOW}})


def test_a_campaign_that_is_gone_is_passed_over():
    here = walk("campaigns", notes={f"campaign/{CAMPAIGN}": {"named": 5}})
    assert here.refused(404)
    assert (here.ask(), here.notes) == (None, {})


# -- suppressions --------------------------------------------------------------------------------------------


def opted_out(*people: str, total: int | None = None) -> dict:
    rows = [{"email": f"{person}@example.com", "unsubscribedAll": True} for person in people]
    return {"suppressions": rows, "total": len(rows) if total is None else total, "limit": 2, "offset": 0}


def test_opt_outs_are_read_down_to_one_that_was_on_top_before():
    first = walk("suppressions")
    first.take(answer(opted_out("b", "a")))
    assert first.ask() is None
    (top,) = first.notes.values()
    again = walk("suppressions", notes=first.notes)
    assert again.ask().about == {"known": " ".join(top)}
    again.take(answer(opted_out("c", "b", total=900)))
    assert again.ask() is None
    assert again.notes["suppressions/top"][1:] == top[:1]


def test_what_is_on_top_is_noted_from_the_first_page_alone():
    here = walk("suppressions")
    here.take(answer(opted_out("d", "c", total=4)))
    noted = dict(here.notes)
    assert list(noted) == ["suppressions/top"]
    resumed = walk("suppressions", here.position, noted)
    resumed.take(answer(opted_out("b", "a", total=4)))
    assert resumed.notes == {}


# -- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"options": {"look_bak": "7d"}}, "no option 'look_bak'"),
        ({"options": {"look_back": "long"}}, "look_back"),
        ({"options": {"export_every": "soon"}}, "export_every"),
        ({"options": {"sends_every": 5}}, "sends_every"),
        ({"options": {"totals_every": ""}}, "totals_every"),
    ],
)
def test_a_wrong_setting_is_named(fields, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        HOGSEND.feeds(source(**fields))


def test_every_option_has_a_default_and_a_sentence():
    text = files("aftersend.providers.hogsend").joinpath("feeds.py").read_text()
    for option in Options.__struct_fields__:
        assert f"\n    {option}: " in text
        assert '    """' in text.split(f"\n    {option}: ")[1].splitlines()[1], option
    assert Options() == HOGSEND.configured(source())


def test_the_options_change_what_is_read_and_how_often():
    found = feeds(look_back="2d", export_every="1h", sends_every="1d", totals_every="2h")
    assert [feed.every for feed in found.values()] == [HOUR, DAY, 0, 2 * HOUR, 2 * HOUR, 2 * HOUR]
    context = Context(source=source(), now=NOW)
    assert found["export"].walk({}, context).ask().params["from"] == "2026-11-19T10:00:00.500Z"


def test_the_key_is_trimmed_and_sent_as_hogsend_wants_it():
    assert HOGSEND.credentials(source(api_key="  abc123\n")) == {
        "Authorization": "Bearer abc123",
        "Accept": "application/json, text/csv",
    }


@pytest.mark.parametrize("key", ["", " \n", "abc\r\nX-Evil: 1", "ключ"])
def test_a_key_that_is_none_is_refused_without_being_repeated(key):
    with pytest.raises(ConfigurationError) as refused:
        HOGSEND.credentials(source(api_key=key))
    assert "api_key" in str(refused.value)
    assert not key.strip() or key not in str(refused.value)


def test_two_sources_with_one_key_share_a_budget():
    assert HOGSEND.account(source(name="one")) == HOGSEND.account(source(name="two"))
    assert HOGSEND.account(source()) != HOGSEND.account(source(api_key="hsk_11111111"))


@pytest.mark.parametrize(
    ("headers", "heard"),
    [
        ({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "37"}, [Heard(MINUTE, 100, 37)]),
        ({"x-ratelimit-limit": "100"}, []),
        ({"x-ratelimit-limit": "100", "x-ratelimit-remaining": "-1"}, []),
        ({"x-ratelimit-limit": "9" * 30, "x-ratelimit-remaining": "1"}, []),
        ({"x-ratelimit-limit": "٣", "x-ratelimit-remaining": "few"}, []),
        ({}, []),
    ],
)
def test_what_an_answer_says_about_the_budget_is_heard(headers, heard):
    assert HOGSEND.heard(headers) == heard


def test_after_a_429_there_is_silence_for_a_minute_even_without_a_number():
    assert HOGSEND.not_before(429, {}, b"", NOW) == NOW + MINUTE
    assert HOGSEND.not_before(500, {}, b"", NOW) is None


def test_the_probe_asks_for_one_send():
    assert HOGSEND.probe(source()) == Ask(path="v1/admin/emails", params={"limit": "1"})


def test_the_setup_text_holds_the_address_and_no_placeholder():
    text = HOGSEND.setup(source(base_url="https://hog.example.com/"), "https://stats.example.com/webhooks/acme")
    assert text.count("https://stats.example.com/webhooks/acme") == 1
    assert "https://hog.example.com`" in text
    assert "full-admin" in text
    assert "{" not in text.replace("${HOGSEND_API_KEY}", "")
    assert "hsk_00000000" not in text
