"""How the sources are doing, and whether one is set up right."""

from __future__ import annotations

from aftersend.sandbox.faults import Fault, FaultPlan

from .conftest import TOKEN, configure


def test_sources_works_before_anything_else_has_run(call):
    configure()
    called = call("sources")
    assert called.status == 0
    assert "aftersend migrate" in called.err
    for feed in ("recentActivities", "activities", "sentEmails", "undelivered", "activitiesSummary"):
        assert feed in called.out
    assert "not begun" in called.out
    answer = call("sources", "--json").json
    assert answer == {
        "sources": [
            {
                "name": "acme",
                "provider": "inwise",
                "time_zone": "Asia/Jerusalem",
                "complete_until": None,
                "last_event_at": None,
                "quiet": False,
                "budget": [],
                "feeds": [],
            }
        ],
        "as_of": None,
        "complete_until": None,
    }


def test_without_a_source_the_sentence_says_where_to_add_one(call, directory):
    (directory / "aftersend.toml").write_text("")
    assert call("migrate").status == 0
    called = call("sources")
    assert (called.status, called.out) == (0, "No source is configured: add [[sources]] to aftersend.toml.\n")


def test_after_a_sync_every_feed_is_fine_and_the_token_is_not_shown(call, platform):
    assert call("sync", "acme").status == 0
    called = call("sources")
    assert (called.status, called.err) == (0, "")
    live = [line for line in called.out.splitlines() if line.strip().startswith("activities ")]
    assert all("fine" in line or "finished" in line for line in live)
    assert "Webhooks: http://127.0.0.1:8000/webhooks/acme/…" in called.out
    assert TOKEN not in called.out
    answer = call("sources", "--json").json
    (source,) = answer["sources"]
    feeds = {feed["feed"]: feed for feed in source["feeds"] if feed["lane"] == "live"}
    assert set(feeds) == {"recentActivities", "activities", "sentEmails", "undelivered", "activitiesSummary"}
    assert all(feed["complete_until"] and feed["problem"] is None for feed in feeds.values())
    assert platform.sandbox.api_key not in call("sources", "--json").out


def test_check_accepts_good_credentials_and_prints_what_to_paste(call, platform):
    called = call("check", "acme")
    assert (called.status, called.err) == (0, "")
    assert f"Webhooks: http://127.0.0.1:8000/webhooks/acme/{TOKEN}" in called.out
    assert "inwise accepts the credentials of source 'acme'" in called.out
    assert platform.sandbox.api_key not in called.out


def test_check_prints_the_setup_and_fails_where_credentials_are_refused(call, platform):
    configure(platform.sandbox.url, "a-wrong-key")
    called = call("check", "acme")
    assert called.status == 1
    assert f"Webhooks: http://127.0.0.1:8000/webhooks/acme/{TOKEN}" in called.out
    assert called.sentence.startswith("inwise refused the credentials of source 'acme' (401): check the key")
    assert "a-wrong-key" not in called.out + called.err


def test_check_fails_where_nobody_answers(call, installation, monkeypatch):
    monkeypatch.setattr("aftersend.worker.client.PAUSE_S", 0.001)
    called = call("check", "acme")
    assert called.status == 1
    assert called.sentence == "inwise could not be reached (ConnectionError) (source 'acme')."


def test_check_names_what_is_missing(call, directory, platform):
    config = (directory / "aftersend.toml").read_text()
    (directory / "aftersend.toml").write_text(
        config.replace(f'["{TOKEN}"]', "[]").replace(f'api_key = "{platform.sandbox.api_key}"', "")
    )
    called = call("check", "acme")
    assert called.status == 1
    assert "webhook_secrets = [" in called.out
    assert "api_key" in called.sentence


def test_an_address_of_its_own_is_shown_to_platforms(call, directory, platform):
    config = (directory / "aftersend.toml").read_text()
    (directory / "aftersend.toml").write_text(
        config.replace("[server]", '[server]\npublic_url = "https://events.example.com/"')
    )
    assert f"Webhooks: https://events.example.com/webhooks/acme/{TOKEN}" in call("check", "acme").out
    assert "Webhooks: https://events.example.com/webhooks/acme/…" in call("sources").out


def test_what_a_platform_said_is_shown_where_a_feed_has_a_problem(call, platform):
    platform.sandbox.faults.plan = FaultPlan(rates={Fault.HTML: 1})
    call("sync", "acme", "--feed", "undelivered")
    shown = call("sources").out
    assert "parked until" in shown
    assert "undelivered was answered: <html><body><h1>We will be back soon.</h1></body></html>" in shown
