"""Exports: whole files, byte for byte, however they are asked for, and what they are when something goes wrong."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tracemalloc
import zlib
from contextlib import closing

import msgspec
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_world import World, at, event
from receivers import Receiver

from aftersend.receiver import walks
from aftersend.receiver.auth import mint
from aftersend.receiver.columns import EVENT, MESSAGE
from aftersend.receiver.export import Exporter, ExportQuestion
from aftersend.receiver.lines import BROKEN_OFF
from aftersend.storage.contract import Filter, LogFilter, Read
from aftersend.vocabulary import (
    BounceClass,
    CampaignInfo,
    Channel,
    Clock,
    Delivery,
    Door,
    Event,
    Kind,
    Machine,
    Precision,
    Reading,
    now,
    slot_key,
)
from aftersend.zones import isoformat

NINE = at("2025-03-18 09:00:00")
MINUTE, DAY = 60_000, 86_400_000
CSV, JSONL = "text/csv; charset=utf-8; header=present", "application/x-ndjson"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def opened(number: int, **more) -> Event:
    """The opening of minute ``number``."""
    return event(Kind.OPENED, NINE + number * MINUTE, row=str(number), **more)


def exported(world: World, headers: dict[str, str] | None = None, **query) -> str:
    """The text of an export that must be whole."""
    answer = world.client.get("/v1/export", query_string=query, headers=world.admin if headers is None else headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def rows(world: World, **query) -> list[dict]:
    """An export's rows, read from JSON Lines."""
    return [json.loads(line) for line in exported(world, format="jsonl", **query).split("\n")[:-1]]


def row_ids(world: World, **query) -> list[int]:
    return [int(row["row_id"]) for row in rows(world, **query)]


def of_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def activities(world: World) -> list[dict]:
    """The same events as the API lists them, oldest first."""
    answer = world.get("/v1/activities", page_size=1000)
    assert answer["next_cursor"] is None
    return answer["rows"][::-1]


# -- what a file looks like --------------------------------------------------------------------------------


def test_a_csv_is_exactly_these_bytes(world):
    world.tell(
        event(
            Kind.CLICKED,
            "2025-03-18 09:00:07",
            row="2",
            email="dana@example.com",
            url='https://www.example.com/"offer",\r\nand so on',
            external_id="=crm-42",
            phone="+972-50-0000000",
            device="desktop",
            machine=Machine.MACHINE,
            machine_reason="prefetch",
            metadata={"group": "500001", "öäü": "€ 😀"},
            clock=Clock.STATED,
            precision=Precision.SECOND,
        ),
        event(Kind.SENT, NINE - 60 * MINUTE + 250, contact="43", campaign=None, row_id=None),
    )
    (sent, clicked) = rows(world)
    answer = world.client.get("/v1/export", headers=world.admin)
    assert answer.data.decode() == (
        "source,id,kind,word,channel,occurred_at,precision,clock,campaign_id,activity_id,template,contact_id,"
        "external_id,email,phone,message_id,url,link_number,ip,ip_chain,user_agent,device,machine,machine_reason,"
        "bounce_class,reason,smtp_code,row_id,doors,metadata\r\n"
        f"acme,{sent['id']},sent,emailSent,email,2025-03-18T08:00:00.250Z,minute,assumed,,,,43,,,,,,,,,,,unknown,,,,,,feed,\r\n"
        f"acme,{clicked['id']},clicked,emailClicked,email,2025-03-18T09:00:07Z,second,stated,1000001,,,42,=crm-42,"
        'dana@example.com,+972-50-0000000,,"https://www.example.com/""offer"",\r\nand so on",,,,,desktop,machine,'
        'prefetch,,,,2,feed,"{""group"":""500001"",""öäü"":""€ 😀""}"\r\n'
    )
    assert answer.headers["Content-Type"] == CSV
    assert re.fullmatch(
        r'attachment; filename="aftersend-events-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"]
    )
    assert "Content-Length" not in answer.headers


