"""What describes the API: ``/openapi.json``, ``/docs``, and the page at ``/``."""

from __future__ import annotations

import json
import re

import pytest
from reading_world import World, event

from aftersend.receiver import v1, webhooks
from aftersend.receiver.dialects import DIALECTS
from aftersend.vocabulary import Channel, Kind, now


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def api(world):
    return world.client.get("/openapi.json").json


def operations(api) -> dict[tuple[str, str], dict]:
    return {(method, path): told for path, item in api["paths"].items() for method, told in item.items()}


def test_every_route_that_is_served_is_described_with_its_methods_and_no_other(world, api):
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in world.client.application.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    doors = {(method, path) for path in webhooks.ROUTES for method in ("get", "post")}
    described = operations(api)
    assert served | doors == set(described)
    assert {("get", route.path) for route in v1.ROUTES} < set(described)
    for dialect in DIALECTS:
        assert {("get", endpoint.path) for endpoint in dialect.ENDPOINTS} < set(described)


def test_every_parameter_is_described_in_full(api):
    funnel = {p["name"]: p for p in api["paths"]["/v1/funnel"]["get"]["parameters"]}
    assert set(funnel) == {"source", "campaign_id", "from", "to", "time_zone", "machine"}
    machine = funnel["machine"]["schema"]
    assert (sorted(machine["enum"]), machine["default"]) == (["exclude", "include"], "include")
    activities = {p["name"]: p["schema"] for p in api["paths"]["/v1/activities"]["get"]["parameters"]}
    assert activities["page_size"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert activities["page_index"] == {"type": "integer", "minimum": 0, "default": 0}
    assert activities["kind"] == {"type": "array", "items": {"enum": sorted(Kind)}}
    assert activities["channel"] == {"enum": sorted(Channel), "default": "email"}
    assert activities["cursor"] == {"type": "string"}


def test_what_stands_in_the_path_or_must_be_given_is_required(api):
    (by_id,) = api["paths"]["/v1/events/{id}"]["get"]["parameters"]
    assert (by_id["name"], by_id["in"], by_id["required"]) == ("id", "path", True)
    needed = {p["name"]: (p["in"], p["required"]) for p in api["paths"]["/v1/campaign"]["get"]["parameters"]}
    assert needed["campaign_id"] == ("query", True)
    assert needed["machine"] == ("query", False)
    for (_, path), told in operations(api).items():
        in_path = {p["name"] for p in told["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        names = [p["name"] for p in told["parameters"]]
        assert len(names) == len(set(names))
        assert all(p["required"] for p in told["parameters"] if p["in"] == "path")


def test_every_answer_has_a_description_and_a_body(api):
    for told in operations(api).values():
        assert told["summary"]
        assert "200" in told["responses"]
        for answer in told["responses"].values():
            assert answer["description"]
            assert answer["content"]


def test_every_tag_of_a_route_is_explained_and_used(api):
    used = {tag for told in operations(api).values() for tag in told["tags"]}
    assert used == {tag["name"] for tag in api["tags"]}
    assert all(tag["description"] for tag in api["tags"])


def test_whoever_may_be_asked_to_wait_is_told_for_how_long(api):
    for (_, path), told in operations(api).items():
        for status in {"429", "503"} & set(told["responses"]) - ({"503"} if path == "/readyz" else set()):
            assert told["responses"][status]["headers"]["Retry-After"]["required"] is True
    funnel = api["paths"]["/v1/funnel"]["get"]["responses"]
    assert set(funnel) == {"200", "400", "401", "403", "404", "429", "503"}
    rates = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    assert set(funnel["200"]["headers"]) == rates
    assert set(funnel["429"]["headers"]) == rates | {"Retry-After"}


def test_each_api_names_the_header_its_key_goes_into(api):
    described = operations(api)
    for route in v1.ROUTES:
        assert described["get", route.path]["security"] == [{"key": []}, {"bearer": []}]
    for dialect in DIALECTS:
        for endpoint in dialect.ENDPOINTS:
            assert described["get", endpoint.path]["security"] == [{dialect.SCHEME: []}]
    for path in ("/healthz", "/readyz", "/metrics", "/webhooks/{source}"):
        assert described["get", path]["security"] == []
    assert set(api["components"]["securitySchemes"]) == {"key", "bearer"}


def test_every_reference_leads_somewhere_and_every_schema_is_used(api):
    references = set(re.findall(r"#/components/schemas/([\w.]+)", json.dumps(api)))
    assert references == set(api["components"]["schemas"])
    assert {"FunnelAnswer", "Row", "inwise.Activity", "Error"} <= references


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
        assert list(row) == list(schemas["Row"]["properties"])


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
