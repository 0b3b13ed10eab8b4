"""The embedded store through the conformance suite, and what is its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from aftersend.storage import open_store
from aftersend.storage.contract import Filter, LogFilter, Store
from aftersend.storage.sqlite import schema
from aftersend.storage.sqlite.codes import CHANNELS, CLOCKS, KINDS, MACHINES, PRECISIONS
from aftersend.vocabulary import ConfigurationError, Kind, Reading, TemporaryError
from tests.conformance.events import MINUTE, T0, event, read
from tests.conformance.suite import StoreSuite, delivery


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    yield store
    store.close()


class TestSqlite(StoreSuite):
    damaged = frozenset({"buckets", "doors", "totals", "outcomes"})

    def damage(self, store: Store) -> None:
        with sqlite3.connect(store._events.path) as c:
            c.execute("UPDATE buckets SET n = n + 1")
            c.execute("UPDATE doors SET both = both + 1")
            c.execute("UPDATE totals SET total = total + 1")
            c.execute("DELETE FROM outcomes")


def test_migrating_again_changes_nothing_and_a_fresh_store_is_not_ready(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(ConfigurationError, match="aftersend migrate"):
        store.ready()
    assert len(store.migrate()) == len(schema.inbox._migrations) + len(schema.events._migrations)
    store.ready()
    assert store.migrate() == []


def test_an_unknown_database_address_is_refused_with_the_sentence_that_fixes_it() -> None:
    with pytest.raises(ConfigurationError, match="sqlite:///"):
        open_store("mysql://user:secret@host/db")


def test_a_foreign_writer_makes_it_temporary_not_wrong(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append([delivery()])
    store._inbox._writer.execute("PRAGMA busy_timeout = 50")
    foreign = sqlite3.connect(store._inbox.path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(TemporaryError):
        store.append([delivery()])
    foreign.execute("ROLLBACK")
    assert len(store.append([delivery()])) == 1


def test_every_commit_is_synced(store: Store) -> None:
    with store._inbox.write() as c:
        assert c.execute("PRAGMA synchronous").fetchone() == (2,)
        assert c.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_numbers_on_disk_never_move() -> None:
    """Kinds and the like are stored by their place in the vocabulary: it may only grow at the end."""
    assert " ".join(KINDS).startswith(
        "queued sent delivered deferred bounced dropped opened clicked unsubscribed resubscribed complained replied "
        "forwarded web_viewed printed visited auto_replied failed other"
    )
    assert " ".join(CHANNELS).startswith("email sms form site")
    assert " ".join(MACHINES).startswith("human machine unknown")
    assert " ".join(PRECISIONS).startswith("day minute second millisecond")
    assert " ".join(CLOCKS).startswith("stated assumed doubled missing received")


def test_every_report_is_served_by_an_index(store: Store) -> None:
    """No report walks a table that grows with the events (shared/performance.md 1c: the planner's trap)."""
    store.apply(
        [read(n, [event(kind, f"c{n}", T0 + n * MINUTE)]) for n in range(50) for kind in (Kind.SENT, Kind.OPENED)]
    )
    walked: list[str] = []
    connection = store._events._reader()
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    store.funnel(Filter())
    store.funnel(Filter(campaign_id="7", since=T0 + 1, until=T0 + 50 * MINUTE))
    store.timeline(Filter(), [T0, T0 + 15 * MINUTE])
    store.campaigns(Filter())
    store.contacts(Filter(email="c1@example.com"))
    store.messages(Filter(contact_id="c1"))
    for which in (Filter(), Filter(campaign_id="7"), Filter(contact_id="c1"), Filter(external_id="x")):
        store.events(which, "newest", limit=10)
    store.events(Filter(), "arrival", limit=10, after=(5,))
    store.marks(Filter(campaign_id="7", since=T0 + 1, until=T0 + 50 * MINUTE))
    store.facets(Filter(campaign_id="7"))
    store.latest(Filter(campaign_id="7"))
    store.known(Filter(), [T0 + 1])
    store.last_events(Filter(campaign_id="7"), Kind.OPENED, (Kind.BOUNCED,), limit=10)
    for log in (LogFilter(), LogFilter(template="7"), LogFilter(contact_id="c1"), LogFilter(since=T0, number=3)):
        store.log(log, limit=10, after=(T0 + 60 * MINUTE, 5))
        store.log_size(log)
    store.cohorts(LogFilter(since=T0 + 1, until=T0 + 50 * MINUTE))
    store.templates()
    store.doors(Filter(since=T0 + 1, until=T0 + 50 * MINUTE))
    store.doors(Filter(kinds=(Kind.SENT,)), [T0, T0 + 15 * MINUTE])
    store.claims(Filter())
    store.latest_snapshots(Filter(campaign_id="7"), limit=10)
    store.snapshot_history("acme", "7", "stats")
    connection.set_trace_callback(None)
    big = {"events", "messages", "outcomes", "contacts", "buckets", "sightings", "standings", "cohorts", "clicks"}
    big |= {"doors", "totals", "snapshots", "latest_snapshots"}
    aliases = {"e": "events", "m": "messages", "o": "outcomes", "c": "contacts", "a": "contacts", "k": "known"}
    aliases |= {"d": "standings", "m2": "messages", "f": "events", "w": "outcomes", "b": "buckets", "s": "standings"}
    aliases |= {"t": "totals", "l": "latest_snapshots"}
    for statement in statements:
        if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
            continue
        for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
            words = detail.split()
            if words[0] == "SCAN" and aliases.get(words[1], words[1]) in big:
                walked.append(f"{detail}: {statement[:200]}")
    assert walked == []


def plan_of(store: Store, ask) -> str:
    """What the planner says of every statement that a question runs."""
    connection = store._events._reader()
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    ask()
    connection.set_trace_callback(None)
    return "\n".join(
        detail
        for statement in statements
        if statement.lstrip().upper().startswith(("SELECT", "WITH"))
        for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    )


def test_what_is_new_is_read_by_number_and_not_sorted(store: Store) -> None:
    store.apply([read(n, [event(Kind.SENT, f"c{n}", T0)]) for n in range(1, 50)])
    plan = plan_of(store, lambda: store.events(Filter(sources=("acme",)), "arrival", limit=10, after=(5,)))
    assert "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)" in plan


def test_an_external_id_is_looked_up_by_address(store: Store) -> None:
    store.apply([read(n, [event(Kind.SENT, f"c{n}", T0, email=f"c{n}@example.com")]) for n in range(1, 50)])
    plan = plan_of(store, lambda: store.events(Filter(), "newest", limit=10))
    assert "SEARCH a USING INDEX contacts_email (source=? AND <expr>=?)" in plan


def test_only_the_owner_may_read_the_files(store: Store) -> None:
    store.append([delivery()])
    for file in store._inbox.path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_an_inbox_restored_from_an_older_backup_loses_no_delivery(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    store.append([delivery(), delivery(), delivery()])
    while store.work_off(lambda _: Reading()):
        pass
    store.close()
    for file in tmp_path.glob("store.inbox*"):
        file.unlink()
    restored = open_store(f"sqlite:///{tmp_path}/store.db")
    restored.migrate()
    assert restored.append([delivery()]) == [4]
    assert restored.backlog().deliveries == 1
    assert restored.work_off(lambda _: Reading()) is not None
    restored.close()


def test_bytes_written_per_event_stay_what_they_are(tmp_path: Path) -> None:
    """The figure that never varies (shared/performance.md 0): /proc/self/io counts what SQLite writes."""
    store = open_store(f"sqlite:///{tmp_path}/bytes.db")
    store.migrate()

    def written() -> int:
        text = Path("/proc/self/io").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("wchar")))

    batches = [
        read(n, [event(Kind.SENT, f"{(n * 1000 + i) * 7919 % 100_000}", T0 + n * 1000 + i) for i in range(1000)])
        for n in range(20)
    ]
    start = written()
    for batch in range(0, 20, 10):
        store.apply(batches[batch : batch + 10])
    per_event = (written() - start) / 20_000
    store.close()
    assert per_event < 1620, "a naive text key in batches of 1,000 writes 12,964; an eighth is the goal"
