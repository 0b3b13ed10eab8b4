"""The provider as others meet it: feeds, options, credentials, setup."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers import PROVIDERS, provider_of
from aftersend.providers.contract import Ask, Context
from aftersend.providers.inwise import Inwise
from aftersend.providers.inwise.feeds import Options, probe
from aftersend.providers.inwise.rows import row_ids
from aftersend.providers.paging import Deltas, Each, Windows
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Delivery, Door, Kind
from aftersend.zones import parse
from tests.providers.inwise.said import fixture

NOW = parse("2025-03-18T10:00:00Z", "now")
INWISE = Inwise()


def source(**fields) -> Source:
    return Source(**({"name": "acme", "provider": "inwise", "api_key": "k" * 32} | fields))


def feeds(**options) -> dict:
    return {feed.name: feed for feed in INWISE.feeds(source(options=options))}


def first_ask(name: str, **options) -> Ask:
    where = Context(source=source(), now=NOW, campaigns=["1000001"])
    return feeds(**options)[name].walk({}, where).ask()


def test_it_is_registered_under_its_name():
    assert isinstance(PROVIDERS["inwise"], Inwise)
    assert provider_of(source()) is PROVIDERS["inwise"]


def test_it_says_what_it_is():
    assert (INWISE.title, INWISE.base_url, INWISE.time_zone) == (
        "inwise",
        "https://api.inwise.com/rest/v1",
        "Asia/Jerusalem",
    )
    assert (INWISE.signed, INWISE.auth_header, INWISE.retry_status) == (False, "X-API-Key", 503)
    assert INWISE.unitemised == {Kind.COMPLAINED, Kind.VISITED}


def test_it_has_five_feeds_and_says_how_each_is_read():
    assert {
        name: (feed.read_once, feed.windowed, feed.every, type(feed.walk({}, Context(source=source(), now=NOW))))
        for name, feed in feeds().items()
    } == {
        "recentActivities": (True, False, 0, Deltas),
        "activities": (False, True, 0, Windows),
        "sentEmails": (False, True, 0, Windows),
        "undelivered": (False, True, 0, Windows),
        "activitiesSummary": (False, False, 0, Each),
    }


def test_the_unnamed_recent_lists_exist_once_their_paths_are_told():
    found = feeds(recent_sent_path="recentSentEmails", recent_undelivered_path="recentUndelivered")
    assert found["recentSentEmails"].read_once
    assert found["recentUndelivered"].read_once
    assert first_ask("recentSentEmails", recent_sent_path="x") == Ask(path="campaigns/email/x")


def test_each_feed_asks_its_own_path():
    dated = {"date_from": "2025-03-11", "date_to": "2025-03-19", "page_index": "0", "page_size": "1000"}
    assert first_ask("recentActivities") == Ask(path="campaigns/email/recentActivities")
    for name in ("activities", "sentEmails", "undelivered"):
        assert first_ask(name) == Ask(path=f"campaigns/email/{name}", params=dated)
    assert first_ask("activitiesSummary") == Ask(
        path="campaigns/email/activitiesSummary", params={"campaign_id": "1000001"}
    )


def test_undocumented_names_are_settings():
    renamed = {
        "page_index_param": "p",
        "page_size_param": "rows",
        "page_size": 500,
        "date_from_param": "from",
        "date_to_param": "to",
        "action_type_param": "type",
        "action_types": ["emailOpened"],
        "activities_path": "acts",
        "sent_path": "sent",
    }
    dated = {"from": "2025-03-11", "to": "2025-03-19", "p": "0", "rows": "500"}
    assert first_ask("activities", **renamed) == Ask(
        path="campaigns/email/acts", params={"type": "emailOpened"} | dated
    )
    assert first_ask("sentEmails", **renamed) == Ask(path="campaigns/email/sent", params=dated)
    assert first_ask("recentActivities", recent_path="recentActivity").path == "campaigns/email/recentActivity"


@pytest.mark.parametrize("words", [[], ["emailOpened", "emailClicked"]])
def test_the_action_filter_takes_one_word_or_all(words):
    assert "action_type" not in first_ask("activities", action_types=words).params


def test_the_lists_read_again_may_have_a_pace_of_their_own():
    paced = feeds(reconcile_every="1d")
    assert {name: feed.every for name, feed in paced.items() if feed.every} == {
        "activities": 86_400_000,
        "activitiesSummary": 86_400_000,
    }


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"options": {"page_sise": 10}}, "no option 'page_sise'"),
        ({"options": {"page_size": "many"}}, "page_size"),
        ({"options": {"reconcile_every": "soon"}}, "reconcile_every"),
        ({"options": {"page_size": 0}}, "page_size"),
        ({"time_zone": "Asia/Atlantis"}, "Asia/Atlantis"),
    ],
)
def test_a_wrong_setting_is_named(fields, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        INWISE.feeds(source(**fields))


def test_every_option_has_a_default_and_a_sentence():
    text = files("aftersend.providers.inwise").joinpath("feeds.py").read_text()
    for option in Options.__struct_fields__:
        assert f"\n    {option}: " in text
        assert '    """' in text.split(f"\n    {option}: ")[1].splitlines()[1], option
    assert Options() == INWISE.configured(source())


def test_the_key_is_trimmed_and_sent_as_inwise_wants_it():
    assert INWISE.credentials(source(api_key="  abc123\n")) == {"X-API-Key": "abc123", "Accept": "application/json"}


@pytest.mark.parametrize("key", ["", " \n", "abc\r\nX-Evil: 1", "ключ"])
def test_a_key_that_is_none_is_refused_without_being_repeated(key):
    with pytest.raises(ConfigurationError) as refused:
        INWISE.credentials(source(api_key=key))
    assert "api_key" in str(refused.value)
    assert not key.strip() or key not in str(refused.value)


def test_the_probe_asks_for_today_and_reads_nothing_away():
    assert probe(Options(), "Asia/Jerusalem", parse("2025-03-18T23:00:00Z", "now")) == Ask(
        path="campaigns/email/activities",
        params={"date_from": "2025-03-19", "date_to": "2025-03-19", "page_index": "0", "page_size": "1"},
    )
    assert INWISE.probe(source()).path == "campaigns/email/activities"


def test_the_setup_text_holds_the_address_and_no_placeholder():
    text = INWISE.setup(source(), "https://stats.example.com/webhooks/acme/token")
    assert text.count("https://stats.example.com/webhooks/acme/token") == 2
    assert "193.169.246.40" in text
    assert "Asia/Jerusalem" in text
    assert INWISE.base_url in text
    assert "{" not in text.replace("${INWISE_API_KEY}", "")
    assert "k" * 32 not in text


def test_the_sources_own_zone_is_the_one_times_are_read_in():
    body = fixture("webhook_email_opened.form")
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=NOW, body=body)
    here, there = (INWISE.read(delivery, source(time_zone=zone)).events[0] for zone in ("", "America/New_York"))
    assert here.occurred_at == parse("2025-03-18T13:59:12+02:00", "t")
    assert there.occurred_at == parse("2025-03-18T13:59:12-04:00", "t")


def test_two_sources_never_share_a_slot_or_a_row():
    body = fixture("webhook_email_opened.form")
    delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=NOW, body=body)
    ours, theirs = (INWISE.read(delivery, source(name=name)).events[0] for name in ("acme", "other"))
    assert ours.slot != theirs.slot
    assert ours.row != theirs.row


def test_a_walk_of_each_list_understands_its_own_page():
    for name in ("recentActivities", "activities", "sentEmails", "undelivered"):
        assert row_ids(fixture(f"feed_{name}.json"))
