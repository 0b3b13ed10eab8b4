"""Every way in which a question can be wrong gets one shape of answer, which names the field."""

from __future__ import annotations

import re

import pytest
from reading_world import World, event

from aftersend.receiver import v1
from aftersend.vocabulary import Kind

LISTS = ["/v1/sent", "/v1/undelivered", "/v1/activities"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("bad-input"))
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00"))
    return world


NEEDED = {"/v1/contacts": "?contact_id=1", "/v1/campaign": "?campaign_id=1000001"}


def asked_rightly(route) -> str:
    path = route.path.replace("{id}", "00").replace("{campaign_id}", "1000001")
    return path + NEEDED.get(route.path, "")


def everything() -> list[str]:
    """Every report of our own, asked rightly."""
    return [asked_rightly(route) for route in v1.ROUTES]


def test_this_list_of_reports_is_complete(world):
    rules = world.client.application.url_map.iter_rules()
    served = {re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule) for rule in rules if rule.endpoint.startswith("v1./")}
    assert served == {route.path for route in v1.ROUTES}


@pytest.mark.parametrize("path", everything())
def test_every_failure_of_every_report_has_the_one_shape(world, path):
    joint = "&" if "?" in path else "?"
    failures = {
        "no key": world.client.get(path),
        "no scope": world.client.get(path, headers=world.key("contacts:read")),
        "unknown parameter": world.client.get(f"{path}{joint}nonsense=1", headers=world.admin),
        "wrong method": world.client.delete(path, headers=world.admin),
        "below": world.client.get(path.partition("?")[0] + "/below", headers=world.admin),
    }
    assert [answer.status_code for answer in failures.values()] == [401, 403, 400, 405, 404]
    for answer in failures.values():
        assert answer.content_type == "application/json"
        assert set(answer.json) == {"error"}
        assert set(answer.json["error"]) == {"code", "message", "field"}
        assert answer.json["error"]["message"].endswith(".")
    assert failures["unknown parameter"].json["error"]["field"] == "nonsense"
    assert "GET" in failures["wrong method"].headers["Allow"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_index=-1", "page_index"),
        ("page_index=abc", "page_index"),
        ("page_index=1.5", "page_index"),
        ("page_index=null", "page_index"),
        ("page_index=" + "9" * 6000, "page_index"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=%00", "page_size"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=5&page_size=6", "limit"),
        ("campaign_id=", "campaign_id"),
        ("campaign_id=1&campaign_id=2", "campaign_id"),
        ("source=", "source"),
        ("source=acme,", "source"),
        ("from=2025-03-18&from=2025-03-18", "from"),
        ("machine=include&machine=include", "machine"),
        ("from=yesterday", "from"),
        ("from=2025-02-30", "from"),
        ("from=2025-13-01T00:00:00Z", "from"),
        ("from=%F0%9F%98%80", "from"),
        ("to=31/12/2025", "to"),
        ("from=2025-03-19&to=2025-03-18", "from"),
        ("time_zone=Mars/Olympus", "time_zone"),
        ("time_zone=../../etc/passwd", "time_zone"),
        ("time_zone=Europe%00", "time_zone"),
        ("time_zone=Europe", "time_zone"),
        ("machine=maybe", "machine"),
        ("From=2025-03-18", "From"),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_what_cannot_be_understood_is_named(world, path, query, field):
    status, body = world.refused(f"{path}?{query}")
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "bad_request", field)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/undelivered?kind=sent", "kind"),
        ("/v1/activities?kind=nonsense", "kind"),
        ("/v1/activities?kind=opened,", "kind"),
        ("/v1/activities?channel=pigeon", "channel"),
        ("/v1/recent?reader=" + "x" * 101, "reader"),
        ("/v1/recent?reader=", "reader"),
        ("/v1/recent?cursor=x", "cursor"),
        ("/v1/contacts", "contact_id"),
        ("/v1/timeline?unit=year", "unit"),
        ("/v1/timeline?from=0001-01-01&to=0001-01-02&time_zone=Asia/Jerusalem", "from"),
        ("/v1/campaigns?page_index=-1", "page_index"),
        ("/v1/campaigns?order=last", "order"),
        ("/v1/campaigns?order=", "order"),
        ("/v1/campaigns?cursor=x", "cursor"),
        ("/v1/campaign", "campaign_id"),
        ("/v1/campaign?campaign_id=", "campaign_id"),
        ("/v1/campaign?campaign_id=1&campaign_id=1", "campaign_id"),
        ("/v1/campaigns/1000001?campaign_id=1000001", "campaign_id"),
        ("/v1/campaigns/1000001?time_zone=Mars/Olympus", "time_zone"),
        ("/v1/campaigns/1000001?machine=", "machine"),
        ("/v1/campaigns/1000001?from=2025-03-18", "from"),
        ("/v1/dashboard?days=0", "days"),
        ("/v1/dashboard?days=367", "days"),
        ("/v1/dashboard?days=-7", "days"),
        ("/v1/dashboard?days=7.5", "days"),
        ("/v1/dashboard?days=", "days"),
        ("/v1/dashboard?days=%00", "days"),
        ("/v1/dashboard?days=%F0%9F%98%80", "days"),
        ("/v1/dashboard?days=" + "9" * 6000, "days"),
        ("/v1/dashboard?days=7&days=7", "days"),
        ("/v1/dashboard?days=7&from=2025-03-18", "days"),
        ("/v1/dashboard?days=7&to=2025-03-18", "days"),
        ("/v1/dashboard?from=2025-03-19&to=2025-03-18", "from"),
        ("/v1/dashboard?from=1970-01-01&to=2025-03-18", "from"),
        ("/v1/dashboard?from=0002-01-01&to=0003-03-18", "from"),
        ("/v1/dashboard?to=9999-12-31", "to"),
        ("/v1/dashboard?time_zone=", "time_zone"),
        ("/v1/templates?page_size=0", "page_size"),
        ("/v1/templates?template=", "template"),
        ("/v1/templates?from=soon", "from"),
        ("/v1/templates?from=2025-03-19&to=2025-03-18", "from"),
        ("/v1/templates?machine=exclude", "machine"),
    ],
)
def test_what_only_one_report_has_is_named_too(world, path, field):
    status, body = world.refused(path)
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "bad_request", field)


