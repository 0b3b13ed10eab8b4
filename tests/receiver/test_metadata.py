"""``POST /v1/campaigns`` and ``POST /v1/contacts``: what is told reaches the reports by the way of everything else."""

from __future__ import annotations

import json

import pytest
from reading_world import World, event

from aftersend.providers import told
from aftersend.receiver import metadata
from aftersend.receiver.auth import digest
from aftersend.settings import Source
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Door, Kind, now
from aftersend.worker.normalizer import drain

CAMPAIGN = {
    "source": "acme",
    "campaign_id": "1000001",
    "name": "Spring offers",
    "status": "Sent",
    "type": "Newsletter",
    "subject": "Ten ideas for spring",
    "template": "spring-2025",
    "created_at": "2025-03-17T08:00:00Z",
    "scheduled_at": "2025-03-18",
}
CONTACT = {
    "source": "acme",
    "contact_id": "42",
    "external_id": "crm-0042",
    "email": "dana@example.com",
    "phone": "+15550100",
    "first_name": "Dana",
    "last_name": "Levi",
    "deleted_at": "2025-04-01T10:00:00+02:00",
}
PATHS = {told.CAMPAIGNS: CAMPAIGN, told.CONTACTS: CONTACT}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def post(world: World, path: str, body, headers=None, **more):
    """``body`` is sent as it is where it is bytes, else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = world.admin if headers is None else headers
    return world.client.post(path, data=data, headers=given, content_type="application/json", **more)


def accepted(world: World, path: str, body, headers=None) -> int:
    answer = post(world, path, body, headers)
    assert answer.status_code == 200, answer.text
    assert (answer.content_type, list(answer.json)) == ("application/json", ["accepted"])
    return answer.json["accepted"]


def refused(world: World, path: str, body, headers=None) -> tuple[int, str, str | None]:
    """Status, message and field of a refusal, after which nothing was taken in."""
    answer = post(world, path, body, headers)
    assert list(answer.json) == ["error"], answer.text
    assert world.store.backlog().deliveries == 0
    return answer.status_code, answer.json["error"]["message"], answer.json["error"]["field"]


def without(item: dict, *names: str) -> dict:
    return {name: value for name, value in item.items() if name not in names}


# -- what is told reaches the reports ------------------------------------------------------------------


def test_a_campaign_that_is_told_of_is_named_in_the_reports(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00"))
    assert accepted(world, told.CAMPAIGNS, CAMPAIGN) == 1
    drain(world.store, world.settings)
    (found,) = world.get("/v1/campaigns")["campaigns"]
    assert {name: found[name] for name in CAMPAIGN} == {**CAMPAIGN, "scheduled_at": "2025-03-18T00:00:00Z"}
    assert found["counts"]["sent"] == {"total": 1, "unique": 1}
    assert world.store.quarantined() == 0


def test_a_contact_that_is_told_of_is_named_in_the_reports(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00"))
    assert accepted(world, told.CONTACTS, CONTACT) == 1
    drain(world.store, world.settings)
    for asked in ({"contact_id": "42"}, {"external_id": "crm-0042"}, {"email": "Dana@example.com"}):
        (found,) = world.get("/v1/contacts", **asked)["contacts"]
        assert {name: found[name] for name in CONTACT} == {**CONTACT, "deleted_at": "2025-04-01T08:00:00Z"}


def test_what_nothing_happened_to_is_known_by_name(world):
    accepted(world, told.CAMPAIGNS, {"source": "beta", "campaign_id": "a/b+c%2F📬"})
    accepted(world, told.CONTACTS, {"source": "beta", "external_id": "crm/1+%"})
    drain(world.store, world.settings)
    (found,) = world.get("/v1/campaigns")["campaigns"]
    assert (found["source"], found["campaign_id"], found["name"], found["first_at"]) == (
        "beta",
        "a/b+c%2F📬",
        None,
        None,
    )
    (contact,) = world.get("/v1/contacts", external_id="crm/1+%")["contacts"]
    assert (contact["source"], contact["contact_id"], contact["first_at"]) == ("beta", None, None)


def test_of_each_field_what_was_told_last_stands(world):
    accepted(world, told.CAMPAIGNS, CAMPAIGN)
    accepted(world, told.CAMPAIGNS, {"source": "acme", "campaign_id": "1000001", "name": "Autumn", "subject": None})
    drain(world.store, world.settings)
    (found,) = world.get("/v1/campaigns")["campaigns"]
    assert (found["name"], found["subject"]) == ("Autumn", "Ten ideas for spring")


def test_a_list_is_one_delivery_for_each_source_and_the_answer_comes_when_it_is_stored(world):
    before = now()
    items = [{"source": name, "campaign_id": str(n)} for n, name in enumerate(("acme", "beta", "acme"))]
    assert accepted(world, told.CAMPAIGNS, items) == 3
    stored = list(world.store.deliveries(1))
    assert [(d.source, d.door, d.feed, d.context, d.content_type) for d in stored] == [
        (name, Door.WEBHOOK, "", {"path": "/v1/campaigns"}, "application/json") for name in ("acme", "beta")
    ]
    assert [[item["campaign_id"] for item in json.loads(d.body)] for d in stored] == [["0", "2"], ["1"]]
    assert len({d.received_at for d in stored}) == 1
    assert before <= stored[0].received_at <= now()
    assert world.store.backlog().deliveries == 2


def test_texts_are_trimmed(world):
    accepted(world, told.CAMPAIGNS, {"source": "acme", "campaign_id": " 7 ", "name": "\tSpring\n"})
    accepted(world, told.CONTACTS, {"source": "acme", "email": " dana@example.com "})
    drain(world.store, world.settings)
    (found,) = world.get("/v1/campaigns")["campaigns"]
    assert (found["campaign_id"], found["name"]) == ("7", "Spring")
    (contact,) = world.get("/v1/contacts", email="dana@example.com")["contacts"]
    assert contact["email"] == "dana@example.com"


def test_a_thousand_items_are_taken_and_one_more_is_too_many(world):
    items = [{"source": "acme", "campaign_id": str(n)} for n in range(metadata.MOST + 1)]
    too_many = (400, "Give 1 to 1000 items; here are 1001.", "body")
    assert refused(world, told.CAMPAIGNS, items) == too_many
    assert accepted(world, told.CAMPAIGNS, items[:-1]) == metadata.MOST == 1000


def test_the_way_to_the_reports_needs_no_configured_provider(world):
    """A source may leave the configuration between the answer and the normalizer."""
    accepted(world, told.CAMPAIGNS, CAMPAIGN)
    world.settings.sources.remove(next(s for s in world.settings.sources if s.name == "acme"))
    drain(world.store, world.settings)
    assert world.store.quarantined() == 0
    assert [row.name for row in world.store.campaigns(Filter(sources=("acme",)))] == ["Spring offers"]


# -- bodies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[{]", b"name=x", b"\xff\xfe", b'{"source":"\xff"}', b'"\\ud800"', b"[" * 100_000, b"[1e999]", b"\0"],
)
def test_a_body_that_is_not_json_is_refused(world, path, body):
    assert refused(world, path, body) == (400, "The body is not JSON.", "body")


@pytest.mark.parametrize("path", PATHS)
def test_items_must_be_objects_and_at_least_one(world, path):
    assert refused(world, path, []) == (400, "Give 1 to 1000 items; here are 0.", "body")
    for body, word in ((None, "null"), (True, "bool"), (7, "int"), (0.5, "float"), ("x", "str"), ([[]], "array")):
        assert refused(world, path, body) == (400, f"Item 0: Expected `object`, got `{word}`.".replace("`", ""), "body")


@pytest.mark.parametrize("path", PATHS)
def test_every_text_is_checked_by_its_name_and_place(world, path):
    right = PATHS[path]
    for name in right:
        for value, said in (
            (7, "Expected str"),
            (True, "Expected str"),
            ([], "Expected str"),
            ({}, "Expected str"),
            ("x" * 2001, "Expected str"),
        ):
            status, message, field = refused(world, path, [right, {**right, name: value}])
            assert (status, field) == (400, name), (name, value)
            assert message.startswith(f"Item 1: {said}"), message
            assert f"$.{name}" in message
            assert len(message) < 300


@pytest.mark.parametrize("path", PATHS)
def test_a_text_must_not_be_blank(world, path):
    right = PATHS[path]
    for name in right:
        for value in ("", "   ", "\n\t"):
            status, _, field = refused(world, path, {**right, name: value})
            assert (status, field) == (400, name), (name, value)


def test_a_field_that_is_unknown_or_missing_is_named(world):
    for path, right in PATHS.items():
        for name in ("colour", "📬", "Source", "campaign-id"):
            status, message, field = refused(world, path, [right, right, {**right, name: "x"}])
            assert (status, message, field) == (400, f"Item 2: Object contains unknown field {name}.", name)
    for path, needed in ((told.CAMPAIGNS, ("source", "campaign_id")), (told.CONTACTS, ("source",))):
        for name in needed:
            status, message, field = refused(world, path, without(PATHS[path], name))
            assert (status, message, field) == (400, f"Item 0: Object missing required field {name}.", name)
    assert refused(world, told.CAMPAIGNS, {**CAMPAIGN, "campaign_id": None})[2] == "campaign_id"


def test_a_contact_needs_one_of_its_four_ids(world):
    ids = ("contact_id", "external_id", "email", "phone")
    said = "Item 0: A contact needs 'contact_id', 'external_id', 'email' or 'phone'."
    assert refused(world, told.CONTACTS, without(CONTACT, *ids)) == (400, said, "contact_id")
    assert refused(world, told.CONTACTS, {**CONTACT, **dict.fromkeys(ids)}) == (400, said, "contact_id")
    for n, name in enumerate(ids):
        accepted(world, told.CONTACTS, {"source": "acme", name: f"given-{n}"})


@pytest.mark.parametrize(
    ("path", "name"),
    [(told.CAMPAIGNS, "created_at"), (told.CAMPAIGNS, "scheduled_at"), (told.CONTACTS, "deleted_at")],
)
def test_a_time_must_be_one_that_can_be_told_and_shown(world, path, name):
    for value in ("2025-02-30", "2025-03-18T25:00", "18.03.2025 10:00", "1742292000", "2025-03-18\0", "tomorrow, noon"):
        status, message, field = refused(world, path, [{**PATHS[path], name: value}])
        assert (status, field) == (400, name), value
        assert message.startswith("Item 0: ")
    years = f"Item 0: '{name}' must lie between the years 1970 and 9999."
    for value in ("0001-01-01", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"):
        assert refused(world, path, {**PATHS[path], name: value}) == (400, years, name)
    for value in ("1970-01-01", "9999-12-31T23:59:59Z", "2025-03-18T10:00:00.123+05:45"):
        accepted(world, path, {**PATHS[path], name: value})
    drain(world.store, world.settings)
    assert world.store.quarantined() == 0
    for answer in ("/v1/campaigns", "/v1/contacts?contact_id=42", "/api/public/v1/analytics/campaigns"):
        assert world.client.get(answer, headers=world.admin).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_all_or_none_of_a_request_is_taken(world, path):
    right = PATHS[path]
    for bad in ({**right, "colour": "x"}, {**right, "source": "gone"}, 7):
        for items in ([bad, right], [right, bad], [right, bad, right]):
            assert refused(world, path, items)[0] in (400, 404)
    assert list(world.store.deliveries(1)) == []


def test_a_body_beyond_the_limit_is_too_large(world):
    answer = post(world, told.CAMPAIGNS, b" " * (world.settings.server.max_body_bytes + 1))
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")
    assert world.store.backlog().deliveries == 0


def test_what_is_nul_or_emoji_is_text_like_any_other(world):
    accepted(world, told.CAMPAIGNS, {"source": "acme", "campaign_id": "a\0b", "name": "📬\0"})
    drain(world.store, world.settings)
    (found,) = world.get("/v1/campaigns")["campaigns"]
    assert (found["campaign_id"], found["name"]) == ("a\0b", "📬\0")


# -- keys and sources ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_only_an_admin_may_tell(world, path):
    right = PATHS[path]
    assert refused(world, path, right, {})[0] == 401
    assert refused(world, path, right, {"X-API-Key": "wrong"})[0] == 401
    assert refused(world, path, right, world.key("admin", expires_at=now() - 1))[0] == 401
    for scopes in (("reports:read",), ("reports:read", "contacts:read")):
        status, message, _ = refused(world, path, right, world.key(*scopes))
        assert (status, message) == (403, "This API key lacks the scope admin.")
    key = world.key("admin")
    bearer = {"Authorization": f"Bearer {key['X-API-Key']}"}
    assert accepted(world, path, right, bearer) == 1
    drain(world.store, world.settings)
    world.store.revoke_key(world.store.key(digest(key["X-API-Key"])).id, now())
    assert refused(world, path, right, key)[0] == 401


@pytest.mark.parametrize("path", PATHS)
def test_the_key_is_looked_at_before_the_body(world, path):
    assert refused(world, path, b"{", {})[0] == 401
    assert refused(world, path, b"{", world.key("reports:read"))[0] == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_source_that_does_not_exist_or_not_for_the_key_is_not_found(world, path):
    right = PATHS[path]
    for name in ("gone", "ACME", "acme ", "acme\0", "📬"):
        missing = (404, "Item 1: there is no such source.", "source")
        assert refused(world, path, [right, {**right, "source": name}]) == missing
    limited = world.key("admin", sources=("beta",))
    not_there = [refused(world, path, {**right, "source": name}, limited) for name in ("acme", "gone")]
    assert not_there == [(404, "Item 0: there is no such source.", "source")] * 2
    assert accepted(world, path, {**right, "source": "beta"}, limited) == 1


def test_a_source_that_is_only_known_from_the_past_cannot_be_told_of(world):
    world.tell(event(Kind.SENT, "2025-03-18 09:00:00", source="old"), source="old")
    assert refused(world, told.CAMPAIGNS, {**CAMPAIGN, "source": "old"})[0] == 404
    world.settings.sources.append(Source(name="old", provider="inwise"))
    assert accepted(world, told.CAMPAIGNS, {**CAMPAIGN, "source": "old"}) == 1


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_answered_as_before(world, path):
    asked = {told.CAMPAIGNS: "", told.CONTACTS: "?contact_id=42"}[path]
    rows = world.get(f"{path}{asked}", world.key("reports:read", "contacts:read"))
    assert rows[path.removeprefix("/v1/")] == []
    answer = world.client.put(path, headers=world.admin)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_every_route_is_described_by_what_it_takes():
    assert [(path, item) for path, item, _ in metadata.ROUTES] == list(told.ITEMS.items())
