"""Who may call Mailgun's webhook address (provider file, "Auth / verification")."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import msgspec
import pytest

from aftersend.providers import proofs
from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.mailgun import Mailgun
from aftersend.receiver import create_app
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Rejected
from aftersend.worker.normalizer import drain
from tests.providers.mailgun.said import KEY, PARENT, TOKEN, fixture, signature, told
from tests.providers.security import FIRST, SECOND, WebhookSecurity

THEN = 1767268800
SIGNATURE = "3943a9ce7a918fd6f5d56fd5462923d52d4304834c537d4cacb9e1f32fcccaf0"
PARENTAL = "7fc57bfae0ec15cdfb49d0ba9c90abca8093bb05b6917b2f8f7b0ffd7d9503a7"


def request(body: Any, method: str = "POST", **headers: str) -> Request:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    given = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, token="", query="", headers=given, address="192.0.2.1", body=raw)


def bare(data: bytes) -> Request:
    """A genuine call with these bytes for its event."""
    proof = msgspec.json.encode(signature(FIRST, int(time.time())))
    return request(b'{"signature":%b,"event-data":%b}' % (proof, data))


def call(proof: dict[str, Any], name: str = "delivered") -> dict[str, Any]:
    return {"signature": proof, "event-data": told(name)}


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour after the provider file's vector was signed."""
    monkeypatch.setattr(proofs, "now", lambda: (THEN + 1800) * 1000)


class TestMailgun(WebhookSecurity):
    provider = Mailgun()

    def genuine(self, secret: str) -> Request:
        return request(call(signature(secret, int(time.time()))))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(TOKEN.encode(), TOKEN[::-1].encode()))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=msgspec.json.encode({"event-data": told("delivered")}))

    def replayed(self, secret: str) -> Request:
        return request(call(signature(secret, int(time.time()) - 86_410)))

    def verified(self, body: Any, *secrets: str) -> bool:
        try:
            return self.provider.verify(request(body), self.source(*(secrets or (FIRST,)))) is None
        except Rejected:
            return False

    @pytest.mark.usefixtures("then")
    def test_the_documented_vector_is_accepted_in_its_time(self):
        assert signature(KEY, THEN)["signature"] == SIGNATURE
        assert self.verified(fixture("webhook_delivered.json"), KEY)
        assert self.verified(call({"timestamp": str(THEN), "token": TOKEN, "signature": SIGNATURE}), KEY)
        assert not self.verified(call({"timestamp": str(THEN), "token": TOKEN, "signature": SIGNATURE[::-1]}), KEY)

    @pytest.mark.usefixtures("then")
    def test_an_event_of_a_subaccount_is_accepted_by_the_primary_accounts_key(self):
        assert signature(PARENT, THEN, name="parent-signature")["parent-signature"] == PARENTAL
        whole = {"timestamp": str(THEN), "token": TOKEN, "signature": SIGNATURE, "parent-signature": PARENTAL}
        assert [self.verified(call(whole), key) for key in (KEY, PARENT, "another")] == [True, True, False]
        alone = {"timestamp": str(THEN), "token": TOKEN, "parent-signature": PARENTAL}
        assert [self.verified(call(alone), key) for key in (KEY, PARENT)] == [False, True]

    def test_an_old_vector_is_a_replay(self):
        assert not self.verified(fixture("webhook_delivered.json"), KEY)

    @pytest.mark.parametrize(
        ("ago", "accepted"), [(0, True), (8 * 3600, True), (86_390, True), (86_410, False), (-86_390, True)]
    )
    def test_a_call_may_be_a_day_old_since_mailgun_repeats_it_for_eight_hours(self, ago, accepted):
        assert self.verified(call(signature(FIRST, int(time.time()) - ago))) is accepted

    def test_a_call_from_far_in_the_future_is_refused(self):
        assert not self.verified(call(signature(FIRST, int(time.time()) + 86_410)))

    def test_the_tolerance_is_the_operators(self):
        source = Source(name="acme", provider="mailgun", webhook_secrets=[FIRST], options={"tolerance": "5m"})
        with pytest.raises(Rejected):
            self.provider.verify(request(call(signature(FIRST, int(time.time()) - 400))), source)

    @pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
    @pytest.mark.parametrize("value", [None, "", "x", 0, -1, 1.5, True, [], {}, "\ud800", "٣"])
    def test_a_part_that_is_missing_or_wrong_is_refused(self, name, value):
        proof: dict[str, Any] = {**signature(FIRST, int(time.time())), name: value}
        if value is None:
            del proof[name]
        # msgspec prints no halves of characters.
        assert not self.verified(json.dumps(call(proof)).encode())

    def test_a_time_printed_as_a_number_is_the_same(self):
        proof: dict[str, Any] = signature(FIRST, int(time.time()))
        assert self.verified(call({**proof, "timestamp": int(proof["timestamp"])}))

    def test_a_signature_in_capitals_is_not_what_mailgun_prints(self):
        proof = signature(FIRST, int(time.time()))
        assert not self.verified(call({**proof, "signature": proof["signature"].upper()}))

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xff\xfe",
            b"{",
            b"null",
            b"[]",
            b'"x"',
            b'{"signature":null}',
            b'{"signature":[]}',
            b'{"signature":{"timestamp":' + b"1" * 5000 + b',"token":"x","signature":"y"}}',
            b"[" * 10**5,
        ],
    )
    def test_what_is_no_call_is_refused(self, body):
        assert not self.verified(body)

    def test_a_key_that_is_none_spoils_no_other(self):
        assert self.verified(call(signature(FIRST, int(time.time()))), " ", "\ud800", "ключ", FIRST)

    @pytest.mark.parametrize("form", ["multipart/form-data; boundary=x", "Application/X-WWW-Form-Urlencoded"])
    def test_the_form_of_an_inbound_route_can_never_be_a_webhook(self, form):
        with pytest.raises(Never) as never:
            self.provider.verify(request(b"timestamp=1&token=x&signature=y", content_type=form), self.source(FIRST))
        assert never.value.status == 415

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request(b"", method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request(b"", method), self.source(FIRST)) == Handshake(status=200, body="ok")

    def test_the_token_is_remembered_until_its_age_refuses_it(self):
        signed = int(time.time())
        for name in ("delivered", "stored", "unknown"):
            used = self.provider.once(request(call(signature(FIRST, signed), name)), self.source(FIRST))
            assert used is not None
            assert used.until == signed * 1000 + 86_400_000 + 1

    def test_a_token_moved_into_the_time_is_the_same_token(self):
        """The signed text has no separator, so the same signature fits."""
        signed, token = int(time.time()), "7" + TOKEN[1:]
        proof = signature(FIRST, signed, token)
        moved = {**proof, "timestamp": str(signed)[:-1], "token": str(signed)[-1] + token}
        one, other = (self.provider.once(request(call(p)), self.source(FIRST)) for p in (proof, moved))
        assert one is not None
        assert other is not None
        assert one.token == other.token
        assert not self.verified(call(moved))
        assert not self.verified(call({**proof, "timestamp": f"{signed}7", "token": token[1:]}))


