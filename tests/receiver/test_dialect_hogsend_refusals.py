"""Who is refused, what can't be understood, and the headers on every answer (providers/hogsend.md §1, §2, §4, §7)."""

from __future__ import annotations

import re

import msgspec
import pytest

from aftersend.receiver.auth import ADMIN, CONTACTS, REPORTS
from aftersend.receiver.dialects import hogsend
from aftersend.vocabulary import Kind, now
from tests.receiver.hogsend_world import BASE, mail, story

ID = "61667465-7273-8000-8000-000000000001"
COUNTS = (
    "reporting/templates/spring-news",
    "metrics/overview",
    "metrics/emails",
    "metrics/emails/deliverability",
    "metrics/events",
    "metrics/journeys",
    "campaigns/c-1/stats",
)
ROWS = ("reporting/contacts/41/activity", "reporting/sends/export", "emails", f"emails/{ID}", "events")
EVERY = (*COUNTS, *ROWS)


@pytest.fixture
def world(tmp_path):
    return story(tmp_path)


# -- keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "the-admin-key"},
        {"Authorization": "bearer the-admin-key"},
        {"Authorization": "BEARER the-admin-key"},
        {"Authorization": "Bearer  the-admin-key"},
        {"Authorization": "Bearer\tthe-admin-key"},
        {"Authorization": "the-admin-key"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer unknown"},
        {"Authorization": "Basic the-admin-key"},
    ],
)
def test_only_bearer_to_the_letter_opens(world, headers):
    for path in EVERY:
        answer = world.ask(path, headers)
        assert (answer.status_code, answer.text) == (401, '{"error":"Unauthorized"}'), path
        assert answer.content_type == "application/json"
        assert "X-RateLimit-Limit" not in answer.headers


def test_an_expired_key_is_told_so_and_a_revoked_one_is_not(world):
    expired = world.ask("emails", world.bearer(REPORTS, CONTACTS, expires_at=now() - 1))
    assert (expired.status_code, expired.text) == (401, '{"error":"API key expired"}')
    headers = world.bearer(REPORTS, CONTACTS)
    assert world.ask("emails", headers).status_code == 200
    issued = world.store.keys()
    for key in issued:
        world.store.revoke_key(key.id, now())
    revoked = world.ask("emails", headers)
    assert (revoked.status_code, revoked.text) == (401, '{"error":"Unauthorized"}')


@pytest.mark.parametrize("path", ROWS)
def test_rows_with_addresses_need_the_scope_for_contacts_too(world, path):
    for scope in (REPORTS, CONTACTS):
        answer = world.ask(path, world.bearer(scope))
        assert (answer.status_code, answer.text) == (403, '{"error":"Forbidden: insufficient scope"}')
    assert world.ask(path, world.bearer(REPORTS, CONTACTS)).status_code == 200
    assert world.ask(path, world.bearer(ADMIN)).status_code == 200


@pytest.mark.parametrize("path", COUNTS)
def test_counts_need_the_scope_for_reports_alone(world, path):
    assert world.ask(path, world.bearer(REPORTS)).status_code == 200
    assert world.ask(path, world.bearer(CONTACTS)).status_code == 403


def test_a_key_limited_to_another_source_does_not_learn_what_there_is(world):
    headers = world.bearer(REPORTS, CONTACTS, sources=("beta",))
    unknown = {
        "reporting/templates/spring-news": "Template has never been sent",
        "reporting/contacts/user_41/activity": "Contact not found",
        "reporting/contacts/41/activity": "Contact not found",
        "reporting/contacts/nora@example.com/activity": "Contact not found",
        f"emails/{ID}": "Email not found",
        "campaigns/c-1/stats": "Campaign not found",
        "emails?source=acme": "Not Found",
        "metrics/overview?source=acme": "Not Found",
        "reporting/sends/export?source=acme": "Not Found",
        "reporting/templates/spring-news?source=acme": "Not Found",
    }
    for path, message in unknown.items():
        answer = world.ask(path, headers)
        assert (answer.status_code, answer.json) == (404, {"error": message}), path
    assert world.ask("emails", headers).json == {"emails": [], "total": 0, "limit": 50, "offset": 0}
    assert world.ask("events?source=acme", headers).json == {"events": [], "total": 0, "limit": 50, "offset": 0}
    assert world.ask("emails?userId=user_41", headers).json["total"] == 0
    assert world.ask("metrics/emails", headers).json == {"templates": []}
    assert world.ask("metrics/overview", headers).json["totalContacts"] == 0
    assert "\n" not in world.ask("reporting/sends/export", headers).text


def test_a_key_limited_to_a_source_sees_its_own(world):
    world.tell(mail(Kind.SENT, "2026-05-20 08:00:00", "1", source="beta"), source="beta")
    headers = world.bearer(REPORTS, CONTACTS, sources=("beta",))
    assert world.ask("emails", headers).json["total"] == 1
    assert world.ask("reporting/templates/spring-news", headers).json["totals"]["sent"] == 1