def test_json_lines_are_the_rows_of_the_api_oldest_first(world):
    world.tell(opened(2, metadata={"a": "b"}), opened(1, ip="192.0.2.1"), opened(3, reason="x\ny\x00\x85😀"))
    world.tell(event(Kind.SENT, NINE, source="beta", row="9"), source="beta", door=Door.WEBHOOK)
    answer = world.client.get("/v1/export?format=jsonl", headers=world.admin)
    assert [json.loads(line) for line in answer.text.split("\n")[:-1]] == activities(world)
    assert [list(row) for row in rows(world)] == [list(EVENT)] * 4
    assert answer.headers["Content-Type"] == JSONL
    assert answer.headers["Content-Disposition"].endswith('.jsonl"')


def test_both_formats_have_the_same_cells(world):
    world.tell(
        *(opened(number, reason=reason) for number, reason in enumerate(["", '"', ",", "a\r\nb", "\x00", "😀", " "]))
    )
    world.tell(opened(5, reason='",\n'), door=Door.WEBHOOK)
    table = of_csv(exported(world))
    assert [{**row, "doors": row["doors"].split(), "metadata": {}} for row in table] == [
        {name: "" if cell is None else cell for name, cell in row.items()} for row in rows(world)
    ]


def test_an_empty_export_is_a_header_or_nothing(world):
    assert exported(world) == ",".join(EVENT) + "\r\n"
    assert exported(world, what="messages") == ",".join(MESSAGE) + "\r\n"
    assert exported(world, format="jsonl") == ""


def test_columns_are_those_asked_for_in_that_order(world):
    world.tell(opened(1, email="dana@example.com"))
    assert exported(world, columns="occurred_at,email") == (
        "occurred_at,email\r\n2025-03-18T09:01:00Z,dana@example.com\r\n"
    )
    assert exported(world, columns="email") == "email\r\ndana@example.com\r\n"
    assert exported(world, columns="url") == 'url\r\n""\r\n', "a line of nothing would be no line"
    assert exported(world, columns=["kind", "doors"], format="jsonl") == '{"kind":"opened","doors":["feed"]}\n'
    assert exported(world, what="messages", columns="opened,sent,sent_first_at,status") == (
        "opened,sent,sent_first_at,status\r\n1,0,,opened\r\n"
    )


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x","y")'])
def test_formulas_are_only_touched_where_that_is_asked_for(world, formula):
    world.tell(opened(1, reason=formula, url="a=b"))
    for asked, cell in (("raw", formula), ("safe", f"'{formula}")):
        (row,) = of_csv(exported(world, formulas=asked, columns="reason,url"))
        assert row == {"reason": cell, "url": "a=b"}
    (row,) = rows(world, formulas="safe")
    assert row["reason"] == formula, "JSON Lines are never changed"
    (row,) = of_csv(exported(world))
    assert row["reason"] == formula, "nothing is changed unasked"


@given(
    texts=st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip),
        max_size=6,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_both_formats(tmp_path_factory, texts):
    world = World(tmp_path_factory.mktemp("world"))
    with closing(world.store):
        world.tell(*(opened(number, reason=text) for number, text in enumerate(texts)))
        assert [row["reason"] for row in of_csv(exported(world))] == texts
        assert [row["reason"] for row in rows(world)] == texts
        safe = [row["reason"] for row in of_csv(exported(world, formulas="safe"))]
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in safe)
        assert [cell.removeprefix("'") for cell in safe] == [text.removeprefix("'") for text in texts]


# -- messages ----------------------------------------------------------------------------------------------


