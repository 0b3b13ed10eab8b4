"""The provider as others meet it: feeds, options, credentials, limits, setup; and what its webhooks would be."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from aftersend.providers import PROVIDERS, provider_of
from aftersend.providers.benchmark import Benchmark
from aftersend.providers.benchmark.feeds import Options
from aftersend.providers.contract import Ask, Context, Request
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Delivery, Door, Heard, Problem, Rate, Reading, Rejected
from aftersend.zones import parse
from tests.providers.benchmark.said import BENCHMARK, RECEIVED, SOURCE

NOW = parse("2026-11-21T10:00:00Z", "now")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TYPES = (
    "email-sent,email-delivered,email-delayed,email-bounced,email-rejected,email-skipped,email-complaint,"
    "email-opened,email-clicked,contact-unsubscribed,contact-reactivated"
)


def source(**fields) -> Source:
    return msgspec.structs.replace(SOURCE, **fields)


def feeds(zone="", **options) -> dict:
    return {feed.name: feed for feed in BENCHMARK.feeds(source(options=options, time_zone=zone))}


def test_it_is_registered_under_its_name():
    assert isinstance(PROVIDERS["benchmark"], Benchmark)
    assert provider_of(source()) is PROVIDERS["benchmark"]


def test_it_says_what_it_is():
    assert (BENCHMARK.title, BENCHMARK.base_url, BENCHMARK.time_zone) == ("Benchmark Email", "", "UTC")
    assert (BENCHMARK.pushes, BENCHMARK.signed, BENCHMARK.auth_header) == (False, False, "X-API-Key")
    assert BENCHMARK.unitemised == frozenset()
    assert BENCHMARK.rates == (Rate(60, MINUTE), Rate(3600, HOUR))
    assert BENCHMARK.oauth(source()) is None


def test_it_has_seven_feeds_and_says_how_each_is_read():
    assert [(f.name, f.read_once, f.windowed, f.every) for f in feeds().values()] == [
        ("events", False, True, 30 * MINUTE),
        ("campaigns", False, False, HOUR),
        ("reports", False, False, HOUR),
        ("engagement", False, False, DAY),
        ("dashboard", False, False, DAY),
        ("overall", False, False, DAY),
        ("histogram", False, False, DAY),
    ]


def test_each_feed_asks_its_own_path():
    noted = {
        "campaign/c1": {"figures": [9, 9, 1, 0], "moved": 5, "at": NOW - DAY},
        "campaign/c2": {"figures": [9, 9, 1, 0], "moved": 5, "at": NOW - 40 * DAY},
    }

    def recall(prefix):
        return {name: note for name, note in noted.items() if name.startswith(prefix)}

    context = Context(source=source(), now=NOW, recall=recall)
    zone = "America/La_Paz"
    walks = {name: feed.walk({}, context) for name, feed in feeds(zone).items()}
    period = {"pastDays": "30", "timezone": zone}
    assert {name: walk.ask() for name, walk in walks.items()} == {
        "events": Ask(path="api/contact/events", params={"types": TYPES, "pastDays": "90", "page": "1", "size": "100"}),
        "campaigns": Ask(path="api/email/campaign", params={"sort": "createdAt:desc", "page": "1", "size": "100"}),
        "reports": Ask(path="api/reports/email/c1", about={"campaign": "c1"}),
        "engagement": Ask(
            path="api/reports/email/c1/engagement",
            params={"period": "month", "timezone": zone},
            about={"campaign": "c1"},
        ),
        "dashboard": Ask(path="api/reports/dashboard", params=period),
        "overall": Ask(path="api/reports/email/overall", params=period),
        "histogram": Ask(path="api/reports/email/overall/histogram", params={**period, "eventType": "email-sent"}),
    }
    assert list(walks["reports"].ahead()) == [Ask(path="api/reports/email/c2", about={"campaign": "c2"})]
    assert list(walks["engagement"].ahead()) == []
    assert [ask.params["eventType"] for ask in walks["histogram"].ahead()] == [
        "email-delivered",
        "email-bounced",
        "first-contact-unsubscribed",
    ]


# -- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"type": []}, "no option 'type'"),
        ({"types": []}, "types: nothing is no type"),
        ({"types": ["email-sent", "email-eaten"]}, "types: email-eaten is no type"),
        ({"events_every": "often"}, "events_every"),
        ({"campaigns_every": ""}, "campaigns_every"),
        ({"reports_every": 7}, "reports_every"),
        ({"report_days": 0}, "report_days"),
        ({"report_days": 91}, "report_days"),
        ({"engagement_period": "year"}, "engagement_period"),
    ],
)
def test_a_wrong_setting_is_named(options, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        feeds(**options)


def test_every_option_has_a_default_and_a_sentence():
    text = files("aftersend.providers.benchmark").joinpath("feeds.py").read_text()
    for option in Options.__struct_fields__:
        assert f"\n    {option}: " in text
        assert '    """' in text.split(f"\n    {option}: ")[1]
    assert Options() == BENCHMARK.configured(source())
    assert ",".join(Options().types) == TYPES


def test_the_options_change_what_is_read_and_how_often():
    found = feeds(
        types=["email-sent"],
        events_every="5m",
        campaigns_every="2h",
        reports_every="12h",
        report_days=7,
        engagement_period="week",
    )
    assert [feed.every for feed in found.values()] == [5 * MINUTE, 2 * HOUR, 2 * HOUR, *([12 * HOUR] * 4)]
    context = Context(
        source=source(),
        now=NOW,
        recall=lambda prefix: {"campaign/c": {"moved": 1, "at": NOW}} if prefix == "campaign/" else {},
    )
    assert found["events"].walk({}, context).ask().params["types"] == "email-sent"
    assert found["dashboard"].walk({}, context).ask().params == {"pastDays": "7", "timezone": "UTC"}
    assert found["engagement"].walk({}, context).ask().params == {"period": "week", "timezone": "UTC"}


