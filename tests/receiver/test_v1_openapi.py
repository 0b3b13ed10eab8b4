"""What describes the API: ``/openapi.json``, ``/docs``, and the page at ``/``."""

from __future__ import annotations

import re

import pytest
from reading_world import World, event

from aftersend.receiver import v1
from aftersend.receiver.dialects import DIALECTS
from aftersend.vocabulary import Kind, now


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def api(world):
    return world.client.get("/openapi.json").json


def test_every_route_that_is_served_for_reading_is_described(world, api):
    rules = {rule.rule for rule in world.client.application.url_map.iter_rules()}
    prefixes = ("/v1", *(dialect.PREFIX for dialect in DIALECTS))
    served = {re.sub(r"<(\w+)>", r"{\1}", rule) for rule in rules if rule.startswith(prefixes)}
    assert served == set(api["paths"])
    assert len(served) == len(v1.ROUTES) + 6


def test_every_parameter_is_described_in_full(api):
    funnel = {p["name"]: p for p in api["paths"]["/v1/funnel"]["get"]["parameters"]}
    assert set(funnel) == {"source", "campaign_id", "from", "to", "time_zone", "machine"}
    machine = funnel["machine"]["schema"]
    assert (sorted(machine["enum"]), machine["default"]) == (["exclude", "include"], "include")
    activities = {p["name"]: p["schema"] for p in api["paths"]["/v1/activities"]["get"]["parameters"]}
    assert activities["page_size"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert activities["page_index"] == {"type": "integer", "minimum": 0, "default": 0}
    assert activities["kind"]["type"] == "array"
    (by_id,) = api["paths"]["/v1/events/{id}"]["get"]["parameters"]
    assert (by_id["name"], by_id["in"], by_id["required"]) == ("id", "path", True)
    for path in api["paths"].values():
        for parameter in path["get"]["parameters"]:
            assert parameter["in"] == "path" or parameter["required"] is False


def test_every_reference_leads_somewhere(api):
    references = set(re.findall(r"#/components/schemas/(\w+)", str(api)))
    assert references == references & set(api["components"]["schemas"])
    assert {"FunnelAnswer", "Row", "Activity", "Error"} <= references


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/v1/funnel", "FunnelAnswer"),
        ("/v1/timeline", "TimelineAnswer"),
        ("/v1/campaigns", "CampaignsAnswer"),
        ("/v1/sources", "SourcesAnswer"),
        ("/v1/activities", "ListAnswer"),
        ("/v1/recent", "RecentAnswer"),
        ("/v1/contacts?contact_id=42", "ContactsAnswer"),
    ],
)
def test_answers_have_exactly_the_keys_that_are_described(world, api, path, schema):
    world.tell(event(Kind.SENT, now() - 60_000))
    answer, schemas = world.get(path), api["components"]["schemas"]
    assert set(answer) == set(schemas[schema]["properties"])
    for row in answer.get("rows", []):
        assert set(row) == set(schemas["Row"]["properties"])


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_need_no_key_and_nothing_from_the_internet(world, path):
    page = world.client.get(path)
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    fetched = re.findall(r"(?:src|href|action)=[\"']([^\"']+)|url\(([^)]+)\)|@import", page.text)
    assert all(address.startswith(("/", "data:")) for address, _ in fetched)


def test_the_dashboard_may_speak_to_nobody_else(world):
    policy = world.client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy


def test_the_pages_hold_no_data(world):
    world.tell(event(Kind.SENT, now() - 60_000, email="dana@example.com"))
    for path in ("/", "/docs", "/openapi.json"):
        text = world.client.get(path).text
        assert "dana@example.com" not in text
        assert "acme" not in text