def test_a_message_has_all_that_happened_to_it(world):
    info = CampaignInfo(campaign_id="1000001", subject="Hello", template="welcome")
    delivery = Delivery(id=900, source="acme", door=Door.FEED, received_at=now(), body=b"")
    world.store.apply([Read(delivery, Reading(campaigns=[info]))])
    world.tell(
        event(Kind.SENT, NINE, row="1", email="dana@example.com", external_id="crm-42", message_id="0a1b"),
        event(Kind.OPENED, NINE + MINUTE, row="2"),
        event(Kind.OPENED, NINE + 9 * MINUTE, row="3"),
        event(Kind.SENT, NINE - DAY, contact="43", row="4"),
        event(Kind.BOUNCED, NINE - DAY + MINUTE, contact="43", row="5", bounce_class=BounceClass.HARD),
        event(Kind.UNSUBSCRIBED, NINE, contact="44", campaign=None, row="6"),
    )
    bounced, read = rows(world, what="messages")
    blank = {name: 0 if name in set(Kind) else None for name in MESSAGE}
    template = read["template"]
    assert read == {
        **blank,
        "source": "acme",
        "campaign_id": "1000001",
        "message_id": "0a1b",
        "contact_id": "42",
        "external_id": "crm-42",
        "email": "dana@example.com",
        "channel": "email",
        "template": template,
        "subject": "Hello",
        "created_at": "2025-03-18T09:00:00Z",
        "status": "opened",
        "sent": 1,
        "sent_first_at": "2025-03-18T09:00:00Z",
        "sent_last_at": "2025-03-18T09:00:00Z",
        "opened": 2,
        "opened_first_at": "2025-03-18T09:01:00Z",
        "opened_last_at": "2025-03-18T09:09:00Z",
    }
    assert bounced == {
        **blank,
        "source": "acme",
        "campaign_id": "1000001",
        "contact_id": "43",
        "channel": "email",
        "template": template,
        "subject": "Hello",
        "created_at": "2025-03-17T09:00:00Z",
        "status": "bounced",
        "bounce": "hard",
        "sent": 1,
        "sent_first_at": "2025-03-17T09:00:00Z",
        "sent_last_at": "2025-03-17T09:00:00Z",
        "bounced": 1,
        "bounced_first_at": "2025-03-17T09:01:00Z",
        "bounced_last_at": "2025-03-17T09:01:00Z",
    }
    table = of_csv(exported(world, what="messages"))
    assert table == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in (bounced, read)]


def test_messages_are_narrowed_by_creation_and_by_what_happened(world):
    for number in range(4):
        contact = str(number)
        world.tell(event(Kind.SENT, NINE + number * DAY, contact, row=f"1{number}", message_id=f"m{number}"))
    world.tell(
        event(Kind.OPENED, NINE + 5 * DAY, "1", row="21"),
        event(Kind.CLICKED, NINE + 5 * DAY, "2", row="22"),
        event(Kind.BOUNCED, NINE + 5 * DAY, "3", row="23", email="Dana@Example.com"),
    )

    def contacts(**query) -> list[str]:
        return [row["contact_id"] for row in rows(world, what="messages", **query)]

    assert contacts() == ["0", "1", "2", "3"]
    assert contacts(**{"from": "2025-03-19", "to": "2025-03-20"}) == ["1", "2"]
    assert contacts(kind="opened") == ["1"]
    assert contacts(kind="opened,clicked") == ["1", "2"]
    assert contacts(kind=["opened", "bounced"]) == ["1", "3"]
    assert contacts(message_id="m2") == ["2"]
    assert contacts(contact_id="0") == ["0"]
    assert contacts(email="dana@EXAMPLE.com") == ["3"]
    assert contacts(email="nobody@example.com") == []
    assert contacts(campaign_id="1000001", source="acme") == ["0", "1", "2", "3"]
    assert contacts(campaign_id="1000002") == contacts(source="beta") == []


def test_messages_of_one_person_who_is_written_in_two_ways_are_together_in_order(world):
    world.tell(
        *(
            event(Kind.SENT, NINE + number * MINUTE, contact, campaign=str(number), row=str(number), email=email)
            for number, (contact, email) in enumerate(
                [
                    ("1", "dana@example.com"),
                    ("2", "Dana@example.com"),
                    ("1", "dana@example.com"),
                    ("3", "x@example.com"),
                ]
            )
        )
    )
    assert [row["campaign_id"] for row in rows(world, what="messages", email="DANA@example.com")] == ["0", "1", "2"]


# -- which rows --------------------------------------------------------------------------------------------


