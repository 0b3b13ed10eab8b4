"""API keys: what opens what, and that a key that is gone is gone at once."""

from __future__ import annotations

import re

import pytest
from reading_world import World, event

from aftersend.receiver import create_app
from aftersend.receiver.auth import SCOPES, authenticate, digest, mint, register_admin
from aftersend.receiver.dialects import DIALECTS, scopes_named
from aftersend.settings import Server, Settings
from aftersend.storage import open_store
from aftersend.vocabulary import BadInput, Kind, now


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_minted_key_is_kept_without_its_secret(world):
    before = now()
    row, secret = mint(world.store, "reporting", ["reports:read"], ["acme"], before + 60_000)
    assert re.fullmatch(r"as_[A-Za-z0-9_-]{32}", secret)
    assert (row.name, row.scopes, row.sources) == ("reporting", ("reports:read",), ("acme",))
    assert before <= row.created_at <= now()
    assert (row.expires_at, row.revoked_at) == (before + 60_000, None)
    assert world.store.key(digest(secret)) == row
    assert secret not in repr(world.store.keys())


def test_two_minted_keys_have_nothing_in_common(world):
    one, other = (mint(world.store, "same", ["admin"]) for _ in range(2))
    assert one[0].id != other[0].id
    assert one[1] != other[1]


@pytest.mark.parametrize("scopes", [[], ["reports"], ["reports:read", "everything"]])
def test_a_key_needs_scopes_that_exist(world, scopes):
    with pytest.raises(BadInput) as caught:
        mint(world.store, "odd", scopes)
    assert caught.value.field == "scopes"
    assert all(scope in str(caught.value) for scope in SCOPES)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_our_own_api_takes_the_key_in_either_header(world, scheme):
    secret = world.key("reports:read")["X-API-Key"]
    for headers in ({"X-API-Key": secret}, {"X-API-Key": f" {secret} "}, {"Authorization": f"{scheme} {secret}"}):
        assert world.client.get("/v1/funnel", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "as_wrong"},
        {"X-API-Key": "schlüssel-éü"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer as_wrong"},
        {"X-API-Key": "x" * 10_000},
    ],
)
def test_no_key_and_a_wrong_key_get_401(world, headers):
    status, body = world.refused("/v1/funnel", headers)
    assert status == 401
    assert (body["error"]["code"], body["error"]["field"]) == ("unauthorized", None)


def test_an_expired_key_gets_401(world):
    assert world.refused("/v1/funnel", world.key("admin", expires_at=now() - 1))[0] == 401
    world.get("/v1/funnel", world.key("admin", expires_at=now() + 60_000))


def test_a_revoked_key_gets_401_at_once(world):
    row, secret = mint(world.store, "leaving", ["admin"])
    headers = {"X-API-Key": secret}
    world.get("/v1/funnel", headers)
    assert world.store.revoke_key(row.id, now())
    assert world.refused("/v1/funnel", headers)[0] == 401
    assert authenticate(world.store, secret) is None


@pytest.mark.parametrize(
    ("names", "scopes"),
    [
        (["reports:read"], ("reports:read",)),
        (["admin", "contacts:read", "reports:read", "admin"], ("reports:read", "contacts:read", "admin")),
        (["full-admin"], ("reports:read", "contacts:read")),
        ([], ()),
    ],
)
def test_scopes_are_understood_by_our_names_and_the_platforms(names, scopes):
    assert scopes_named(names) == scopes


@pytest.mark.parametrize("name", ["", "Admin", "reports", "reports:read ", "%00", "😀", "x" * 5000])
def test_a_scope_that_nobody_has_is_refused_with_those_there_are(name):
    with pytest.raises(BadInput, match="There is no scope") as caught:
        scopes_named(["admin", name])
    assert caught.value.field == "scopes"
    assert all(scope in str(caught.value) for scope in SCOPES)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.NAME)
def test_a_platforms_scopes_never_take_one_of_our_names_for_something_else(dialect):
    for alias, scopes in dialect.SCOPES.items():
        assert set(scopes) <= set(SCOPES)
        assert scopes
        assert alias not in SCOPES or scopes_named([alias]) == (alias,)


AGGREGATES = ["/v1/funnel", "/v1/timeline", "/v1/campaigns", "/v1/sources"]
ROWS = [
    *("/v1/sent", "/v1/undelivered", "/v1/activities", "/v1/recent", "/v1/contacts?contact_id=42"),
    "/v1/events/00",
]


