"""Looking after the store: migrate, drain, quarantine, replay, rebuild, doctor."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from aftersend.console import doctor
from aftersend.console.doctor import Finding
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind, now

from .conftest import configure, take_in, webhook, with_store

OPENED = (
    b"timeStamp=2025-03-18+15%3a30%3a00&trigger_type=emailOpened&channel_type=Email&campaign_id=1958368"
    b"&contact%5bid%5d=40001&contact%5bemail%5d=dana%40example.com"
)
BROKEN = b'{"trigger_type": "emailOpened", "contact": '
JSON = "application/json"


def _opened(settings) -> int:
    return with_store(settings, lambda store: store.funnel(Filter()))[Kind.OPENED].total


def _take_in_broken(settings) -> int:
    (number,) = with_store(settings, lambda store: store.append([webhook(BROKEN, JSON)]))
    return number


def test_migrate_tells_its_steps_and_then_that_there_are_none(call):
    configure()
    first = call("migrate")
    assert (first.status, first.err) == (0, "")
    assert first.out.splitlines()
    assert all(line.startswith("migrated: ") for line in first.out.splitlines())
    assert Path("data/aftersend.db").exists()
    again = call("migrate")
    assert (again.status, again.out, again.err) == (0, "The schema is current.\n", "")


def test_drain_works_off_everything_and_says_what_it_changed(call, installation):
    take_in(installation, OPENED, OPENED.replace(b"40001", b"40002"))
    called = call("drain")
    assert (called.status, called.err) == (0, "")
    assert called.out.splitlines()[-1] == "Worked off 2 deliveries: 2 events added, 2 sightings."
    assert _opened(installation) == 2
    assert with_store(installation, lambda store: store.backlog()).deliveries == 0


def test_an_empty_quarantine_says_so(call, installation):
    called = call("quarantine")
    assert (called.status, called.out, called.err) == (0, "Nothing is in quarantine.\n", "")
    assert call("quarantine", "--json").json == []


def test_what_is_not_understood_is_listed_with_its_reason_and_bytes(call, installation):
    before = now() // 1000 * 1000
    number = _take_in_broken(installation)
    take_in(installation, OPENED)
    assert call("drain").status == 0
    assert _opened(installation) == 1
    (item,) = call("quarantine", "--json").json
    assert {name: item[name] for name in ("delivery_id", "item", "source", "door", "feed", "raw")} == {
        "delivery_id": number,
        "item": 0,
        "source": "acme",
        "door": "webhook",
        "feed": None,
        "raw": BROKEN.decode(),
    }
    assert item["reason"]
    assert item["received_at"].endswith("Z")
    assert before <= now()
    table = call("quarantine").out
    assert item["reason"] in table
    assert "1 item is in quarantine; `aftersend replay` reads them again." in table
    assert call("quarantine", "--source", "other", "--json").json == []


def test_replay_takes_out_of_quarantine_what_is_understood_now(call, directory, installation):
    # A delivery of a source that isn't configured goes to quarantine whole.
    config = (directory / "aftersend.toml").read_text()
    take_in(installation, OPENED)
    (directory / "aftersend.toml").write_text(config.replace('name = "acme"', 'name = "other"'))
    assert call("drain").status == 0
    assert _opened(installation) == 0
    assert len(call("quarantine", "--json").json) == 1

    (directory / "aftersend.toml").write_text(config)
    dry = call("replay", "--dry-run")
    assert (dry.status, dry.err) == (0, "")
    assert dry.out.splitlines()[-1] == "Would read 1 delivery again: 1 event added, 1 sighting."
    assert _opened(installation) == 0
    assert len(call("quarantine", "--json").json) == 1

    called = call("replay")
    assert (called.status, called.err) == (0, "")
    assert called.out.splitlines()[-2:] == [
        "Read 1 delivery again: 1 event added, 1 sighting.",
        "In quarantine now: 0 items.",
    ]
    assert _opened(installation) == 1
    assert call("quarantine", "--json").json == []


def test_what_is_still_not_understood_stays_in_quarantine(call, installation):
    _take_in_broken(installation)
    call("drain")
    called = call("replay")
    assert called.status == 0
    assert called.out.splitlines()[-2:] == [
        "Read 1 delivery again: 1 item not understood.",
        "In quarantine now: 1 item.",
    ]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--delivery", "1"], 1),
        (["--delivery", "1", "--delivery", "3", "--delivery", "1"], 2),
        (["--from-delivery", "2"], 2),
        (["--to-delivery", "2"], 2),
        (["--from-delivery", "2", "--to-delivery", "2"], 1),
        (["--from-delivery", "1", "--source", "acme"], 3),
        ([], 0),
    ],
)
def test_replay_of_named_deliveries_changes_nothing_that_was_right(call, installation, arguments, count):
    numbers = take_in(installation, *(OPENED.replace(b"40001", number) for number in (b"41", b"42", b"43")))
    assert numbers == [1, 2, 3]
    call("drain")
    called = call("replay", *arguments)
    assert (called.status, called.err) == (0, "")
    assert f"Read {count} deliver{'y' if count == 1 else 'ies'} again: " in called.out
    assert "event" not in called.out.splitlines()[-2]
    assert _opened(installation) == 3


def test_a_delivery_that_is_not_kept_is_named(call, installation):
    called = call("replay", "--delivery", "77")
    assert called.status == 1
    assert called.sentence == "There is no delivery 77: it never was, or keep_raw_days is over for it."


def test_doctor_finds_derived_tables_that_are_wrong_and_rebuild_mends_them(call, installation):
    take_in(installation, OPENED)
    call("drain")
    assert call("doctor").status == 0
    _spoil_a_derived_table()
    called = call("doctor")
    assert called.status == 1
    assert "`aftersend rebuild` mends it" in " ".join(called.out.split())
    rebuilt = call("rebuild")
    assert (rebuilt.status, rebuilt.err) == (0, "")
    assert call("doctor").status == 0
    assert _opened(installation) == 1


def _spoil_a_derived_table() -> None:
    """Forget behind our back what was counted."""
    with sqlite3.connect("data/aftersend.db") as c:
        assert c.execute("DELETE FROM buckets").rowcount


def test_doctor_says_in_json_what_it_looked_at(call, installation):
    findings = call("doctor", "--json").json
    assert {finding["about"] for finding in findings} == {
        "store",
        "disk",
        "SQLite",
        "derived tables",
        "inbox",
        "quarantine",
    }
    assert {finding["state"] for finding in findings} <= {"fine", "note"}


def test_doctor_before_the_first_migration_says_what_to_run(call):
    configure()
    called = call("doctor")
    assert called.status == 1
    assert "aftersend migrate" in called.out


def test_doctor_names_a_provider_that_does_not_exist(call, directory, installation):
    config = (directory / "aftersend.toml").read_text()
    (directory / "aftersend.toml").write_text(config.replace('"inwise"', '"nosuch"'))
    called = call("doctor")
    assert called.status == 1
    assert "there is no provider 'nosuch'" in called.out


def test_doctor_calls_an_old_backlog_wrong_and_a_fresh_one_fine(call, installation, monkeypatch):
    take_in(installation, OPENED)
    assert call("doctor").status == 0
    monkeypatch.setattr(doctor, "LATE_AFTER", 0)
    called = call("doctor")
    assert called.status == 1
    assert "start `aftersend worker`, or run `aftersend drain`" in " ".join(called.out.split())


def test_doctor_notes_what_is_in_quarantine_and_a_redis_that_is_away(call, installation, monkeypatch):
    _take_in_broken(installation)
    call("drain")
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    called = call("doctor", "--json")
    assert called.status == 0
    found = {finding["about"]: finding for finding in called.json}
    assert found["quarantine"] == {
        "state": "note",
        "about": "quarantine",
        "sentence": "1 item; `aftersend quarantine` lists them.",
    }
    assert found["Redis"] == {
        "state": "note",
        "about": "Redis",
        "sentence": "does not answer; webhooks are taken in, but work waits until it is back.",
    }


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ((3, 40, 1), "note"),
        ((3, 44, 5), "note"),
        ((3, 44, 6), "fine"),
        ((3, 45, 0), "note"),
        ((3, 50, 6), "note"),
        ((3, 50, 7), "fine"),
        ((3, 51, 2), "note"),
        ((3, 51, 3), "fine"),
        ((4, 0, 0), "fine"),
    ],
)
def test_the_version_of_sqlite_is_judged_by_the_releases_that_mended_the_fault(version, state):
    finding = doctor._sqlite_version(version)
    assert isinstance(finding, Finding)
    assert (finding.state, finding.about) == (state, "SQLite")
    assert finding.sentence.startswith(".".join(map(str, version)))
