"""`aftersend export`: the same files as over HTTP, on stdout or in a file that is whole."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import click
import msgspec
import pytest

from aftersend.console import cli, export, run
from aftersend.receiver import create_app, walks
from aftersend.receiver.auth import mint
from aftersend.receiver.columns import EVENT
from aftersend.receiver.export import ExportQuestion
from aftersend.storage import open_store
from aftersend.storage.contract import Read
from aftersend.vocabulary import Delivery, Door, Event, Kind, Reading, now, slot_key

from .conftest import command, with_store

NINE = 1_742_288_400_000
"""2025-03-18T09:00Z."""


@pytest.fixture
def filled(installation):
    """Thirty openings, a minute apart, and the first of them clicked."""
    kinds = [(Kind.OPENED, number) for number in range(30)] + [(Kind.CLICKED, 0)]
    events = [
        Event(
            slot=slot_key(NINE + number * 60_000, "acme", kind, str(number)),
            kind=kind,
            word=kind.value,
            occurred_at=NINE + number * 60_000,
            campaign_id="1",
            contact_id=str(number),
            email=f"reader.{number}@example.com",
            reason="=1+1",
        )
        for kind, number in kinds
    ]
    delivery = Delivery(id=1, source="acme", door=Door.FEED, received_at=now(), body=b"")
    with_store(installation, lambda store: store.apply([Read(delivery, Reading(events))]))
    return installation


def over_http(settings, query: str) -> bytes:
    """What the receiver answers to the same question."""
    with closing(open_store(settings.server.database)) as store:
        key = {"X-API-Key": mint(store, "a test", ("admin",))[1]}
        answer = create_app(settings, store).test_client().get(f"/v1/export?{query}", headers=key)
        assert answer.status_code == 200
        return answer.data


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ([], ""),
        (["--format", "jsonl"], "format=jsonl"),
        (["--what", "messages"], "what=messages"),
        (["--formulas", "safe", "--kind", "clicked"], "formulas=safe&kind=clicked"),
        (["--kind", "opened", "--kind", "clicked", "--to", "2025-03-18T09:02:00Z"], "to=2025-03-18T09:02:00Z"),
        (["--columns", "id,kind", "--columns", "email"], "columns=id,kind,email"),
        (["--source", "acme", "--campaign", "1", "--machine", "exclude"], "source=acme&campaign_id=1&machine=exclude"),
        (["--from", "2025-03-18", "--time-zone", "Asia/Kathmandu"], "from=2025-03-18&time_zone=Asia/Kathmandu"),
        (["--email", "READER.7@example.com"], "email=READER.7@example.com"),
        (["--contact-id", "3", "--channel", "email"], "contact_id=3"),
        (["--external-id", "nobody"], "external_id=nobody"),
        (["--message-id", "none"], "message_id=none"),
    ],
)
def test_stdout_has_exactly_what_the_api_answers(filled, arguments, query, capfdbinary):
    capfdbinary.readouterr()
    assert run(["export", *arguments]) == 0
    out, err = capfdbinary.readouterr()
    assert (out, err) == (over_http(filled, query), b"")
    assert out


def test_every_filter_of_the_api_is_an_option():
    fields = {field.encode_name for field in msgspec.structs.fields(ExportQuestion)}
    context = click.Context(cli)
    options = {parameter.name for parameter in cli.get_command(context, "export").params} - {"config"}
    assert options == fields | {"output"}


def test_a_file_is_written_whole_and_for_this_user_only(call, filled):
    called = call("export", "--output", "events.csv", "--format", "csv")
    assert (called.status, called.out, called.err) == (0, "", "Wrote 31 rows to events.csv.\n")
    file = Path("events.csv")
    assert file.read_bytes() == over_http(filled, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(os.listdir()) == ["aftersend.toml", "data", "events.csv"]


def test_a_file_that_was_there_is_replaced_also_behind_a_link(call, filled):
    Path("there").mkdir()
    Path("there/old.jsonl").write_text("old")
    Path("link.jsonl").symlink_to("there/old.jsonl")
    assert call("export", "--format", "jsonl", "--kind", "clicked", "--output", "link.jsonl").status == 0
    assert Path("link.jsonl").is_symlink()
    (row,) = [json.loads(line) for line in Path("there/old.jsonl").read_text().splitlines()]
    assert (list(row), row["kind"]) == (list(EVENT), "clicked")
    assert os.listdir("there") == ["old.jsonl"]


def test_a_failure_leaves_the_old_file_and_nothing_else(call, filled, monkeypatch):
    Path("events.csv").write_text("old")
    _damage(filled)
    monkeypatch.setattr(walks, "PAGE", 4)
    called = call("export", "--output", "events.csv")
    assert called.status == 1
    assert called.sentence
    assert Path("events.csv").read_text() == "old"
    assert sorted(os.listdir()) == ["aftersend.toml", "data", "events.csv"]


def test_a_failure_on_stdout_can_be_seen_in_the_output_too(call, filled, monkeypatch):
    _damage(filled)
    monkeypatch.setattr(walks, "PAGE", 4)
    called = call("export")
    assert called.status == 1
    assert called.sentence
    with pytest.raises(csv.Error):
        list(csv.reader(io.StringIO(called.out, newline=""), strict=True))


def _damage(settings) -> None:
    def damage(store) -> None:
        with store._events.write() as c:
            c.execute("UPDATE events SET metadata = '{' WHERE at = ?", (NINE + 15 * 60_000,))

    with_store(settings, damage)


def test_a_device_is_written_to_and_not_replaced(call, filled):
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        assert call("export", "--output", "pipe").status == 0
        assert reader.stdout.read() == over_http(filled, "")
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "xml"], "'format' is not valid: Invalid enum value 'xml'."),
        (["--what", "contacts"], "'what' is not valid: Invalid enum value 'contacts'."),
        (["--columns", "id,id"], "'columns' names one twice."),
        (["--source", "nosuch"], "There is no such source."),
        (["--from", "soon"], "'from' must be a date or time as 2026-11-21 or 2026-11-21T10:00:00Z."),
        (["--what", "messages", "--channel", "sms"], "Only messages by email can be exported; leave out 'channel'."),
        (["--time-zone", "Mars/Olympus"], "'Mars/Olympus' is not an IANA time zone, as Europe/Berlin is."),
    ],
)
def test_a_question_that_cannot_be_answered_writes_nothing(call, installation, arguments, sentence):
    for where in ([], ["--output", "events.csv"]):
        called = call("export", *arguments, *where)
        assert (called.status, called.out, called.sentence) == (2, "", sentence)
    assert not Path("events.csv").exists()


def test_a_directory_or_a_place_that_is_not_there_is_refused(call, installation):
    called = call("export", "--output", "data")
    assert (called.status, called.out) == (2, "")
    called = call("export", "--output", "nowhere/events.csv")
    assert (called.status, called.out) == (1, "")
    assert called.sentence


@pytest.mark.processes
def test_a_reader_that_leaves_ends_the_export_quietly(filled, tmp_path):
    with subprocess.Popen(command("export"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


def test_a_terminal_sees_how_far_it_has_come(call, filled, monkeypatch):
    monkeypatch.setattr(export.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    called = call("export", "--output", "events.csv")
    assert "Exporting" in called.err
    assert "31 rows" in called.err.split("Wrote")[0]
    assert called.err.endswith("Wrote 31 rows to events.csv.\n")
    assert called.out == ""
