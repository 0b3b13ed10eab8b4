"""What lies on disk is this user's alone, and what is asked of the store is values, never statements."""

from __future__ import annotations

import os
import sqlite3
import stat
from urllib.parse import quote

import msgspec
import pytest
from own_api import campaign_of_four

from aftersend.console import run
from aftersend.console.up import _admin_key, _private
from aftersend.settings import load
from aftersend.storage import open_store
from tests.security.routes import operations

READING = [one for one in operations() if one.method == "GET"]


@pytest.fixture
def generous():
    """Files are readable by everybody, unless somebody sees to it."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def installation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("AFTERSEND_CONFIG", "AFTERSEND_ADMIN_KEY", "PORT", "HOST", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "aftersend.toml").write_text('[[sources]]\nname = "acme"\nprovider = "inwise"\n')
    return tmp_path


def modes(directory) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.is_file()}


def test_the_databases_and_the_kept_key_are_for_this_user_only(installation, generous):
    settings = load()
    store = open_store(settings.server.database)
    store.migrate()
    _admin_key(settings, store)
    # While it is open, with the files that SQLite puts beside it.
    found = modes(installation / "data")
    assert {name.removeprefix("aftersend.") for name in found} >= {
        "db",
        "inbox.db",
        "db-wal",
        "inbox.db-wal",
        "admin-key",
    }
    assert set(found.values()) == {0o600}
    store.close()


def test_a_private_file_is_never_there_for_others(tmp_path, generous):
    with _private(tmp_path / "key") as file:
        assert modes(tmp_path) == {"key": 0o600}
        file.write("x")


def test_an_export_is_for_this_user_only(installation, generous, capsys):
    assert run(["migrate"]) == 0
    assert run(["export", "--output", "rows.csv"]) == 0
    assert modes(installation)["rows.csv"] == 0o600


def test_doctor_tells_of_files_that_others_may_open_and_of_secrets_that_may_be_guessed(
    installation, monkeypatch, capsys
):
    def found() -> list[dict]:
        capsys.readouterr()
        run(["doctor", "--json"])
        told = msgspec.json.decode(capsys.readouterr().out)
        return [one for one in told if one["about"] in ("files", "secrets")]

    assert run(["migrate"]) == 0
    assert found() == []
    (installation / "data/admin-key").write_text("as_x\n")
    (installation / "data/admin-key").chmod(0o640)
    monkeypatch.setenv("AFTERSEND_ADMIN_KEY", "fifteen-letters")
    with (installation / "aftersend.toml").open("a") as file:
        file.write('webhook_secrets = ["0123456789abcdef", "short"]\n')
    assert found() == [
        {
            "state": "note",
            "about": "secrets",
            "sentence": "AFTERSEND_ADMIN_KEY has fewer than 16 characters and may be guessed.",
        },
        {
            "state": "note",
            "about": "secrets",
            "sentence": "webhook_secrets of source 'acme' has fewer than 16 characters and may be guessed.",
        },
        {
            "state": "wrong",
            "about": "files",
            "sentence": "others may open admin-key in data: run chmod 600.",
        },
    ]


STATEMENTS = (
    "' OR '1'='1",
    "1000001' OR 1=1 --",
    "'; DROP TABLE events; --",
    "1) UNION SELECT * FROM keys --",
    "%",
    "?1",
    "\x00' OR 1=1",
)


def dump(directory) -> dict[str, list[str]]:
    """Everything that the store holds, but for the places of readers."""
    found = {}
    for file in sorted(directory.glob("*.db")):
        connection = sqlite3.connect(file)
        found[file.name] = [line for line in connection.iterdump() if '"readers"' not in line]
        connection.close()
    return found


def test_no_parameter_of_any_route_is_taken_for_a_piece_of_a_statement(world, tmp_path):
    world.tell(*campaign_of_four())
    headers = {**world.admin, "Authorization": "Bearer the-admin-key"}
    before = dump(tmp_path)
    assert sum(map(len, before.values())) > 50
    for one in READING:
        for statement in STATEMENTS:
            asked = [({}, {name: statement}) for name in one.names("query")]
            asked += [({name: quote(statement, safe="")}, {}) for name in one.names("path")]
            for path, query in asked:
                answer = world.client.get(one.path(**path), query_string=one.query() | query, headers=headers)
                assert answer.status_code < 500, (one.name, path, query)
    assert dump(tmp_path) == before


@pytest.mark.parametrize("name", ["campaign_id", "contact_id", "external_id", "email", "message_id"])
def test_a_filter_matches_what_it_says_and_nothing_else(world, name):
    world.tell(*campaign_of_four())
    everything = world.client.get("/v1/export?format=jsonl", headers=world.admin).data
    assert everything.count(b"\n") == 10
    for statement in STATEMENTS:
        answer = world.client.get("/v1/export", query_string={"format": "jsonl", name: statement}, headers=world.admin)
        assert answer.data == b""