def test_every_filter_of_the_api_narrows_an_export(world):
    world.tell(
        opened(1, external_id="crm-42", email="Dana@example.com", message_id="m1"),
        opened(2, contact="a/b+c%d", machine=Machine.MACHINE),
        opened(3, campaign="1000002"),
        event(Kind.CLICKED, NINE + 4 * MINUTE, row="4"),
        event(Kind.SENT, NINE + 5 * MINUTE, row="5", channel=Channel.SMS),
    )
    world.tell(event(Kind.OPENED, NINE + DAY, row="6", source="beta"), source="beta")
    assert row_ids(world) == [1, 2, 3, 4, 6]
    assert row_ids(world, source="beta") == [6]
    assert row_ids(world, source="acme,beta", kind="opened") == [1, 2, 3, 6]
    assert row_ids(world, source=["acme", "beta"]) == [1, 2, 3, 4, 6]
    assert row_ids(world, campaign_id="1000002") == [3]
    assert row_ids(world, kind=["clicked", "sent"]) == [4]
    assert row_ids(world, channel="sms") == [5]
    assert row_ids(world, contact_id="a/b+c%d") == [2]
    assert row_ids(world, external_id="crm-42", source="acme") == row_ids(world, contact_id="42", source="acme")
    assert row_ids(world, message_id="m1") == [1]
    assert row_ids(world, machine="exclude") == [1, 3, 4, 6]
    assert row_ids(world, **{"from": "2025-03-19"}) == [6]
    assert row_ids(world, to="2025-03-18") == [1, 2, 3, 4]
    assert row_ids(world, **{"from": "2025-03-18T09:02:00Z", "to": "2025-03-18T09:04:00Z"}) == [2, 3]
    # The 18th ends at 10:00Z on Kiritimati; in Kathmandu 14:47 is 09:02Z.
    assert row_ids(world, to="2025-03-17", time_zone="Pacific/Kiritimati") == []
    assert row_ids(world, to="2025-03-18", time_zone="Pacific/Kiritimati") == [1, 2, 3, 4]
    assert row_ids(world, **{"from": "2025-03-18T14:47:00", "time_zone": "Asia/Kathmandu"}) == [2, 3, 4, 6]
    assert row_ids(world, campaign_id="nothing") == []


def test_the_order_is_by_time_then_id_over_sources_and_kinds(world):
    for source in ("beta", "acme"):
        world.tell(
            *(
                event(kind, NINE + minute * MINUTE, contact, source=source, row=f"{minute}{contact}")
                for minute in (3, 1, 2)
                for kind in (Kind.OPENED, Kind.CLICKED)
                for contact in "12"
            ),
            source=source,
        )
    listed = rows(world)
    assert listed == activities(world)
    assert listed == sorted(listed, key=lambda row: (row["occurred_at"], row["id"]))
    assert len(listed) == 24


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(walks, "PAGE", 4)


