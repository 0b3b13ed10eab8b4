"""The gate: how often a key may ask, who counts with whom, and what is said of it."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from flask import Flask, Response
from reading_world import World
from structlog.testing import capture_logs
from werkzeug.datastructures import Headers

from aftersend.receiver import create_app, errors, limiter
from aftersend.receiver.auth import REPORTS, digest, mint
from aftersend.receiver.dialects import DIALECTS
from aftersend.receiver.gate import (
    Gate,
    KeyExpired,
    KeyMissing,
    KeyUnknown,
    LimitReached,
    ScopeMissing,
    from_bearer,
    from_key_header,
    quota,
)
from aftersend.receiver.installation import Installation
from aftersend.receiver.limiter import Limiter
from aftersend.settings import LIMITS, Window, windows
from aftersend.storage.contract import KeyRow
from aftersend.vocabulary import ConfigurationError, now
from tests.worker.conftest import RedisServer

SUMMARY = "/rest/v1/campaigns/email/activitiesSummary"
MINUTE, HOUR = 60_000, 3_600_000


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def redis_server(tmp_path):
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def limited(world: World, redis: str = "", **limits: str):
    """A client of the same installation with these limits."""
    server = msgspec.structs.replace(world.settings.server, redis=redis)
    return create_app(msgspec.structs.replace(world.settings, server=server, limits=limits), world.store).test_client()


def told(answer) -> list[str]:
    """The rate headers of an answer."""
    return [name for name, _ in answer.headers if name.startswith("X-RateLimit")]


def statuses(client, path: str, headers: dict[str, str], times: int) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(times)]


# -- our own API -----------------------------------------------------------------------------------------------


def test_every_answer_says_what_is_left_and_one_too_many_is_refused(world):
    client, headers = limited(world, v1="3/minute"), world.key("reports:read")
    before = now()
    answers = [client.get("/v1/sources", headers=headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["X-RateLimit-Limit"] for answer in answers] == ["3"] * 5
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    for answer in answers:
        assert before + MINUTE <= int(answer.headers["X-RateLimit-Reset"]) * 1000 <= now() + MINUTE + 1000
    for refused in answers[3:]:
        seconds = int(refused.headers["Retry-After"])
        assert 50 <= seconds <= 60
        assert refused.json == {
            "error": {
                "code": "too_many_requests",
                "message": f"Too many requests; ask again in {seconds} seconds.",
                "field": None,
            }
        }
    assert not any("Retry-After" in answer.headers for answer in answers[:3])


def test_a_bad_question_counts_and_says_what_is_left(world):
    client, headers = limited(world, v1="3/minute"), world.key("reports:read")
    answer = client.get("/v1/funnel?machine=maybe", headers=headers)
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (400, "2")


def test_what_is_refused_before_the_limit_counts_nothing(world):
    client, headers = limited(world, v1="1/minute"), world.key("reports:read")
    for status, given in ((401, {}), (401, {"X-API-Key": "wrong"}), (403, headers)):
        answer = client.get("/v1/activities", headers=given)
        assert answer.status_code == status
        assert not told(answer)
    assert statuses(client, "/v1/sources", headers, 2) == [200, 429]


def test_each_key_and_each_gate_is_counted_alone(world):
    client, one, other = limited(world, v1="1/minute", inwise="2/minute"), world.key("admin"), world.key("admin")
    assert statuses(client, "/v1/sources", one, 2) == [200, 429]
    assert statuses(client, "/v1/funnel", one, 1) == [429]
    assert statuses(client, "/v1/sources", other, 2) == [200, 429]
    assert statuses(client, SUMMARY, one, 3) == [200, 200, 429]


def test_pages_health_and_webhooks_are_not_limited(world):
    client = limited(world, v1="1/minute")
    for path in ("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/webhooks/none"):
        assert 429 not in statuses(client, path, world.admin, 3)


def test_without_a_limit_nothing_is_said(world):
    client, headers = limited(world, v1="off"), world.key("reports:read")
    for _ in range(5):
        answer = client.get("/v1/sources", headers=headers)
        assert answer.status_code == 200
        assert not told(answer)


def test_our_own_api_has_the_documented_limit_where_none_is_set(world):
    answer = world.client.get("/v1/sources", headers=world.admin)
    assert answer.headers["X-RateLimit-Limit"] == LIMITS["v1"].partition("/")[0] == "6000"


def test_after_the_stated_time_the_key_may_ask_again(world):
    client, headers = limited(world, v1="2/second"), world.key("reports:read")
    while (refused := client.get("/v1/sources", headers=headers)).status_code != 429:
        pass
    assert refused.json["error"]["message"] == "Too many requests; ask again in 1 second."
    time.sleep(int(refused.headers["Retry-After"]))
    assert statuses(client, "/v1/sources", headers, 1) == [200]


def test_a_401_says_how_to_give_a_key(world):
    assert world.client.get("/v1/sources").headers["WWW-Authenticate"] == 'Bearer realm="Aftersend"'
    assert "WWW-Authenticate" not in world.client.get(SUMMARY).headers


# -- any gate --------------------------------------------------------------------------------------------------


@pytest.fixture
def door(world):
    """An app with one gate of its own, which shows what it raised."""

    def made(limits: str, words: dict[str, str] | None = None, **settings: str):
        app = Flask(__name__)
        app.extensions["aftersend"] = Installation(
            msgspec.structs.replace(world.settings, limits=settings), world.store
        )
        errors.register(app)
        gate, raised = Gate("shop", from_key_header, words, limits=limits), []

        def handler(status: int, message: str, exception: Exception) -> Response:
            raised.append(exception)
            return Response(message, status)

        @app.get("/shop/counts")
        def counts():
            return {"key": gate.enter(REPORTS).key.id, "quota": msgspec.to_builtins(quota())}

        @app.get("/shop/open")
        def opened():
            return {"quota": quota()}

        errors.register_dialect(app, "/shop", handler)
        return app.test_client(), raised

    return made


def test_the_shortest_window_is_told_and_the_fullest_refuses(world, door):
    client, raised = door("100/hour;2/minute;3/day")
    headers = world.key("reports:read")
    quotas = [client.get("/shop/counts", headers=headers).json["quota"] for _ in range(2)]
    assert [(left["limit"], left["remaining"]) for left in quotas] == [(2, 1), (2, 0)]
    assert client.get("/shop/counts", headers=headers).status_code == 429
    (refusal,) = raised
    assert isinstance(refusal, LimitReached)
    assert (refusal.window, refusal.quota.limit, refusal.quota.remaining) == ("minute", 2, 0)
    assert 0 < refusal.quota.reset_at - now() <= refusal.seconds * 1000 <= MINUTE


def test_the_longer_window_names_itself_and_its_own_remainder(world, door):
    client, raised = door("2/hour;100/minute")
    headers = world.key("reports:read")
    assert statuses(client, "/shop/counts", headers, 3) == [200, 200, 429]
    assert (raised[0].window, raised[0].quota.limit, raised[0].quota.remaining) == ("hour", 100, 0)
    assert HOUR - MINUTE < raised[0].quota.reset_at - now() <= raised[0].seconds * 1000 <= HOUR


def test_a_dialects_own_headers_are_its_own_but_every_429_says_when_to_come_back(world, door):
    client, raised = door("1/minute")
    headers = world.key("reports:read")
    granted, refused = (client.get("/shop/counts", headers=headers) for _ in range(2))
    assert refused.headers["Retry-After"] == str(raised[0].seconds)
    assert not told(granted)
    assert not told(refused)


def test_what_is_configured_wins_over_the_gates_own_limit(world, door):
    client, _ = door("1/minute", shop="2/minute")
    assert statuses(client, "/shop/counts", world.key("reports:read"), 3) == [200, 200, 429]
    client, _ = door("1/minute", shop="off")
    assert statuses(client, "/shop/counts", world.key("reports:read"), 3) == [200, 200, 200]


def test_where_no_gate_was_entered_there_is_no_quota(door):
    assert door("1/minute")[0].get("/shop/open").json == {"quota": None}


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        ({}, KeyMissing),
        ({"X-API-Key": "  "}, KeyMissing),
        ({"Authorization": "Bearer the-admin-key"}, KeyMissing),
        ({"X-API-Key": "as_unknown"}, KeyUnknown),
        ({"X-API-Key": "\x01😀".encode().decode("latin-1")}, KeyUnknown),
        ({"X-API-Key": "as_revoked"}, KeyUnknown),
        ({"X-API-Key": "as_expired"}, KeyExpired),
        ({"X-API-Key": "as_without"}, ScopeMissing),
    ],
)
def test_the_gate_says_what_is_wrong_with_a_key(world, door, given, raised):
    client, seen = door("off")
    base = KeyRow(id="", name="x", scopes=("admin",), sources=None, created_at=0, expires_at=None, revoked_at=None)
    for name, change in {
        "revoked": {"revoked_at": 1},
        "expired": {"expires_at": now() - 1},
        "without": {"scopes": ("contacts:read",)},
    }.items():
        world.store.add_key(msgspec.structs.replace(base, id=name, **change), digest(f"as_{name}"))
    status = client.get("/shop/counts", headers=given).status_code
    assert (status, [type(exception) for exception in seen]) == (403 if raised is ScopeMissing else 401, [raised])


def test_a_missing_scope_is_named_as_the_platform_names_it(world, door):
    client, seen = door("off", words={"reports:read": "campaign_data"})
    answer = client.get("/shop/counts", headers=world.key("contacts:read"))
    assert (answer.status_code, answer.text) == (403, "This API key lacks the scope campaign_data.")
    assert (seen[0].lacking, seen[0].required, seen[0].granted) == (
        "campaign_data",
        ("campaign_data",),
        ("contacts:read",),
    )


def test_a_key_that_is_revoked_while_it_is_used_is_refused_at_once(world, door):
    client, _ = door("10/minute")
    row, secret = mint(world.store, "leaving", ["reports:read"])
    headers = {"X-API-Key": secret}
    assert statuses(client, "/shop/counts", headers, 1) == [200]
    world.store.revoke_key(row.id, now())
    assert statuses(client, "/shop/counts", headers, 1) == [401]


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", ""),
        ("Basic abc", ""),
        ("", ""),
        ("abc", ""),
    ],
)
def test_a_bearer_token_is_read(header, secret):
    assert from_bearer(Headers({"Authorization": header})) == secret


# -- what is configured ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [{"shop": "1/minute"}, {"V1": "1/minute"}, {"": "off"}])
def test_a_limit_of_nothing_is_refused_at_the_start(world, limits):
    with pytest.raises(ConfigurationError, match=r"limits\..* limits nothing; there are v1, .*inwise"):
        limited(world, **limits)


def test_a_limit_that_is_none_is_refused_at_the_start(world):
    with pytest.raises(ConfigurationError, match=r"limits\.v1 = 'often' is not a limit"):
        limited(world, v1="often")


def test_an_address_that_is_no_redis_is_refused_at_the_start():
    with pytest.raises(ConfigurationError, match=r"server\.redis must begin with redis://"):
        Limiter("http://127.0.0.1:6379")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.NAME)
def test_every_dialect_has_a_limit_that_can_be_read(dialect):
    windows(dialect.LIMITS, dialect.NAME)


def test_every_limit_is_documented_with_its_default_and_a_sentence():
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = page.partition("\n## [limits]\n")[2].partition("\n## ")[0]
    rows = re.findall(r'^\| `(\w+)` \| `"([^"]+)"` \| (.+\.) \|$', table, flags=re.MULTILINE)
    assert {name: default for name, default, _ in rows} == LIMITS | {d.NAME: d.LIMITS for d in DIALECTS}
    assert [name for name, _, _ in rows[1:]] == sorted(d.NAME for d in DIALECTS)


# -- counting --------------------------------------------------------------------------------------------------

TEN, PAIR = (Window(10, "minute"),), (Window(5, "minute"), Window(7, "hour"))


@pytest.fixture(params=["memory", "redis"])
def address(request):
    return "" if request.param == "memory" else request.getfixturevalue("redis_server").url


def test_a_call_that_one_window_refuses_uses_up_nothing_of_the_other(address):
    counter = Limiter(address)
    # The hour is full after seven; five of these went into the minute, two are refused by it and count nowhere.
    turns = [counter.take(PAIR, "gate", "key") for _ in range(9)]
    assert [turn.refused_by for turn in turns] == [None] * 5 + [PAIR[0]] * 4
    hour = [counter.take(PAIR[1:], "gate", "key") for _ in range(3)]
    assert [turn.remaining for turn in hour] == [1, 0, 0]
    assert [turn.refused_by for turn in hour] == [None, None, PAIR[1]]
    # Both are full now: the one that lasts longer is named.
    assert counter.take(PAIR, "gate", "key").refused_by == PAIR[1]


def test_many_threads_together_get_exactly_what_there_is(address):
    counter, begin = Limiter(address), threading.Barrier(8)

    def ask(_: int) -> list[bool]:
        begin.wait()
        return [counter.take(TEN, "gate", "key").refused_by is None for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        granted = sum((sum(answers) for answers in pool.map(ask, range(8))), 0)
    assert granted == 10


def test_processes_that_share_redis_count_together(world, redis_server):
    one, other = (limited(world, redis=redis_server.url, v1="3/minute") for _ in range(2))
    headers = world.key("reports:read")
    answers = [client.get("/v1/sources", headers=headers) for client in (one, other, one, other, one)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]


def test_redis_holds_ids_of_keys_and_no_secret(world, redis_server):
    client = limited(world, redis=redis_server.url, v1="3/minute")
    row, secret = mint(world.store, "seen", ["reports:read"])
    assert statuses(client, "/v1/sources", {"X-API-Key": secret}, 1) == [200]
    names = [name.decode() for name in redis_server.client().scan_iter()]
    assert any(row.id in name for name in names)
    assert not any(secret in name or secret[3:] in name for name in names)
    assert all(0 < redis_server.client().ttl(name) <= 60 for name in names)


def test_without_redis_a_process_counts_alone_and_asks_again_after_a_pause(redis_server, monkeypatch):
    monkeypatch.setattr(limiter, "_PAUSE_S", 0.2)
    counter = Limiter(redis_server.url)
    assert [counter.take(TEN, "gate", "key").remaining for _ in range(3)] == [9, 8, 7]
    redis_server.kill()
    with capture_logs() as logs:
        assert [counter.take(TEN, "gate", "key").remaining for _ in range(3)] == [9, 8, 7]
        time.sleep(0.3)
        assert counter.take(TEN, "gate", "key").remaining == 6
    assert [line["event"] for line in logs] == ["Redis cannot be reached; each process counts its callers alone"]
    redis_server.start()
    time.sleep(0.3)
    # It is the server's count again; it came back empty.
    assert counter.take(TEN, "gate", "key").remaining == 9


def test_while_redis_is_away_only_one_call_finds_out_whether_it_is_back(monkeypatch, tmp_path):
    counter, asked = Limiter(f"unix://{tmp_path}/nothing.sock"), []
    connect = limiter.RedisStorage.acquire_entry

    def acquire(self, *given, **more):
        asked.append(1)
        return connect(self, *given, **more)

    monkeypatch.setattr(limiter.RedisStorage, "acquire_entry", acquire)
    for _ in range(50):
        assert counter.take((Window(100, "minute"),), "gate", "key").refused_by is None
    assert len(asked) == 1


def test_a_report_is_answered_while_redis_is_away(world, tmp_path):
    client = limited(world, redis=f"unix://{tmp_path}/nothing.sock", v1="2/minute")
    assert statuses(client, "/v1/sources", world.key("reports:read"), 3) == [200, 200, 429]