@pytest.mark.parametrize(
    "query",
    [
        "campaign_id=abc",
        "campaign_id=%00",
        "campaign_id=%F0%9F%98%80",
        "campaign_id=%ff%fe",
        "campaign_id=" + "9" * 200,
        "campaign_id=null",
        "campaign_id='%20OR%201=1",
        "contact_id=" + "9" * 3000,
        "email=%22%00%22@example.com",
        "external_id=%E2%80%AE",
        "page_index=1000",
        "page_index=99999999999999999999",
        "from=9999-12-30",
        "to=0001-01-02",
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_what_merely_does_not_exist_is_an_empty_list(world, path, query):
    assert world.get(f"{path}?{query}")["rows"] == []


@pytest.mark.parametrize("name", ["none", "ACME", "%00", "%F0%9F%98%80", "a" * 3000])
def test_an_unknown_source_is_404_everywhere(world, name):
    for route in v1.ROUTES:
        if "source" in {field.encode_name for field in v1.msgspec.structs.fields(route.question)}:
            path = asked_rightly(route)
            status, body = world.refused(f"{path}{'&' if '?' in path else '?'}source={name}")
            assert status == 404
            assert body == {"error": {"code": "not_found", "message": "There is no such source.", "field": "source"}}


def test_the_error_of_a_bad_field_never_repeats_a_long_value(world):
    _, body = world.refused("/v1/activities?kind=" + "x" * 5000)
    assert len(body["error"]["message"]) < 400