def test_the_key_is_trimmed_and_sent_in_its_own_header():
    assert BENCHMARK.credentials(source(api_key="  bme_us_1\n")) == {"X-API-Key": "bme_us_1"}


@pytest.mark.parametrize("key", ["", " \n", "abc\r\nX-Evil: 1", "ключ"])
def test_a_key_that_is_none_is_refused_without_being_repeated(key):
    with pytest.raises(ConfigurationError) as refused:
        BENCHMARK.credentials(source(api_key=key))
    assert "api_key" in str(refused.value)
    assert not key.strip() or key not in str(refused.value)


@pytest.mark.parametrize(
    "written", ["https://api.example.com", "https://api.example.com/", " https://api.example.com/api/ "]
)
def test_the_address_is_taken_with_or_without_what_all_paths_begin_with(written):
    assert BENCHMARK.url(source(base_url=written)) == "https://api.example.com"


def test_without_an_address_the_operator_is_told_where_it_stands():
    with pytest.raises(ConfigurationError, match=r"needs base_url: .* Settings, API Keys"):
        BENCHMARK.url(source(base_url=""))


# -- limits --------------------------------------------------------------------------------------------------

HOURLY = {"x-ratelimit-limit": "3600", "x-ratelimit-remaining": "3599", "x-ratelimit-reset": "1777900800"}
MONTHLY = {"x-monthly-limit": "5000", "x-monthly-remaining": "4321"}


@pytest.mark.parametrize(
    ("headers", "heard"),
    [
        (HOURLY | MONTHLY, [Heard(HOUR, 3600, 3599, 1_777_900_800_000), Heard(30 * DAY, 5000, 4321)]),
        (MONTHLY, [Heard(30 * DAY, 5000, 4321)]),
        (HOURLY | {"x-ratelimit-reset": "soon"}, [Heard(HOUR, 3600, 3599)]),
        (HOURLY | {"x-ratelimit-remaining": "-1"}, []),
        ({"x-monthly-limit": "9" * 40, "x-monthly-remaining": "٣"}, []),
        ({}, []),
    ],
)
def test_both_budgets_are_heard(headers, heard):
    assert BENCHMARK.heard(headers) == heard


def error(message: str) -> bytes:
    return msgspec.json.encode({"errors": [{"errorType": "TooManyRequestsError", "message": message}]})


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (429, {}, "Monthly API quota exceeded.", DAY),
        (429, {}, "Too many failed authentication attempts. Please try again later.", HOUR),
        (429, {"x-ratelimit-reset": str(NOW // 1000 + 60)}, "Rate limit exceeded.", MINUTE),
        (429, {"x-ratelimit-reset": str(NOW // 1000 - 60)}, "Rate limit exceeded.", 0),
        (429, {"x-ratelimit-reset": "99999999999"}, "Rate limit exceeded.", HOUR),
        (429, {}, "Rate limit exceeded.", None),
        (503, {"x-ratelimit-reset": str(NOW // 1000 + 60)}, "Monthly", None),
        (401, {}, "API key expired", None),
        (403, {}, "Account does not have API access", None),
    ],
)
def test_how_long_to_be_silent_is_found_in_what_a_429_says(status, headers, message, wait):
    assert BENCHMARK.not_before(status, headers, error(message), NOW) == (None if wait is None else NOW + wait)


def test_two_sources_with_one_key_share_a_budget():
    assert BENCHMARK.account(source(name="one")) == BENCHMARK.account(source(name="two"))
    assert BENCHMARK.account(source()) != BENCHMARK.account(source(api_key="bme_11111111"))


def test_the_probe_asks_for_one_event():
    assert BENCHMARK.probe(source()) == Ask(
        path="api/contact/events", params={"pastDays": "1", "page": "1", "size": "1"}
    )


# -- webhooks, which there are none of -----------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "first-token-0123456789"])
def test_whatever_comes_as_a_webhook_is_refused_with_the_reason(token):
    request = Request(method="POST", token=token, query="", headers={}, address="192.0.2.10", body=b"{}")
    with pytest.raises(Rejected, match="sends no webhooks"):
        BENCHMARK.verify(request, source(webhook_secrets=["first-token-0123456789"]))


@pytest.mark.parametrize(
    ("door", "feed", "reason"),
    [
        (Door.WEBHOOK, "", "There are no webhooks."),
        (Door.FEED, "opens", "Benchmark Email has no list 'opens'."),
    ],
)
def test_what_cannot_be_its_own_is_a_problem(door, feed, reason):
    delivery = Delivery(source="acme", door=door, feed=feed, received_at=RECEIVED, body=b"{}")
    assert BENCHMARK.read(delivery, source()) == Reading(problems=[Problem(item=0, reason=reason, raw=b"{}")])


def test_the_setup_text_says_what_to_paste_and_that_there_are_no_webhooks():
    text = BENCHMARK.setup(source(), "https://stats.example.com/webhooks/acme")
    assert "https://stats.example.com" not in text
    assert "https://api-us-west-2-c1.example.com" in text
    assert all(scope in text for scope in ("reports:read", "contacts:read", "campaigns:read"))
    assert "sends none" in text
    assert "{" not in text.replace("${BENCHMARK_API_KEY}", "")
    assert "bme_00000000" not in text
    assert "not set" in BENCHMARK.setup(source(base_url=""), "")