def test_reports_read_opens_aggregates_and_no_rows(world):
    headers = world.key("reports:read")
    for path in AGGREGATES:
        world.get(path, headers)
    for path in ROWS:
        status, body = world.refused(path, headers)
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert "contacts:read" in body["error"]["message"]


def test_contacts_read_alone_opens_nothing(world):
    headers = world.key("contacts:read")
    for path in AGGREGATES + ROWS:
        status, body = world.refused(path, headers)
        assert status == 403
        assert "reports:read" in body["error"]["message"]


def test_both_scopes_or_admin_open_rows(world):
    for headers in (world.key("reports:read", "contacts:read"), world.key("admin"), world.admin):
        for path in AGGREGATES + ROWS[:-1]:
            world.get(path, headers)
        assert world.refused(ROWS[-1], headers)[0] == 404


EVERYTHING = [
    *AGGREGATES,
    *ROWS[:-1],
    *("/v1/dashboard", "/v1/templates", "/v1/campaigns/77", "/v1/campaign?campaign_id=77"),
    *("/v1/contacts?contact_id=the-other", "/v1/contacts?email=omer@example.com"),
]


def test_a_key_limited_to_a_source_gets_the_same_bytes_whether_others_exist_or_not(tmp_path):
    told = {"contact": "the-other", "campaign": "77", "source": "beta", "email": "omer@example.com", "row": "other"}
    (tmp_path / "alone").mkdir()
    (tmp_path / "beside").mkdir()
    alone, beside = World(tmp_path / "alone"), World(tmp_path / "beside")
    at, answers = now() - 60_000, []
    for world in (alone, beside):
        world.tell(event(Kind.SENT, at), received_at=at)
        if world is beside:
            world.tell(*(event(kind, at, **told) for kind in Kind), source="beta", received_at=at)
        headers = world.key("admin", sources=("acme",))
        answers.append([world.client.get(path, headers=headers) for path in EVERYTHING])
    for path, one, other in zip(EVERYTHING, *answers, strict=True):
        if path == "/v1/recent":
            # Its cursors hold the time of the call and numbers of the whole store.
            assert (one.status_code, one.json["rows"]) == (other.status_code, other.json["rows"])
        else:
            assert (path, one.status_code, one.data) == (path, other.status_code, other.data)


@pytest.mark.parametrize("name", ["beta", "gamma", "nosuch"])
def test_a_source_that_may_not_be_seen_is_answered_like_one_that_does_not_exist(world, name):
    headers = world.key("admin", sources=("acme",))
    world.tell(event(Kind.SENT, now() - 60_000, source="beta"), source="beta")
    for path in EVERYTHING:
        if "/v1/sources" not in path:
            joint = "&" if "?" in path else "?"
            status, body = world.refused(f"{path}{joint}source={name}", headers)
            assert (path, status, body["error"]["message"]) == (path, 404, "There is no such source.")


def test_the_admin_key_of_the_environment_is_the_key_admin(world):
    (row,) = world.store.keys()
    assert (row.id, row.scopes, row.sources, row.expires_at, row.revoked_at) == ("admin", ("admin",), None, None, None)


def test_a_new_admin_key_takes_the_place_of_the_old_one(world, tmp_path):
    settings = Settings(server=Server(database=world.settings.server.database), admin_key="another-key")
    register_admin(settings, world.store)
    assert world.refused("/v1/funnel")[0] == 401
    world.get("/v1/funnel", {"X-API-Key": "another-key"})
    (row,) = world.store.keys()
    assert row.id == "admin"


def test_registering_the_same_admin_key_again_changes_nothing(world):
    before = world.store.keys()
    register_admin(world.settings, world.store)
    assert world.store.keys() == before


def test_without_an_admin_key_there_is_none(tmp_path):
    world = World(tmp_path, admin_key="")
    assert world.store.keys() == []
    assert world.refused("/v1/funnel", {"X-API-Key": ""})[0] == 401


def test_a_store_that_is_not_migrated_does_not_stop_the_receiver(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    app = create_app(Settings(server=Server(database=f"sqlite:///{tmp_path}/store.db"), admin_key="k"), store)
    assert app.test_client().get("/healthz").status_code == 200
