"""A store written by an earlier schema is migrated by each later one, with all its data."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from aftersend.receiver import create_app
from aftersend.settings import load
from aftersend.storage import open_store
from aftersend.storage.sqlite import schema as current
from tests.faults.installation import free_port, wait_for
from tests.upgrades.asked import QUESTIONS, TOKEN, answers, configure, environment, held
from tests.upgrades.conftest import FILES, KEPT, everything, kept, put_back
from tests.worker.conftest import RedisServer

OPENED = (
    b"timeStamp=2025-03-18+13%3a59%3a12&trigger_type=emailOpened&channel_type=Email&campaign_id=1000001"
    b"&contact%5bid%5d=4000042&contact%5bemail%5d=reader.42%40example.com"
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RELEASED = "v0.1.0"


def known(now: Any, then: Any) -> Any:
    """Of what is answered now, what was answered then: later code may say more, never less and nothing else."""
    if isinstance(then, dict) and isinstance(now, dict):
        return {name: known(now[name], value) for name, value in then.items() if name in now}
    if isinstance(then, list) and isinstance(now, list) and len(now) == len(then):
        return [known(*pair) for pair in zip(now, then, strict=True)]
    return now


def all_steps() -> list[str]:
    """The names of every step there is, in the order in which a new store takes them."""
    with closing(sqlite3.connect(":memory:")) as c:
        return [step.name for file in (current.inbox, current.events) for step in file.pending(current.Database(c))]


def taken(directory: Path) -> list[str]:
    """The names of the steps that a store has taken."""
    names = []
    for file in ("aftersend.inbox", "aftersend"):
        with closing(sqlite3.connect(directory / f"{file}.db")) as c:
            names += [name for (name,) in c.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
    return names


def in_store(directory: Path, look):
    with closing(open_store(f"sqlite:///{directory}/aftersend.db")) as store:
        return look(store)


def wrong(call) -> list[dict[str, str]]:
    """What doctor finds wrong."""
    return [finding for finding in json.loads(call("doctor", "--json").out) if finding["state"] == "wrong"]


def test_the_oldest_kept_store_lacks_a_step(tmp_path):
    assert taken(put_back(KEPT[0], tmp_path)) != all_steps()


def test_after_migrating_everything_is_as_it_was(schema, directory, ask):
    then = kept(schema)
    missing = [name for name in all_steps() if name not in taken(directory)]
    told = [f"migrated: {name}" for name in missing] or ["The schema is current."]
    assert ask("migrate").splitlines() == told
    assert taken(directory) == all_steps()
    now = in_store(directory, held)
    assert known(now, then["held"]) == then["held"]
    now = answers(ask)
    for question in QUESTIONS:
        assert known(now[question], then["before"][question]) == then["before"][question]


def test_the_inbox_is_worked_off_where_it_was_left_and_nothing_is_wrong(schema, directory, ask, call):
    then = kept(schema)
    ask("migrate")
    assert then["held"]["waiting"] > 0
    assert ask("drain").splitlines()[-1].startswith(f"Worked off {then['held']['waiting']} deliveries: ")
    now = answers(ask)
    for question in QUESTIONS:
        assert known(now[question], then["after"][question]) == then["after"][question]
    if schema != RELEASED:
        ask("rebuild")
    assert wrong(call) == []


def test_rebuilding_and_reading_again_change_nothing(schema, directory, ask):
    ask("migrate")
    ask("drain")
    before = answers(ask)
    ask("rebuild")
    last = in_store(directory, lambda store: max(delivery.id for delivery in store.deliveries(1)))
    again = ask("replay", "--from-delivery", "1", "--to-delivery", str(last))
    assert "event" not in again.splitlines()[-2]
    assert answers(ask) == before


def test_what_is_told_again_after_migrating_adds_nothing(directory, ask):
    ask("migrate")
    ask("drain")
    events = in_store(directory, lambda store: store.last_number())
    in_store(
        directory,
        lambda store: store.append([msgspec.structs.replace(told, id=0) for told in store.deliveries(1)]),
    )
    before = {name: answer for name, answer in answers(ask).items() if name != "quarantine"}
    ask("drain")
    assert in_store(directory, lambda store: store.last_number()) == events
    after = {name: answer for name, answer in answers(ask).items() if name != "quarantine"}
    assert after == before


def test_keys_open_what_they_opened(schema, directory, ask):
    ask("migrate")
    ask("drain")
    then, settings = kept(schema), load("aftersend.toml", env={})

    def said(store, key: str) -> tuple[int, dict]:
        answer = create_app(settings, store).test_client().get("/v1/funnel", headers={"X-API-Key": key})
        return answer.status_code, answer.json

    status, funnel = in_store(directory, lambda store: said(store, then["secret"]))
    assert (status, known(funnel, then["after"]["funnel"])) == (200, then["after"]["funnel"])
    assert in_store(directory, lambda store: said(store, then["secret"][:-1]))[0] == 401


def test_migrating_twice_changes_nothing(directory, ask):
    ask("migrate")
    before = everything(directory)
    assert ask("migrate") == "The schema is current.\n"
    assert everything(directory) == before


def test_several_migrations_at_once_take_every_step_once(directory):
    missing = [name for name in all_steps() if name not in taken(directory)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "aftersend.console", "migrate"],
            env=environment(directory),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    told = [line for lines in said for line in lines.splitlines() if line != "The schema is current."]
    assert sorted(told) == sorted(f"migrated: {name}" for name in missing)
    assert taken(directory) == all_steps()


@pytest.mark.parametrize("schema", [KEPT[0]])
class TestBeforeMigrating:
    SENTENCE = "The schema of aftersend.inbox.db is not current; run `aftersend migrate`."

    @pytest.mark.parametrize(
        "arguments",
        [
            ("report", "funnel"),
            ("drain",),
            ("quarantine",),
            ("replay",),
            ("rebuild",),
            ("keys", "list"),
            ("sync", "news"),
            ("export",),
        ],
        ids=" ".join,
    )
    def test_a_command_says_what_to_run(self, directory, call, arguments):
        before = everything(directory)
        done = call(*arguments)
        assert (done.status, done.out, done.err) == (1, "", f"aftersend: {self.SENTENCE}\n")
        assert everything(directory) == before

    def test_doctor_says_so_among_its_findings(self, directory, call):
        done = call("doctor", "--json")
        assert (done.status, done.err) == (1, "")
        assert {"state": "wrong", "about": "store", "sentence": self.SENTENCE} in json.loads(done.out)

    def test_the_list_of_sources_says_so_and_shows_what_is_configured(self, directory, call):
        done = call("sources", "--json")
        assert (done.status, done.err) == (0, f"{self.SENTENCE}\n")
        assert [source["name"] for source in json.loads(done.out)["sources"]] == ["news", "coldsend", "hogsend"]

    @pytest.mark.processes
    def test_no_acknowledged_webhook_is_lost_and_all_go_on_once_it_is_migrated(self, schema, directory, call, tmp_path):
        redis = RedisServer(tmp_path)
        port, then = free_port(), kept(schema)
        configure(directory, tuple(then["providers"]), f'listen = "127.0.0.1:{port}"\nredis = "{redis.url}"')
        url = f"http://127.0.0.1:{port}"
        with ExitStack() as stack:
            redis.start()
            stack.callback(redis.kill)
            log = stack.enter_context(running(directory, "scheduler"))
            stack.enter_context(running(directory, "serve"))
            stack.enter_context(running(directory, "worker"))
            wait_for(lambda: answers_at(url), "the receiver to answer")
            ready = requests.get(f"{url}/readyz", timeout=30)
            assert (ready.status_code, self.SENTENCE in ready.text) == (503, True)
            wait_for(lambda: self.SENTENCE in log.read_text(), "the scheduler to say what to run")
            said = [post(f"{url}/webhooks/news/{TOKEN}", b"%s&ip=192.0.2.%d" % (OPENED, n)) for n in range(3)]
            assert set(said) <= {200, 503}
            assert waiting(directory) == then["held"]["waiting"] + said.count(200)
            assert call("migrate").status == 0
            wait_for(lambda: waiting(directory) == 0, "the inbox to be empty")
            assert post(f"{url}/webhooks/news/{TOKEN}", OPENED) == 200
            assert requests.get(f"{url}/readyz", timeout=30).status_code == 200
        call("rebuild")
        assert [finding for finding in wrong(call) if finding["about"] != "inbox"] == []


@pytest.mark.parametrize("schema", [RELEASED])
@pytest.mark.parametrize("file", FILES)
class TestALaterSchema:
    """The store of a version that isn't out yet."""

    @pytest.fixture(autouse=True)
    def later(self, directory, ask, file):
        ask("migrate")
        with closing(sqlite3.connect(f"{file}.db")) as c, c:
            c.execute(
                "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
                "SELECT migration_set, '999 of a later version', applied_at FROM _sqlite_migrations LIMIT 1"
            )

    @pytest.mark.parametrize("arguments", [("migrate",), ("report", "funnel"), ("drain",), ("sync", "news")])
    def test_a_command_says_whose_it_is_and_leaves_it_alone(self, directory, call, file, arguments):
        before = everything(directory)
        done = call(*arguments)
        assert (done.status, done.out, done.err) == (
            1,
            "",
            f"aftersend: {file}.db belongs to a later version of Aftersend, which took the step "
            "'999 of a later version': install that version, or restore a backup from before.\n",
        )
        assert everything(directory) == before


@pytest.mark.parametrize("schema", ["before-releases"])
def test_a_store_from_before_the_first_release_is_refused_in_one_sentence(directory, call):
    call("migrate")
    for arguments in (("report", "funnel"), ("drain",), ("doctor",)):
        done = call(*arguments)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith("aftersend: The schema of aftersend.db ")
        assert len(done.err.splitlines()) == 1


def post(url: str, body: bytes) -> int:
    return requests.post(url, body, headers=FORM, timeout=30).status_code


def waiting(directory: Path) -> int:
    return in_store(directory, lambda store: store.backlog().deliveries)


def answers_at(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=30).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def running(directory: Path, command: str) -> Iterator[Path]:
    """A process of the installation, until the block is left. Gives the file of what it says."""
    log = directory / f"{command}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "aftersend.console", command],
            env=environment(directory),
            cwd=directory,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