@given(minutes=st.lists(st.one_of(st.integers(0, 3), st.integers(0, 3000), st.integers(0, 3_000_000)), max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_lies_close_or_far_apart_is_there_once_and_in_order(tmp_path_factory, small_pages, minutes):
    world = World(tmp_path_factory.mktemp("world"))
    told = [event(Kind.OPENED, NINE + minute * MINUTE, row=str(row)) for row, minute in enumerate(minutes)]
    told += [event(Kind.SENT, NINE + minute * MINUTE, f"c{row}", row=f"9{row}") for row, minute in enumerate(minutes)]
    with closing(world.store):
        world.tell(*told)
        found = world.store.events(Filter(), "oldest", limit=1000)
        assert [row["id"] for row in rows(world)] == [row.id for row in found]
        assert len(found) == len(told)
        logged = world.store.log(LogFilter(), descending=False, limit=1000)
        pages = list(walks.messages(world.store, [LogFilter()]))
        assert [row.number for page in pages for row in page] == [row.number for row in logged]
        assert all(0 < len(page) <= walks.PAGE for page in pages)


def walking(world: World) -> tuple[Exporter, ExportQuestion]:
    return Exporter(world.store, world.settings), ExportQuestion(format="jsonl", columns=("row_id",))


def test_rows_that_arrive_meanwhile_double_and_lose_nothing(world, small_pages):
    world.tell(*(opened(number) for number in range(0, 60, 3)))
    exporter, question = walking(world)
    got: list[int] = []
    for number, piece in enumerate(exporter.export(question)):
        got += [int(json.loads(line)["row_id"]) for line in piece.splitlines()]
        # Before, at, just behind and far behind where the export is.
        world.tell(opened(number * 3 + 1), opened(100 + number), opened(-1 - number))
    assert got == sorted(set(got))
    assert set(range(0, 60, 3)) <= set(got)
    assert max(got) <= 57, "it ends where the list ended when it began"


def test_an_event_whose_time_becomes_more_precise_meanwhile_is_there_once(world, small_pages):
    world.tell(*(opened(number) for number in range(20)))
    exporter, question = walking(world)
    got: list[int] = []
    for piece in exporter.export(question):
        got += [int(json.loads(line)["row_id"]) for line in piece.splitlines()]
        last = opened(got[-1])
        precise = {"occurred_at": last.occurred_at + 59_000, "precision": Precision.SECOND, "clock": Clock.STATED}
        told = {name: getattr(last, name) for name in last.__struct_fields__} | precise | {"list": "", "row": ""}
        world.tell(Event(**told), door=Door.WEBHOOK)
    moved = [row for row in world.store.events(Filter(), "oldest", limit=100) if row.occurred_at % MINUTE]
    assert moved, "the webhook's time counts"
    assert got == list(range(20))


# -- how it is asked for -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, CSV),
        ("*/*", CSV),
        ("text/csv", CSV),
        ("application/x-ndjson", JSONL),
        ("application/jsonl", JSONL),
        ("text/csv;q=0.5, application/x-ndjson", JSONL),
        ("application/x-ndjson;q=0.1, text/*", CSV),
        ("application/json", CSV),
        ("not a type, at all;;;", CSV),
    ],
)
def test_accept_chooses_the_format(world, accept, media):
    headers = world.admin if accept is None else {**world.admin, "Accept": accept}
    assert world.client.get("/v1/export", headers=headers).headers["Content-Type"] == media


def test_format_outdoes_accept(world):
    answer = world.client.get("/v1/export?format=csv", headers={**world.admin, "Accept": "application/x-ndjson"})
    assert answer.headers["Content-Type"] == CSV


