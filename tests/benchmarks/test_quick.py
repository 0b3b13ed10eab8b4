"""The benchmarks run and say what they should; how fast they ran is nobody's business here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from aftersend.providers import PROVIDERS
from benchmarks import environment, reports
from benchmarks.__main__ import BY_NAME_ONLY, FULL, QUICK
from benchmarks.measure import Figure, Goal, figure, in_turns
from tests.faults.ledger import long

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {"name", "ours", "other", "unit", "ratio", "goal", "met", "spread"}
REPORTS = (
    "funnel, all time",
    "funnel, 30 days",
    "funnel, 90 days",
    "timeline, 90 days by day, UTC",
    "timeline, 90 days by day, Kathmandu",
    "timeline, 7 days by hour",
    "dashboard, 30 days and the 30 before",
    "templates, all time",
    "cohorts of a template, 90 days",
    "funnel of a campaign",
    "campaign with links, devices, engagement",
    "campaigns, the latest 100",
    "activities, newest 100",
    "activities, 100 behind a deep cursor",
    "undelivered, newest 100",
    "timeline of a contact, by address",
    "timeline of a contact, by external id",
    "send log, newest 100",
)
OFFLINE = ("receive", "reading", "apply", "growth", "poll", "memory", "reports", "export", "footprint")
FETCHED = ("django", "anymail", "normalizing", "dlt")
"""What needs an environment that is fetched."""
PLATFORMS = [provider.title for provider in PROVIDERS.values() if provider.webhooks]
FIGURES = {
    "durable webhooks vs no-op route, per server core-second": "≥ 0.55",
    "durable webhooks vs no-op route, by the clock": "",
    "durable webhooks vs no-op route, p50": "",
    "durable webhooks vs no-op route, p99": "",
    **{f"{title}: webhooks read vs decoded only": "" for title in PLATFORMS},
    "inbox to reports, feed pages vs raw executemany": "≥ 0.7",
    "the same feed pages again vs the first time": "≥ 1.8",
    "bytes written per event vs naive table": "≤ 0.125",
    "inbox to reports, webhooks vs raw executemany": "≥ 0.7",
    "the same webhooks again vs the first time": "≥ 1.8",
    "events added to 2,000 stored vs to 500": "≥ 0.85",
    "rows polled, stored, counted vs a bare script": "",
    "the same rows polled again vs the first time": "≥ 1.8",
    "rows polled at 50 ms a page, one page naming the next, vs the latency limit": "≥ 0.94",
    "rows polled at 50 ms a page, numbered pages, vs the latency limit of 4 at once": "≥ 0.92",
    "peak memory while polling 5,000 rows vs 1,000": "≤ 1.05",
    **{f"report: {name}": "≥ 1" for name in REPORTS},
    "export: CSV of 50,000 events": "≥ 1",
    "export: first row vs the limit": "≤ 1",
    "reports: time at N events vs at N/10, at worst": "≤ 10",
    "export over HTTP: CSV of 2,000 events vs csv writer": "≥ 1",
    "export over HTTP: CSV of 2,000 events, first row vs the limit": "≤ 1",
    "export over HTTP: CSV of 2,000 events, peak memory vs 500": "≤ 1.05",
    "start to first report (serve, empty store) vs bare no-op's answer": "",
    "start to first report (serve, 2,000 events) vs bare no-op's answer": "",
    "memory: receiver, idle vs bare no-op": "",
    "memory: receiver, at work vs bare no-op": "",
    "memory: worker, idle vs bare rq worker": "",
    "memory: worker, at work vs bare rq worker": "",
    "memory: scheduler, idle vs bare rq worker": "",
    "memory: scheduler, at work vs bare rq worker": "",
    "bytes on disk per event, fed vs naive table": "",
    "bytes on disk per event, through both doors vs naive table": "",
}
SAVED = {
    "webhooks of one event, stored and counted vs django-anymail and a model save": "≥ 4",
    "webhooks of one event vs django-anymail, per core-second with the drain's": "",
    "webhooks of one event vs django-anymail, p50": "",
    "webhooks of one event vs django-anymail, p99": "",
    "webhooks of one event vs django-anymail, memory with the drain's": "",
    "webhooks of 100 events, durably accepted vs django-anymail and a model save": "≥ 35",
    "webhooks of 100 events, stored and counted vs django-anymail and a model save": "≥ 8",
    "webhooks of 100 events vs django-anymail, per core-second with the drain's": "",
    "webhooks of 100 events vs django-anymail, p50": "",
    "webhooks of 100 events vs django-anymail, p99": "",
    "webhooks of 100 events vs django-anymail, memory with the drain's": "",
    "inbox to reports, webhooks of one event vs django-anymail's normalization alone": "",
    "inbox to reports, webhooks of 100 events vs django-anymail's normalization alone": "",
}


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The benchmarks as ``make bench`` starts them, with a temporary directory that can be looked into."""
    temporary = directory / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == [], "nothing is left behind"
    return done


