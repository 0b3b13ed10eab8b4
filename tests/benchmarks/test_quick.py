"""The benchmarks run and say what they should; how fast they ran is nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aftersend.providers import PROVIDERS
from benchmarks import environment
from benchmarks.__main__ import BY_NAME_ONLY, FULL, QUICK
from benchmarks.measure import Figure, Goal, figure, in_turns

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
OFFLINE = ("receive", "reading", "apply", "poll", "memory", "reports")
FETCHED = ("anymail", "dlt")
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
    "rows polled, stored, counted vs a bare script": "",
    "the same rows polled again vs the first time": "≥ 1.8",
    "rows polled at 50 ms a page, one page naming the next, vs the latency limit": "≥ 0.94",
    "rows polled at 50 ms a page, numbered pages, vs the latency limit of 4 at once": "≥ 0.92",
    "peak memory while polling 5,000 rows vs 1,000": "≤ 1.05",
    **{f"report: {name}": "≥ 1" for name in REPORTS},
    "export: CSV of 50,000 events": "≥ 1",
    "export: first row vs the limit": "≤ 1",
    "reports: time at N events vs at N/10, at worst": "≤ 10",
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
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == [], "nothing is left behind"
    return done


@pytest.mark.processes
def test_everything_of_ours_runs_and_every_figure_is_printed_and_kept(tmp_path):
    latest = ROOT / "benchmarks" / "results" / "latest.json"
    before = latest.read_bytes() if latest.exists() else None
    done = run(tmp_path, *OFFLINE, "--quick", "--profile", "--output", str(tmp_path / "quick.json"))
    kept = json.loads((tmp_path / "quick.json").read_text())

    assert {f["name"]: f["goal"] for f in kept["figures"]} == FIGURES
    for f in kept["figures"]:
        assert set(f) == FIELDS
        assert f["name"] in done.stdout
        assert min(f["ours"], f["other"], f["ratio"]) > 0
        assert f["spread"] >= 0
        assert f["met"] in ((True, False) if f["goal"] else (None,))
    assert set(kept["header"]) == {
        *("date", "cores", "model", "system", "filesystem", "load_before", "sizes", "versions"),
    }
    assert kept["header"]["sizes"] == "quick"
    assert {"python", "sqlite", "aftersend", "granian"} <= set(kept["header"]["versions"])
    assert done.stdout.count("Ordered by: internal time") == 2
    assert (latest.read_bytes() if latest.exists() else None) == before, "tiny sizes are no result"


@pytest.mark.processes
def test_one_part_can_be_measured_alone(tmp_path):
    done = run(tmp_path, "poll", "--quick", "--output", str(tmp_path / "poll.json"))
    kept = json.loads((tmp_path / "poll.json").read_text())
    assert [f["name"] for f in kept["figures"]] == list(FIGURES)[9 + len(PLATFORMS) :][:4]
    assert "durable webhooks" not in done.stdout


@pytest.mark.processes
@pytest.mark.skipif(not environment.made(), reason="its environment is made by `make bench`")
def test_reading_is_compared_with_anymails(tmp_path):
    run(tmp_path, "anymail", "--quick", "--output", str(tmp_path / "anymail.json"))
    kept = json.loads((tmp_path / "anymail.json").read_text())
    named = [f["name"] for f in kept["figures"]]
    assert set(named) < {f"{title}: webhooks read vs django-anymail" for title in PLATFORMS}
    assert "SendGrid: webhooks read vs django-anymail" in named


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