class Installation:
    def __init__(self, directory):
        source = Source(name="acme", provider="mailgun", webhook_secrets=[FIRST, SECOND])
        self.settings = Settings(server=Server(database=f"sqlite:///{directory}/aftersend.db"), sources=[source])
        self.store = open_store(self.settings.server.database)
        self.store.migrate()
        self.client = create_app(self.settings, self.store).test_client()

    def call(self, body: Any) -> int:
        return self.client.post("/webhooks/acme", json=body).status_code

    def known(self) -> list[tuple[str, str | None]]:
        drain(self.store, self.settings)
        return [(event.kind, event.email) for event in self.store.events(Filter(), "oldest", limit=100)]


@pytest.fixture
def installation(tmp_path):
    found = Installation(tmp_path)
    yield found
    found.store.close()


def test_a_used_token_takes_its_own_event_again_and_no_other(installation):
    proof = signature(FIRST, int(time.time()))
    genuine = {"signature": proof, "event-data": told("delivered")}
    forged = {"signature": proof, "event-data": told("complained")}
    answers = [installation.call(body) for body in (genuine, forged, genuine, forged)]
    assert answers == [200, 401, 200, 401]
    assert installation.known() == [("delivered", "ada@example.com")]


@pytest.mark.parametrize(
    "change",
    [
        *({"timestamp": 1767355300.5}, {"event": "complained"}, {"domain": {"name": "other.example.com"}}, {"id": "x"}),
        # These would count for the same event, and might speak before the genuine account.
        *({"recipient": "eve@example.com"}, {"user-variables": {"customer_id": "c-1"}}, {"tags": None}),
    ],
)
def test_a_used_token_proves_no_event_that_differs_in_anything(installation, change):
    proof = signature(FIRST, int(time.time()))
    assert installation.call({"signature": proof, "event-data": told("delivered")}) == 200
    assert installation.call({"signature": proof, "event-data": told("delivered") | change}) == 401
    assert installation.known() == [("delivered", "ada@example.com")]


def test_the_same_event_printed_otherwise_is_the_same_for_its_token(installation):
    body = {"signature": signature(FIRST, int(time.time())), "event-data": told("delivered")}
    turned = {**body, "event-data": dict(reversed(body["event-data"].items()))}
    assert [installation.call(body), installation.call(turned)] == [200, 200]
    assert installation.known() == [("delivered", "ada@example.com")]


@pytest.mark.parametrize("data", [b"9" * 400, b'"\\ud800"', b"NaN", b"null", b"[]"])
def test_whatever_stands_for_the_event_a_token_is_used_up(data):
    used = Mailgun().once(bare(data), Source(name="acme", provider="mailgun", webhook_secrets=[FIRST]))
    assert used is not None


def test_no_depth_of_nesting_is_too_deep_for_a_call_that_was_verified():
    source, provider = Source(name="acme", provider="mailgun", webhook_secrets=[FIRST]), Mailgun()
    taken = 0
    for depth in range(1, 1001):
        given = bare(b"[" * depth + b"]" * depth)
        with contextlib.suppress(Rejected):
            provider.verify(given, source)
            taken += provider.once(given, source) is not None
    assert taken > 100


def test_a_redelivery_under_a_new_token_is_taken_and_counts_once(installation):
    for token in ("a" * 50, "b" * 50):
        proof = signature(SECOND, int(time.time()), token)
        assert installation.call({"signature": proof, "event-data": told("delivered")}) == 200
    assert installation.known() == [("delivered", "ada@example.com")]


def test_a_body_that_cannot_be_read_is_kept_for_its_own_token(installation):
    proof = signature(FIRST, int(time.time()))
    unreadable = {"signature": proof, "event-data": {"event": "opened"}}
    assert [installation.call(unreadable), installation.call(unreadable)] == [200, 200]
    assert installation.call({"signature": proof, "event-data": told("delivered")}) == 401
    assert installation.known() == []