def test_a_client_that_reads_gzip_gets_it_and_every_piece_at_once(world):
    world.tell(*(opened(number) for number in range(10)))
    plain = exported(world)
    answer = world.client.get("/v1/export", headers={**world.admin, "Accept-Encoding": "gzip"}, buffered=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    pieces = list(answer.iter_encoded())
    assert gzip.decompress(b"".join(pieces)).decode() == plain
    unzip = zlib.decompressobj(31)
    assert unzip.decompress(pieces[0]).decode() == plain.splitlines(keepends=True)[0], "the header at once"
    for refused in ("identity", "gzip;q=0", "br"):
        answer = world.client.get("/v1/export", headers={**world.admin, "Accept-Encoding": refused})
        assert "Content-Encoding" not in answer.headers
        assert answer.text == plain


def test_head_says_the_same_and_reads_nothing(world, monkeypatch):
    world.tell(opened(1))
    asked = []
    monkeypatch.setattr(walks, "events", lambda *_: asked.append(1) or iter(()))
    head = world.client.head("/v1/export?format=jsonl", headers=world.admin)
    get = world.client.get("/v1/export?format=jsonl", headers=world.admin)
    assert (head.status_code, head.data) == (200, b"")
    assert {**head.headers, "X-RateLimit-Remaining": ""} == {**get.headers, "X-RateLimit-Remaining": ""}
    assert asked == [1], "only the GET walked"


def test_a_key_for_reports_alone_opens_no_addresses(world):
    for scopes, status in (
        (("reports:read", "contacts:read"), 200),
        (("admin",), 200),
        (("reports:read",), 403),
        (("contacts:read",), 403),
    ):
        assert world.client.get("/v1/export", headers=world.key(*scopes)).status_code == status
    assert world.refused("/v1/export", {})[0] == 401
    assert world.refused("/v1/export", {"X-API-Key": "as_unknown"})[0] == 401
    expired = world.key("admin", expires_at=now() - 1)
    assert world.refused("/v1/export", expired)[0] == 401
    _, body = world.refused("/v1/export", world.key("reports:read"))
    assert body["error"]["code"] == "forbidden"


def test_a_key_of_one_source_does_not_learn_of_others(world):
    world.tell(opened(1))
    world.tell(event(Kind.OPENED, NINE, row="2", source="beta"), source="beta")
    key = world.key("reports:read", "contacts:read", sources=("beta",))
    assert [row["row_id"] for row in of_csv(exported(world, key))] == ["2"]
    assert [row["row_id"] for row in of_csv(exported(world, key, source="beta"))] == ["2"]
    for what in ("events", "messages"):
        foreign = world.refused(f"/v1/export?what={what}&source=acme", key)
        assert foreign == world.refused(f"/v1/export?what={what}&source=nosuch", key)
        assert foreign == (
            404,
            {"error": {"code": "not_found", "message": "There is no such source.", "field": "source"}},
        )
        assert of_csv(exported(world, key, what=what, email="dana@example.com")) == []
    assert of_csv(exported(world, key, campaign_id="1000001", contact_id="42", what="messages"))[0]["source"] == "beta"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("what=", "what"),
        ("what=contacts", "what"),
        ("what=events&what=events", "what"),
        ("format=xml", "format"),
        ("format=", "format"),
        ("format=csv&format=jsonl", "format"),
        ("formulas=maybe", "formulas"),
        ("columns=", "columns"),
        ("columns=id,,kind", "columns"),
        ("columns=nosuch", "columns"),
        ("columns=sent", "columns"),
        ("columns=id,id", "columns"),
        ("columns=id&columns=id", "columns"),
        ("columns=received_at", "columns"),
        ("columns=number", "columns"),
        ("columns=__class__", "columns"),
        ("columns=%00😀", "columns"),
        ("what=messages&columns=occurred_at", "columns"),
        ("what=messages&channel=sms", "channel"),
        ("what=messages&machine=exclude", "machine"),
        ("kind=sneezed", "kind"),
        ("kind=", "kind"),
        ("channel=pigeon", "channel"),
        ("channel=email,sms", "channel"),
        ("machine=maybe", "machine"),
        ("from=soon", "from"),
        ("from=2025-13-01", "from"),
        ("from=9999999999999999", "from"),
        ("to=%00", "to"),
        ("from=2025-03-02&to=2025-03-01", "from"),
        ("time_zone=Mars/Olympus", "time_zone"),
        ("time_zone=", "time_zone"),
        ("campaign_id=", "campaign_id"),
        ("campaign_id=1&campaign_id=2", "campaign_id"),
        ("contact_id=", "contact_id"),
        ("email=", "email"),
        ("page_size=10", "page_size"),
        ("limit=10", "limit"),
        ("cursor=abc", "cursor"),
        ("nosuch=1", "nosuch"),
    ],
)
def test_bad_input_is_refused_by_name_before_anything_is_written(world, query, field):
    status, body = world.refused(f"/v1/export?{query}")
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "bad_request", field)


@pytest.mark.parametrize("value", ["\x00", "😀", "a/b+c%d", "'; DROP TABLE events", "-1", "9" * 400, "=1"])
@pytest.mark.parametrize("name", ["campaign_id", "contact_id", "external_id", "email", "message_id"])
@pytest.mark.parametrize("what", ["events", "messages"])
def test_an_id_may_be_anything_and_is_then_just_unknown(world, what, name, value):
    world.tell(opened(1))
    assert of_csv(exported(world, what=what, **{name: value})) == []


def test_another_method_is_not_answered(world):
    answer = world.client.post("/v1/export", headers=world.admin)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


