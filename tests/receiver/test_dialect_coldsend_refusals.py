"""What ColdSend refuses, in its words and in its order: 401, 403, 429, then 422 and 400."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest
from reading_world import World, event

from aftersend.receiver import create_app
from aftersend.receiver.auth import digest
from aftersend.vocabulary import Kind, now

CAMPAIGNS = "/api/public/v1/analytics/campaigns"
TIMELINE = f"{CAMPAIGNS}/timeline"
PATHS = (CAMPAIGNS, TIMELINE)
NO_SUCH_DATES = (
    *("", " ", "today", "2025", "2025-3-1", "2025-02-30", "2025-13-01", "20250301", "01.03.2025", "-2025-03-01"),
    *("2025-03-01x", "2025-03-01T", "2025-03-01T25:00:00", "2025-03-01T10:00:00+99:00", "2025-03-01\0", "٢٠٢٥-٠٣-٠١"),
    *("0000-01-01", "10000-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1740787200", "-1"),
    *("📬", "null", "9" * 5000, "2025-03-01," * 100),
)
UNKNOWN = (401, {"detail": "Invalid or revoked API key"})
MISSING = (401, {"detail": "API key required. Include your API key in X-API-Key header."})
NO_SOURCE = (404, {"detail": "There is no such source."})


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    # Unlimited: a test asks more than ColdSend allows in a minute.
    unlimited = msgspec.structs.replace(world.settings, limits={"coldsend": "off"})
    world.client = create_app(unlimited, world.store).test_client()
    world.tell(event(Kind.SENT, "2025-03-01 10:00:00"))
    world.tell(event(Kind.SENT, "2025-03-01 10:00:00", source="beta", campaign="secret"), source="beta")
    return world


def limited(world: World, **limits: str):
    return create_app(msgspec.structs.replace(world.settings, limits=limits), world.store).test_client()


def invalid(field: str, what: str = "date") -> tuple[int, dict]:
    return 422, {"detail": [{"loc": ["query", field], "msg": f"invalid {what}", "type": "value_error"}]}


# -- parameters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("field", ["from_date", "to_date"])
def test_what_is_not_a_date_is_refused_by_name(world, path, field):
    for value in NO_SUCH_DATES:
        assert world.refused(f"{path}?{field}={quote(value)}") == invalid(field), value


def test_a_status_is_compared_exactly(world):
    for value in (
        "",
        " ",
        "active",
        "Active",
        "ACTIVE ",
        "ARCHIVED",
        "ACTIVE,PAUSED",
        "ACTIVE\0",
        "1",
        "📬",
        "A" * 5000,
    ):
        assert world.refused(f"{CAMPAIGNS}?status={quote(value)}") == invalid("status", "status"), value


def test_the_first_bad_parameter_is_named_and_the_last_of_a_doubled_one_counts(world):
    assert world.refused(f"{CAMPAIGNS}?status=x&to_date=x") == invalid("to_date")
    assert world.refused(f"{CAMPAIGNS}?to_date=x&from_date=x") == invalid("from_date")
    assert world.refused(f"{TIMELINE}?from_date=2025-03-01&from_date=x") == invalid("from_date")
    doubled = world.get(f"{TIMELINE}?from_date=x&from_date=2025-03-01&to_date=2025-03-01")
    assert doubled["from_date"] == "2025-03-01"


@pytest.mark.parametrize("path", PATHS)
def test_a_reversed_range_is_refused(world, path):
    reversed_range = (400, {"detail": "from_date must not be after to_date"})
    assert world.refused(f"{path}?from_date=2025-03-02&to_date=2025-03-01") == reversed_range
    assert world.refused(f"{path}?from_date=9999-12-31&to_date=0001-01-01") == reversed_range
    # Times of one UTC day are one day, whichever comes first.
    same = world.client.get(f"{path}?from_date=2025-03-01T20:00:00Z&to_date=2025-03-01T10:00:00Z", headers=world.admin)
    assert same.status_code == 200


def test_a_timeline_that_would_begin_after_today_is_reversed_too(world):
    assert world.refused(f"{TIMELINE}?from_date=9999-12-31") == (400, {"detail": "from_date must not be after to_date"})


@pytest.mark.parametrize("path", PATHS)
def test_parameters_that_coldsend_does_not_know_are_not_looked_at(world, path):
    window = "from_date=2025-03-01&to_date=2025-03-01"
    extra = "page=-1&limit=x&campaign_id=%00&timezone=Mars&machine=exclude&status_filter=nonsense&=&&📬=1"
    assert world.get(f"{path}?{window}&{extra}") == world.get(f"{path}?{window}")
    # The timeline has no status.
    assert world.get(f"{TIMELINE}?{window}&status=nonsense") == world.get(f"{TIMELINE}?{window}")


@pytest.mark.parametrize("path", PATHS)
def test_a_source_that_does_not_exist_is_not_found(world, path):
    for value in ("", "gone", "ACME", "acme ", "acme\0", "acme/beta", "📬", "a" * 5000):
        assert world.refused(f"{path}?source={quote(value)}") == NO_SOURCE, value


# -- keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_key_must_be_given_in_its_header_and_exist(world, path):
    secret = world.key("reports:read")["X-API-Key"]
    assert world.refused(path, {}) == MISSING
    assert world.refused(path, {"X-API-Key": "  "}) == MISSING
    assert world.refused(path, {"Authorization": f"Bearer {secret}"}) == MISSING
    assert world.refused(f"{path}?api_key={secret}", {}) == MISSING
    for wrong in ("cs_live_nobodys", secret[:-1], secret.upper(), "é" * 40):
        assert world.refused(path, {"X-API-Key": wrong}) == UNKNOWN, wrong
    assert world.client.get(path, headers={"X-API-Key": f" {secret} "}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_an_expired_or_revoked_key_is_refused_at_once(world, path):
    assert world.refused(path, world.key("reports:read", expires_at=now() - 1)) == UNKNOWN
    headers = world.key("reports:read", expires_at=now() + 60_000)
    assert world.client.get(path, headers=headers).status_code == 200
    world.store.revoke_key(world.store.key(digest(headers["X-API-Key"])).id, now())
    assert world.refused(path, headers) == UNKNOWN


@pytest.mark.parametrize("path", PATHS)
def test_a_key_without_the_scope_is_told_what_is_required_and_what_it_has(world, path):
    answer = world.client.get(path, headers=world.key("contacts:read"))
    assert (answer.status_code, answer.content_type) == (403, "application/json")
    assert answer.text == (
        '{"detail":"Missing required scopes: campaigns:read","error":"insufficient_scopes",'
        '"required":["campaigns:read"],"granted":["contacts:read"]}'
    )
    for scope in ("reports:read", "admin"):
        assert world.client.get(path, headers=world.key(scope)).status_code == 200


def test_a_key_that_is_limited_to_a_source_does_not_learn_of_others(world):
    limited_key = world.key("reports:read", sources=("acme",))
    assert [c["campaign_id"] for c in world.get(CAMPAIGNS, limited_key)["campaigns"]] == ["1000001"]
    assert world.get(CAMPAIGNS, limited_key) == world.get(CAMPAIGNS, limited_key, source="acme")
    for path in PATHS:
        assert world.refused(f"{path}?source=beta", limited_key) == NO_SOURCE
        assert world.refused(f"{path}?source=gone", limited_key) == NO_SOURCE
    nothing = world.get(CAMPAIGNS, world.key("reports:read", sources=()))
    assert (nothing["campaigns"], nothing["workspace_kpis"]["total_campaigns"]) == ([], 0)


# -- order, limits, addresses --------------------------------------------------------------------------


def test_checks_come_in_the_order_key_scope_limit_parameters(world):
    client = limited(world, coldsend="1/minute")
    bad, key, lacking = f"{CAMPAIGNS}?status=x&source=gone", world.key("reports:read"), world.key("contacts:read")
    assert client.get(bad).status_code == 401
    assert [client.get(bad, headers=lacking).status_code for _ in range(3)] == [403] * 3
    assert client.get(f"{CAMPAIGNS}?status=x", headers=key).status_code == 422
    assert client.get(bad, headers=key).status_code == 429


def test_every_answer_to_a_key_tells_what_is_left_of_the_minute(world):
    client, key = limited(world), world.key("reports:read")
    asked = [(CAMPAIGNS, 200), (TIMELINE, 200), (f"{CAMPAIGNS}?status=x", 422), (f"{TIMELINE}?source=gone", 404)]
    for n, (path, status) in enumerate(asked, 1):
        answer = client.get(path, headers=key)
        assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (status, "100")
        assert answer.headers["X-RateLimit-Remaining"] == str(100 - n)
        assert now() / 1000 < int(answer.headers["X-RateLimit-Reset"]) <= now() / 1000 + 61
        assert "Retry-After" not in answer.headers
    assert not [name for name, _ in client.get(CAMPAIGNS).headers if name.startswith("X-RateLimit")]


def test_who_asks_too_often_is_told_the_true_seconds(world):
    client, key, other = limited(world, coldsend="2/minute"), world.key("reports:read"), world.key("reports:read")
    assert [client.get(path, headers=key).status_code for path in PATHS] == [200, 200]
    answer = client.get(TIMELINE, headers=key)
    seconds = answer.headers["Retry-After"]
    assert 50 <= int(seconds) <= 60
    assert (answer.status_code, answer.content_type) == (429, "application/json")
    assert answer.json == {"detail": f"Rate limit exceeded. Retry after {seconds} seconds."}
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("2", "0")
    assert client.get(TIMELINE, headers=other).status_code == 200


def test_the_hour_is_a_limit_too_and_the_headers_speak_of_the_minute(world):
    client, key = limited(world, coldsend="5/minute;1/hour"), world.key("reports:read")
    assert client.get(CAMPAIGNS, headers=key).headers["X-RateLimit-Limit"] == "5"
    answer = client.get(CAMPAIGNS, headers=key)
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (429, "5")
    assert 3590 < int(answer.headers["Retry-After"]) <= 3600


def test_what_is_not_there_is_refused_in_the_platforms_form(world):
    for path in ("/api/public/v1", "/api/public/v1/campaigns", f"{CAMPAIGNS}/", f"{CAMPAIGNS}/7/ctr", f"{TIMELINE}/x"):
        status, body = world.refused(path)
        assert (status, list(body)) == (404, ["detail"]), path
        assert isinstance(body["detail"], str)
    for method in ("post", "put", "delete", "patch"):
        answer = getattr(world.client, method)(CAMPAIGNS, headers=world.admin)
        assert (answer.status_code, list(answer.json)) == (405, ["detail"])
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert world.refused("/api/public")[1].keys() == {"error"}


def test_a_time_before_1970_is_a_day_like_another(world):
    found = world.get(f"{TIMELINE}?from_date=1969-12-31&to_date=1970-01-01")["timeline"]
    assert [(row["date"], row["sent"]) for row in found] == [("1969-12-31", 0), ("1970-01-01", 0)]
