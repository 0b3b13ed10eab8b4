"""Keys: what opens what, on every route there is; and a key of one source never learns of another."""

from __future__ import annotations

import ast
import re
import sys
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_api import campaign_of_four, told
from reading_world import World, event

import aftersend
from aftersend.receiver import create_app
from aftersend.receiver.auth import digest
from aftersend.storage.contract import KeyRow
from aftersend.vocabulary import CampaignInfo, ContactInfo, Kind, now
from tests.security.conftest import unlimited
from tests.security.routes import Operation, described, operations, rules

OPERATIONS = operations()
EVERYWHERE = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
READING = [one for one in OPERATIONS if one.method == "GET"]
ADDRESS, IP = "ada.lovelace@example.com", "192.0.2.77"


def both(headers: dict[str, str]) -> dict[str, str]:
    """A key in every header that any dialect looks at."""
    secret = headers["X-API-Key"]
    return {"X-API-Key": secret, "Authorization": f"Bearer {secret}"}


def asked(world: World, one: Operation, headers: dict[str, str], **query: str):
    """An answer; to what may be told, nothing is told."""
    more = {"json": []} if one.method == "POST" else {}
    return world.client.open(one.path(), method=one.method, query_string=one.query() | query, headers=headers, **more)


def lived_in(world: World) -> None:
    """Somebody was sent to, opened and clicked, and every list has a row of it."""
    more = {"email": ADDRESS, "ip": IP, "external_id": "customer-7", "template": "welcome", "message_id": "m-1"}
    at = now() - 60_000
    world.tell(*campaign_of_four())
    world.tell(*(event(kind, at, "42", row=f"r{n}", **more) for n, kind in enumerate(Kind)), received_at=at)
    told(world, CampaignInfo(campaign_id="1000001", name="Spring"), ContactInfo(contact_id="42", email=ADDRESS))


REFUSED = (401, 403)
"""A dialect of a platform that has no scopes answers a missing one as a key that isn't there."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An installation that nobody changes."""
    world = World(tmp_path_factory.mktemp("place"))
    world.client = create_app(unlimited(world.settings), world.store).test_client()
    lived_in(world)
    return world


@pytest.fixture(scope="module")
def keys(place):
    """A key for each set of scopes."""
    sets = (("reports:read",), ("contacts:read",), ("reports:read", "contacts:read"), ("admin",))
    return {scopes: both(place.key(*scopes)) for scopes in sets}


def test_every_route_is_one_of_these(place):
    assert rules(place.client.application) == described()


@EVERYWHERE
def test_without_a_key_that_is_known_nothing_opens(place, operation):
    for headers in ({}, both({"X-API-Key": "as_" + "x" * 32}), {"Authorization": "Basic YWRtaW46YWRtaW4="}):
        answer = asked(place, operation, headers)
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers


@EVERYWHERE
def test_each_scope_opens_its_own_and_no_more(place, keys, operation):
    opened = [asked(place, operation, headers).status_code not in REFUSED for headers in keys.values()]
    reports, contacts, reading, admin = opened
    assert (contacts, admin) == (False, True)
    assert reading == (operation.method == "GET")
    assert not reports or reading


def test_the_scope_for_reports_alone_shows_nobodys_address_on_any_route(place, keys):
    def shows(scopes: tuple[str, ...]) -> list[str]:
        answers = {one.name: asked(place, one, keys[scopes]).text for one in READING}
        return [name for name, text in answers.items() if ADDRESS in text or IP in text]

    assert shows(("reports:read",)) == []
    # The test can see: with both scopes there are addresses to be shown.
    assert len(shows(("reports:read", "contacts:read"))) > 8


def test_a_key_in_the_address_opens_nothing(place, keys):
    secret = keys["admin",]["X-API-Key"]
    for one in READING:
        for name in ("key", "api_key", "apikey", "token", "access_token", "X-API-Key"):
            assert asked(place, one, {}, **{name: secret}).status_code == 401


# -- sources -----------------------------------------------------------------------------------------------------

OTHERS = ("77", "the-other", "omer@example.com", "beta", "customer-9", "hidden")
"""The campaign, the contact, the address, the source, the external id and the template that the key may not see."""
OWN = ("1000001", "42", ADDRESS, "acme", "customer-7", "welcome")
ALONE = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Date", "X-Request-Id"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two installations that are equal but for what another source did, a key of each for the first source alone, and
    the words by which the other's things are called."""
    key = KeyRow(
        id="limited",
        name="limited",
        scopes=("admin",),
        sources=("acme",),
        created_at=now(),
        expires_at=None,
        revoked_at=None,
    )
    worlds = []
    at, present = now() - 60_000, now()
    for name in ("alone", "beside"):
        world = World(tmp_path_factory.mktemp(name))
        world.client = create_app(unlimited(world.settings), world.store).test_client()
        world.store.add_key(key, digest("the-limited-key"))
        more = {"email": ADDRESS, "external_id": "customer-7", "template": "welcome"}
        world.tell(*(event(kind, at, "42", row=f"r{n}", **more) for n, kind in enumerate(Kind)), received_at=at)
        if name == "beside":
            others = {"email": "omer@example.com", "external_id": "customer-9", "template": "hidden"}
            happened = [
                event(kind, at, "the-other", "77", row=f"o{n}", source="beta", **others) for n, kind in enumerate(Kind)
            ]
            world.tell(*happened, source="beta", received_at=at)
        worlds.append(world)
    with pytest.MonkeyPatch.context() as patch:
        # Some answers say when they were given, to the millisecond: for both it is the same.
        for name, module in list(sys.modules.items()):
            if name.startswith("aftersend.") and getattr(module, "now", None) is now:
                patch.setattr(module, "now", lambda: present)
        yield (*worlds, words(worlds[1]))


