"""What the benchmarks of polling stand on: the platform of canned pages, our sync of it, and what is kept for them."""

from __future__ import annotations

import json
import sys

import msgspec
import pytest
import requests

from aftersend.providers import PROVIDERS
from benchmarks import environment, memory, normalizing, reading, reports, rest_api, saving, sync
from benchmarks.measure import Measured
from benchmarks.pages import NEXT
from benchmarks.processes import free_port, server
from benchmarks.sync import CHAINED, FEEDS, PAGED, Platform, lay_out_life

from .test_quick import run

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

ROWS = 5_000
DLT_FIGURES = {
    "rows polled, stored, counted vs dlt into SQLite": "≥ 4",
    "rows polled, stored, counted vs dlt into DuckDB": "≥ 2.5",
    "rows polled at 50 ms a page vs dlt into SQLite": "",
    "rows polled, one page naming the next, vs dlt into SQLite": "≥ 4",
    "rows polled at 50 ms a page, one page naming the next, vs dlt into SQLite": "",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("platform") / "pages"


@pytest.fixture(scope="module")
def platform(folder):
    there = Platform(free_port(), lay_out_life(ROWS, folder))
    with server("benchmarks.pages", str(there.port), str(folder), port=there.port):
        yield there


def numbers(folder, feed):
    return sorted(int(file.name.split(".")[1]) for file in folder.glob(f"{feed}.*.json"))


def test_the_platform_has_every_row_on_some_page_and_each_page_names_the_next(platform, folder):
    assert platform.rows == ROWS
    rows = 0
    for feed in FEEDS:
        address, there = f"{platform.address()}/campaigns/email/{feed}", numbers(folder, feed)
        assert requests.get(address, timeout=10).content == (folder / f"{feed}.0.json").read_bytes()
        for number in there:
            answer = requests.get(address, params={"page_index": number}, timeout=10)
            assert answer.content == (folder / f"{feed}.{number}.json").read_bytes()
            assert answer.headers.get(NEXT) == (str(number + 1) if number < there[-1] else None)
            rows += len(answer.json())
        behind = requests.get(address, params={"page_index": there[-1] + 1}, timeout=10)
        assert (behind.content, NEXT in behind.headers) == (b"[]", False)
    assert rows == ROWS


def test_a_sync_of_numbered_pages_stores_and_counts_every_row_and_asks_until_lists_are_empty(
    platform, folder, tmp_path
):
    synced = sync.sync_of(platform, tmp_path, provider=PAGED)
    assert synced.asked > sum(len(numbers(folder, feed)) for feed in FEEDS)
    assert synced.seconds > 0
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_sync_of_pages_that_name_the_next_asks_for_each_page_once(platform, folder, tmp_path):
    registered = list(PROVIDERS)
    synced = sync.sync_of(platform, tmp_path, provider=CHAINED)
    assert synced.asked == sum(len(numbers(folder, feed)) for feed in FEEDS)
    assert list(PROVIDERS) == registered, "it is a provider only while it is polled"


def test_a_sync_that_counts_wrongly_is_not_believed(platform, tmp_path):
    kind, count = next(iter(platform.truth.items()))
    other = Platform(platform.port, platform.truth | {kind: count + 1})
    with pytest.raises(AssertionError, match="the truth is"):
        sync.sync_of(other, tmp_path)


def test_peak_memory_is_that_of_the_sync_and_not_of_who_started_it(platform, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "truth.json").write_text(json.dumps(platform.truth))
    ours = b"x" * 400_000_000
    assert 20 < memory._peak_mb(platform, folder, tmp_path) < len(ours) / 1_000_000


def test_kept_pages_are_invented_once_and_anew_when_the_code_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CACHE", tmp_path)
    first = memory._kept(600)
    assert memory._kept(600).stat().st_ino == first.stat().st_ino
    assert sum(json.loads((first / "truth.json").read_text()).values()) == 600
    rows = [row for file in (first / "pages").iterdir() for row in json.loads(file.read_text())]
    assert len(rows) == 600
    monkeypatch.setattr(memory, "digest", lambda *_: "changed")
    assert memory._kept(600) == tmp_path / "pages-600-changed"
    assert not first.exists()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An environment of its own; what it installs needs no network."""
    monkeypatch.setattr(environment, "PLACE", tmp_path / "peers")
    monkeypatch.setattr(environment, "LOCK", tmp_path / "peers.lock")
    return tmp_path / "peers.lock"


def test_the_environment_is_made_once_and_anew_when_the_lock_has_changed(elsewhere):
    elsewhere.write_text("# nothing\n")
    assert not environment.made()
    python = environment.python()
    assert python.exists()
    assert environment.made()
    (environment.PLACE / "of the first").touch()
    assert environment.python() == python
    assert (environment.PLACE / "of the first").exists()
    elsewhere.write_text("# nothing else\n")
    assert not environment.made()
    assert environment.python() == python
    assert not (environment.PLACE / "of the first").exists()


def test_without_the_environment_nothing_is_compared_and_a_sentence_says_why(elsewhere, tmp_path):
    elsewhere.write_text("./there_is_no_such_file-1.0-py3-none-any.whl --hash=sha256:" + "0" * 64 + "\n")
    why = (
        "Its environment could not be made (CalledProcessError); why, says "
        "benchmarks/.cache/peers/bin/python -m pip install --require-hashes -r benchmarks/peers.lock"
    )
    for what, measured in {
        "dlt": rest_api.run(rest_api.QUICK, tmp_path),
        "Django": saving.run(saving.QUICK, tmp_path),
        "django-anymail": reading.against_anymail(reading.QUICK, tmp_path),
        "django-anymail's normalization": normalizing.run(normalizing.QUICK, tmp_path),
    }.items():
        assert measured == Measured([], [f"Not compared with {what}. {why}"])
    reported = reports.run(msgspec.structs.replace(reports.QUICK, columns=True, rounds=1), tmp_path)
    assert reported.notes[0] == f"Not compared with DuckDB. {why}"
    assert not [f.name for f in reported.figures if "DuckDB" in f.name]
    assert not environment.made()


@pytest.mark.skipif(not environment.made(), reason="made by `make bench`: tests fetch nothing")
def test_ours_is_compared_with_dlt(tmp_path):
    run(tmp_path, "dlt", "--quick", "--output", str(tmp_path / "dlt.json"))
    kept = json.loads((tmp_path / "dlt.json").read_text())
    assert {f["name"]: f["goal"] for f in kept} == DLT_FIGURES
    assert all(min(f["ours"], f["other"]) > 0 for f in kept)
    sqlite, duckdb = json.loads((tmp_path / "dlt.machine.json").read_text())["notes"]
    assert sqlite.startswith("dlt into SQLite (dlt 1.31.0, SQLAlchemy ")
    assert duckdb.startswith("dlt into DuckDB (dlt 1.31.0, duckdb ")


@pytest.mark.skipif(not environment.made(), reason="made by `make bench`: tests fetch nothing")
@pytest.mark.parametrize("paging", ["numbered", "linked"])
def test_a_dlt_that_stores_something_else_is_not_measured(platform, tmp_path, paging):
    kind, count = next(iter(platform.truth.items()))
    other = Platform(platform.port, platform.truth | {kind: count + 1})
    with pytest.raises(AssertionError, match=f"dlt stored {ROWS} rows, the platform has {ROWS + 1}"):
        rest_api._run(environment.python(), "sqlite", other, tmp_path, 0, paging)