# -- when something goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_failure_in_the_middle_never_looks_like_a_complete_file(world, small_pages, form, encoding):
    world.tell(*(opened(number) for number in range(12)))
    with world.store._events.write() as c:
        c.execute("UPDATE events SET metadata = '{' WHERE at = ?", (NINE + 9 * MINUTE,))
    answer = world.client.get(
        f"/v1/export?format={form}", headers={**world.admin, "Accept-Encoding": encoding}, buffered=False
    )
    assert answer.status_code == 200
    pieces = []
    stream = answer.iter_encoded()
    with pytest.raises(msgspec.DecodeError):
        pieces += iter(lambda: next(stream), None)
    data = b"".join(pieces)
    if encoding == "gzip":
        with pytest.raises(EOFError):
            gzip.decompress(data)
        data = zlib.decompressobj(31).decompress(data)
    text = data.decode()
    *before, last = text.splitlines()
    assert BROKEN_OFF in last
    whole = exported(world, format=form, to="2025-03-18T09:09:00Z").splitlines()
    assert before == whole[: len(before)]
    assert len(before) > 4
    if form == "csv":
        with pytest.raises(csv.Error, match="unexpected end of data"):
            of_csv(text)
    else:
        with pytest.raises(json.JSONDecodeError):
            json.loads(text.splitlines()[-1])


def test_an_export_says_up_to_when_everything_is_in_it(world):
    assert "X-As-Of" not in world.client.get("/v1/export", headers=world.admin).headers
    world.store.append([Delivery(source="acme", door=Door.FEED, received_at=NINE, body=b"", feed="activities")])
    world.store.work_off(lambda _: Reading([opened(1)]))
    answer = world.client.get("/v1/export", headers=world.admin)
    assert answer.headers["X-As-Of"] == "2025-03-18T09:00:00Z" == world.get("/v1/funnel")["as_of"]
    assert "X-Complete-Until" not in answer.headers


def test_a_store_that_cannot_be_read_is_an_error_before_the_first_byte(world, tmp_path):
    with world.store._events.write() as c:
        c.execute("DROP TABLE state")
    status, body = world.refused("/v1/export")
    assert (status, body["error"]["code"]) == (500, "internal_error")


def second_by_second(count: int, reason: str | None = None) -> list[Event]:
    """An opening every second."""
    return [
        Event(
            slot=slot_key(NINE + number * 1000, "acme", Kind.OPENED, str(number)),
            kind=Kind.OPENED,
            word="emailOpened",
            occurred_at=NINE + number * 1000,
            campaign_id="1",
            contact_id=str(number % 500),
            reason=reason,
        )
        for number in range(count)
    ]


def test_memory_does_not_grow_with_the_length(world, monkeypatch):
    monkeypatch.setattr(walks, "PAGE", 100)
    world.tell(*second_by_second(12_000))

    def peak(to: str) -> int:
        export = Exporter(world.store, world.settings).export(ExportQuestion(to=to))
        for _ in export:  # once without looking, so that every cache is warm
            pass
        tracemalloc.start()
        export = Exporter(world.store, world.settings).export(ExportQuestion(to=to))
        length = sum(len(piece) for piece in export)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert length > export.rows * 100
        return most

    short, long = peak("2025-03-18T09:20:00Z"), peak("2025-03-19")
    assert long < short * 1.3


@pytest.mark.processes
def test_a_real_server_streams_ends_when_the_client_leaves_and_breaks_off_what_fails(tmp_path):
    with Receiver(tmp_path) as receiver:
        key = {"X-API-Key": mint(receiver.store, "a test", ("admin",))[1]}
        delivery = Delivery(id=1, source="acme", door=Door.FEED, received_at=now(), body=b"")
        told = second_by_second(20_000, "x" * 500)
        receiver.store.apply([Read(delivery, Reading(told))])
        url = f"{receiver.url}/v1/export"
        for _ in range(40):  # more than the server has threads
            with requests.get(url, headers=key, stream=True, timeout=30) as answer:
                assert next(answer.iter_content(100))
        whole = requests.get(url, headers=key, timeout=60)
        assert whole.headers["Transfer-Encoding"] == "chunked"
        assert [row["occurred_at"] for row in of_csv(whole.text)] == [isoformat(event.occurred_at) for event in told]
        head = requests.head(url, headers=key, timeout=10)
        assert (head.status_code, head.content) == (200, b"")
        with receiver.store._events.write() as c:
            c.execute("UPDATE events SET metadata = '{' WHERE at = ?", (told[15_000].occurred_at,))
        broken = requests.get(url, headers={**key, "Accept-Encoding": "identity"}, timeout=60).text
        assert broken.splitlines()[-1] == f'"{BROKEN_OFF}'
        with pytest.raises(csv.Error):
            of_csv(broken)