def words(world: World) -> list[str]:
    """Ids and cursors that only somebody who sees the other source was ever told."""
    found: set[str] = set()
    for one in READING:
        for query in ({}, {"source": "beta", "page_size": "1"}, {"source": "beta", "limit": "1"}):
            told_of = asked(world, one, both(world.admin), **query).text
            found |= set(re.findall(r'"(?:id|[a-z_]*cursor|href|next)": ?"([^"]+)"', told_of))
    assert len(found) > 20
    return sorted(found)[:200]


def same(answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.data, [(name, text) for name, text in answer.headers if name not in ALONE]


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_limited_key_asks_it_is_answered_as_if_no_other_source_existed(pair, data):
    alone, beside, secret_words = pair
    one = data.draw(st.sampled_from(READING))
    value = st.sampled_from(OTHERS) | st.sampled_from(OWN) | st.sampled_from(secret_words)
    path = one.path(**{name: data.draw(value).replace("/", "%2F") for name in one.names("path")})
    query = one.query()
    for parameter in one.parameters:
        if parameter["in"] == "query" and data.draw(st.integers(0, 3)) == 0:
            choices = list(chain(*(part.get("enum", ()) for part in _parts(parameter["schema"]))))
            query[parameter["name"]] = data.draw(value | st.sampled_from(choices) if choices else value)
    # The name of a file has the day, and a day may begin between two calls.
    for _ in range(2):
        answers = [
            same(world.client.get(path, query_string=query, headers=both({"X-API-Key": "the-limited-key"})))
            for world in (alone, beside)
        ]
        if path == "/v1/recent" and answers[0][0] == 200:
            # Its cursors hold numbers of the whole store.
            answers = [(status, msgspec.json.decode(body)["rows"]) for status, body, _ in answers]
        if answers[0] == answers[1]:
            break
    assert answers[0] == answers[1]


def _parts(schema: dict) -> list[dict]:
    return [schema, *schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]


def test_a_key_of_one_source_may_tell_nothing_of_another(world):
    headers = world.key("admin", sources=("acme",))
    for path, item in (
        ("/v1/campaigns", {"source": "beta", "campaign_id": "1", "name": "x"}),
        ("/v1/contacts", {"source": "beta", "contact_id": "1", "email": ADDRESS}),
    ):
        assert world.client.post(path, json=item, headers=headers).status_code == 404
        assert world.client.post(path, json=item | {"source": "acme"}, headers=headers).status_code == 200


def test_a_named_reader_is_the_keys_own(world):
    lived_in(world)
    one, other = world.key("reports:read", "contacts:read"), world.key("reports:read", "contacts:read")
    rows = world.get("/v1/recent", one, reader="night")["rows"]
    assert rows
    assert world.get("/v1/recent", other, reader="night")["rows"] == rows
    assert world.get("/v1/recent", one, reader="night")["rows"] == []


# -- guessing ----------------------------------------------------------------------------------------------------


def test_the_store_holds_digests_only(world, tmp_path):
    secret = world.key("admin")["X-API-Key"]
    assert len(secret) == 35
    world.store.close()
    found = [file.name for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()]
    assert found == []
    assert any(digest(secret) in file.read_bytes() for file in tmp_path.iterdir())


def test_a_key_is_found_by_its_digest_so_that_nothing_is_compared_with_a_secret(world):
    # A guess that shares all but the last character with a key has nothing in common with its digest.
    secret = world.key("admin")["X-API-Key"]
    near = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert world.client.get("/v1/funnel", headers={"X-API-Key": near}).status_code == 401
    shared = sum(one == other for one, other in zip(digest(secret), digest(near), strict=True))
    assert shared < 8


def test_no_secret_is_compared_but_in_constant_time():
    root = Path(aftersend.__file__).parent
    named = re.compile("secret|signature|token|password|hmac|^mac$", re.IGNORECASE)
    found = {
        ast.unparse(node)
        for path in [*root.glob("providers/**/*.py"), *root.glob("receiver/*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and any(isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in node.ops)
        and any(named.search(getattr(one, "id", getattr(one, "attr", ""))) for one in ast.walk(node))
    }
    # Of the configuration, with a key that the platform publishes: nothing that a sender could time.
    assert found == {"secret != PUBLIC"}