@long
@pytest.mark.processes
def test_everything_of_ours_runs_and_every_figure_is_printed_and_kept(tmp_path):
    latest = ROOT / "benchmarks" / "results" / "latest.json"
    before = latest.read_bytes() if latest.exists() else None
    done = run(tmp_path, *OFFLINE, "--quick", "--profile", "--output", str(tmp_path / "quick.json"))
    kept = json.loads((tmp_path / "quick.json").read_text())
    machine = json.loads((tmp_path / "quick.machine.json").read_text())

    assert {f["name"]: f["goal"] for f in kept} == FIGURES
    for f in kept:
        assert set(f) == FIELDS
        assert f["name"] in done.stdout
        assert min(f["ours"], f["other"], f["ratio"]) > 0
        assert f["spread"] >= 0
        assert f["met"] in ((True, False) if f["goal"] else (None,))
    assert set(machine) == {"header", "notes", "parts", "seconds"}
    assert set(machine["header"]) == {
        *("date", "cores", "model", "system", "filesystem", "load_before", "sizes", "versions"),
    }
    assert machine["header"]["sizes"] == "quick"
    assert {"python", "sqlite", "aftersend", "granian", "django", "duckdb"} <= set(machine["header"]["versions"])
    assert list(machine["parts"]) == list(machine["seconds"]) == list(OFFLINE)
    assert [name for names in machine["parts"].values() for name in names] == [f["name"] for f in kept]
    assert done.stdout.count("Ordered by: internal time") == 2
    assert (latest.read_bytes() if latest.exists() else None) == before, "tiny sizes are no result"


@pytest.mark.processes
def test_one_part_can_be_measured_alone(tmp_path):
    done = run(tmp_path, "poll", "--quick", "--output", str(tmp_path / "poll.json"))
    kept = json.loads((tmp_path / "poll.json").read_text())
    assert [f["name"] for f in kept] == list(FIGURES)[10 + len(PLATFORMS) :][:4]
    assert "durable webhooks" not in done.stdout


@pytest.mark.processes
@pytest.mark.skipif(not environment.made(), reason="its environment is made by `make bench`")
def test_reading_is_compared_with_anymails(tmp_path):
    run(tmp_path, "anymail", "--quick", "--output", str(tmp_path / "anymail.json"))
    kept = json.loads((tmp_path / "anymail.json").read_text())
    named = [f["name"] for f in kept]
    assert set(named) < {f"{title}: webhooks read vs django-anymail" for title in PLATFORMS}
    assert "SendGrid: webhooks read vs django-anymail" in named


@pytest.mark.processes
@pytest.mark.skipif(not environment.made(), reason="its environment is made by `make bench`")
def test_storing_is_compared_with_a_django_model_and_the_chart_shows_what_has_a_goal(tmp_path):
    run(tmp_path, "django", "normalizing", "--quick", "--output", str(tmp_path / "saved.json"))
    kept = json.loads((tmp_path / "saved.json").read_text())
    assert {f["name"]: f["goal"] for f in kept} == SAVED
    assert (tmp_path / "saved.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "saved.svg").read_text()
    assert {name for name in SAVED if f">{name}<" in drawn} == {name for name, goal in SAVED.items() if goal}


@pytest.mark.processes
@pytest.mark.skipif(not environment.made(), reason="its environment is made by `make bench`")
def test_duckdb_answers_every_report_as_the_plain_table_does(tmp_path):
    measured = reports.run(msgspec.structs.replace(reports.QUICK, columns=True, rounds=1), tmp_path)
    named = {f.name for f in measured.figures}
    assert {f"report: {name} vs DuckDB" for name in REPORTS} < named


@pytest.mark.processes
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_no_process_and_no_file_behind(tmp_path, how):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "benchmarks", "receive"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        # The first of two servers: there is more to do than signals take.
        until(lambda: named_in_commands(temporary), "a server runs")
        process.send_signal(how)
        assert process.wait(60) != 0
    finally:
        process.kill()
        process.wait()
    assert list(temporary.iterdir()) == []
    assert named_in_commands(temporary) == []


def named_in_commands(directory: Path) -> list[str]:
    """The commands of running processes that name a directory."""
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            commands.append(file.read_text().replace("\0", " "))
    return [command for command in commands if str(directory) in command]


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_whatever_is_measured_has_a_tiny_size_too():
    assert list(FULL) == list(QUICK)
    assert set(FULL) == {*OFFLINE, *FETCHED}
    assert set(BY_NAME_ONLY) < set(FULL)


def test_a_figure_is_the_median_of_its_rounds_and_says_how_far_they_lie_apart():
    rounds = [(30.0, 10.0), (20.0, 20.0), (40.0, 20.0)]
    assert figure("name", "rows/s", rounds, Goal("≥", 1.8)) == Figure(
        name="name", ours=30.0, other=20.0, unit="rows/s", ratio=2.0, goal="≥ 1.8", met=True, spread=1.0
    )
    assert figure("name", "B", rounds, Goal("≤", 0.125)).met is False
    assert figure("name", "B", rounds).met is None


def test_who_begins_changes_with_every_round():
    order: list[str] = []

    def ours() -> int:
        order.append("ours")
        return len(order)

    def other() -> int:
        order.append("other")
        return len(order)

    assert in_turns(3, ours, other) == [(1, 2), (4, 3), (5, 6)]
    assert order == ["ours", "other", "other", "ours", "ours", "other"]