@pytest.mark.parametrize("path", EVERY)
def test_a_source_that_does_not_exist_is_404(world, path):
    if path == "events":
        return
    for name in ("nobody", "", "\x00", "😀"):
        answer = world.ask(path, source=name)
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"}), name


# -- limits --------------------------------------------------------------------------------------------


def test_a_hundred_calls_a_minute_over_everything_and_refused_ones_say_when_to_come_back(world):
    headers = world.bearer(REPORTS, CONTACTS)
    for place in range(100):
        answer = world.ask(("metrics/journeys", "emails?limit=0")[place % 2], headers)
        assert answer.headers["X-RateLimit-Limit"] == "100"
        assert answer.headers["X-RateLimit-Remaining"] == str(99 - place)
    answer = world.ask("metrics/overview", headers)
    assert (answer.status_code, answer.text) == (429, '{"error":"Rate limit exceeded"}')
    assert answer.headers["X-RateLimit-Limit"] == "100"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert world.ask("metrics/overview", world.bearer(REPORTS)).status_code == 200


def test_refusals_for_the_key_are_answered_before_the_limit_and_not_counted(world):
    headers = world.bearer(REPORTS)
    for _ in range(3):
        assert world.ask("emails", headers).status_code == 403
    assert world.ask("metrics/journeys", headers).headers["X-RateLimit-Remaining"] == "99"


# -- addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/nothing",
        "/emails/",
        "//emails",
        "/reporting",
        "/reporting/templates/",
        "/reporting/templates",
        "/reporting/contacts/41",
        "/reporting/contacts//activity",
        "/metrics",
        "/metrics/emails/x",
        "/webhooks",
        "/emails/a/b",
        "/reporting/templates/a/b",
    ],
)
def test_an_unknown_address_is_not_found(world, path):
    answer = world.client.get(f"{BASE}{path}", headers={"Authorization": "Bearer the-admin-key"})
    assert (answer.status_code, answer.text) == (404, '{"error":"Not Found"}')
    assert answer.content_type == "application/json"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_wrong_method_is_not_found_and_never_405(world, method):
    for path in ("emails", "reporting/templates/spring-news"):
        answer = world.client.open(f"{BASE}/{path}", method=method, headers={"Authorization": "Bearer the-admin-key"})
        assert (answer.status_code, answer.text) == (404, '{"error":"Not Found"}')
        assert "Allow" not in answer.headers


def test_our_own_api_is_not_this_one(world):
    answer = world.client.get("/v1/nothing", headers={"Authorization": "Bearer the-admin-key"})
    assert answer.status_code == 404
    assert set(answer.json["error"]) == {"code", "message", "field"}
    assert world.client.get("/v1/administrators").json["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", EVERY)
def test_every_answer_has_an_id_of_its_own_and_head_works(world, path):
    headers = {"Authorization": "Bearer the-admin-key"}
    one, two = world.ask(path), world.client.head(f"{BASE}/{path}", headers=headers)
    assert (one.status_code, two.status_code, two.data) == (200, 200, b"")
    assert one.content_type == two.content_type
    found = {one.headers["X-Request-Id"], two.headers["X-Request-Id"], world.ask(path, {}).headers["X-Request-Id"]}
    assert len(found) == 3


# -- parameters ----------------------------------------------------------------------------------------

TIMED = (
    "reporting/templates/spring-news",
    "emails",
    "metrics/emails",
    "metrics/emails/deliverability",
    "metrics/events",
    "events",
)
PAGED = ("emails", "reporting/contacts/41/activity", "events")
OPTIONS = {
    ("reporting/templates/spring-news", "granularity"): ["day", "week", "month"],
    ("emails", "engagement"): ["opened", "clicked", "bounced", "complained"],
    ("emails", "sort"): ["createdAt", "sentAt", "openedAt", "clickedAt"],
    ("emails", "order"): ["asc", "desc"],
    ("metrics/emails", "includeUntemplated"): ["true", "false"],
    ("metrics/emails/deliverability", "period"): ["day", "week", "month"],
    ("metrics/events", "granularity"): ["hour", "day", "week"],
}


NO_TIMES = (
    "",
    "2026-05-01",
    "2026-05-01T00:00:00",
    "2026-05-01T00:00:00+02:00",
    "2026-05-01T00:00:00z",
    "2026-05-01 00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-05-01T24:00:00Z",
    "2026-05-01T00:60Z",
    "2026-05-01T00:00:00.Z",
    "26-05-01T00:00Z",
    "٢٠٢٦-05-01T00:00Z",
    "2026-05-01T00:00Z\n",
    "1780388131",
    "-1",
    "\x00",
    "😀",
)


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("path", TIMED)
def test_times_are_strict_utc(world, path, name):
    for text in NO_TIMES:
        assert world.issues(path, **{name: text}) == [
            {
                "origin": "string",
                "code": "invalid_format",
                "format": "datetime",
                "path": [name],
                "message": "Invalid ISO datetime",
            }
        ], text


@pytest.mark.parametrize(("place", "options"), OPTIONS.items())
def test_an_unknown_option_is_named_with_those_there_are(world, place, options):
    path, name = place
    expected = "|".join(f'"{option}"' for option in options)
    issue = {
        "code": "invalid_value",
        "values": options,
        "path": [name],
        "message": f"Invalid option: expected one of {expected}",
    }
    for text in ("", "none-such", "DAY", "\x00", "😀", "x" * 5000):
        assert world.issues(path, **{name: text}) == [issue], text
    assert world.issues(f"{path}?{name}={options[0]}&{name}={options[0]}") == [issue]


def too_small(name: str, least: int):
    bound = {"minimum": least, "inclusive": True, "path": [name]}
    return {"origin": "number", "code": "too_small", **bound, "message": f"Too small: expected number to be >={least}"}


def too_big(name: str, most: int):
    bound = {"maximum": most, "inclusive": True, "path": [name]}
    return {"origin": "number", "code": "too_big", **bound, "message": f"Too big: expected number to be <={most}"}


def no_number(name: str, expected: str, received: str):
    message = f"Invalid input: expected {expected}, received {received}"
    return {"code": "invalid_type", "expected": expected, "path": [name], "message": message}


@pytest.mark.parametrize(
    ("query", "issue"),
    [
        ("limit=", too_small("limit", 1)),
        ("limit=0", too_small("limit", 1)),
        ("limit=-1", too_small("limit", 1)),
        ("limit=101", too_big("limit", 100)),
        ("limit=1e400", no_number("limit", "number", "Infinity")),
        ("limit=-Infinity", no_number("limit", "number", "-Infinity")),
        ("limit=ten", no_number("limit", "number", "NaN")),
        ("limit=1_0", no_number("limit", "number", "NaN")),
        ("limit=%D9%A1", no_number("limit", "number", "NaN")),
        ("limit=%00", no_number("limit", "number", "NaN")),
        ("limit=%F0%9F%98%80", no_number("limit", "number", "NaN")),
        ("limit=1&limit=2", no_number("limit", "number", "NaN")),
        ("limit=1.5", no_number("limit", "int", "number")),
        ("offset=-1", too_small("offset", 0)),
        ("offset=0.5", no_number("offset", "int", "number")),
        ("offset=" + "9" * 300, too_big("offset", 9007199254740991)),
        ("offset=" + "9" * 5000, no_number("offset", "number", "Infinity")),
        ("offset=0x" + "f" * 400, no_number("offset", "number", "NaN")),
    ],
)
def test_pages_are_bounded(world, query, issue):
    for path in PAGED:
        assert world.issues(f"{path}?{query}") == [issue], path


def test_every_mistake_is_named_at_once_in_the_order_of_the_parameters(world):
    found = world.issues("emails", limit="x", status="y", order="z", **{"from": "w"})
    assert [issue["path"] for issue in found] == [["limit"], ["status"], ["order"], ["from"]]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("emails", name) for name in ("toEmail", "templateKey", "category", "journeyId", "campaignId", "userId")),
        *(
            ("reporting/sends/export", name)
            for name in ("templateKey", "category", "userId", "engagement", "from", "to")
        ),
        *(("events", name) for name in ("userId", "event", "source", "from", "to")),
        *((path, "source") for path in EVERY),
    ],
)
def test_a_text_that_is_given_twice_is_refused(world, path, name):
    assert world.issues(f"{path}?{name}=a&{name}=b") == [no_number(name, "string", "array")]


@pytest.mark.parametrize("name", ["toEmail", "templateKey", "category", "journeyId", "campaignId", "userId"])
def test_texts_nobody_has_find_nothing(world, name):
    for text in ("", "none", "\x00", "😀", "%", "a/b+c%", "-1", "9" * 400, "x" * 5000):
        assert world.told("emails", **{name: text})["total"] == 0, text


# -- what /openapi.json says ---------------------------------------------------------------------------


def test_every_answer_is_of_the_type_that_is_described(world):
    by_path = {endpoint.path: endpoint for endpoint in hogsend.ENDPOINTS}
    values = {"templateKey": "spring-news", "id": {"emails": ID, "reporting": "41", "campaigns": "c-1"}}
    for path, endpoint in by_path.items():
        part = path.removeprefix(f"{BASE}/")
        ids = {"templateKey": values["templateKey"], "id": values["id"].get(part.partition("/")[0], "x")}
        answer = world.ask(part.format(**ids))
        if path.endswith("journeys/{id}"):
            msgspec.json.decode(answer.data, type=endpoint.errors[404])
        elif endpoint.answer is not str:
            assert answer.status_code == 200, path
            msgspec.json.decode(answer.data, type=endpoint.answer)
        for name in re.findall(r"{(\w+)}", path):
            assert name in endpoint.parameters
    msgspec.json.decode(world.ask("emails?limit=0").data, type=by_path[f"{BASE}/emails"].errors[400])
