"""The webhook door, request by request."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from receivers import FORM, OLD_TOKEN, OPENED, TOKEN, configured, migrated, stored
from werkzeug.test import TestResponse

from aftersend.receiver import create_app
from aftersend.settings import load
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.storage.sqlite import file
from aftersend.vocabulary import ConfigurationError, Delivery, Door, now

MAX_BODY = 100_000


class Installed:
    """An app in this process, with its store."""

    def __init__(self, directory: Path, **tables: str):
        tables.setdefault("server", f'max_body = "{MAX_BODY}B"')
        self.settings = configured(directory, **tables)
        self.store: Store = migrated(self.settings)
        self.client: FlaskClient = create_app(self.settings, self.store).test_client()

    def post(self, body: bytes = OPENED, path: str = f"/webhooks/acme/{TOKEN}", **more: object) -> TestResponse:
        more.setdefault("content_type", FORM)
        return self.client.post(path, data=body, **more)

    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in stored(self.store)]


@pytest.fixture
def door(tmp_path):
    return Installed(tmp_path)


def error(response: TestResponse) -> dict[str, object]:
    assert response.content_type == "application/json"
    body = response.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    return body["error"]


def test_a_webhook_is_stored_as_it_came_and_answered_ok(door):
    before = now()
    answer = door.post(OPENED + b"\xff\x00\xd7", query_string="a=1&b=%D7%90")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"ok", "text/plain")
    (delivery,) = stored(door.store)
    assert before <= delivery.received_at <= now()
    assert delivery == Delivery(
        id=delivery.id,
        source="acme",
        door=Door.WEBHOOK,
        feed="",
        received_at=delivery.received_at,
        body=OPENED + b"\xff\x00\xd7",
        content_type=FORM,
        context={"path": "/webhooks/acme/…", "query": "a=1&b=%D7%90", "address": "127.0.0.1"},
    )
    assert delivery.id > 0


def test_any_of_the_secrets_opens_the_door_and_no_other_does(door):
    assert door.post(b"one", f"/webhooks/acme/{TOKEN}").status_code == 200
    assert door.post(b"two", f"/webhooks/acme/{OLD_TOKEN}").status_code == 200
    for wrong in (f"{TOKEN}x", f"{TOKEN}/", TOKEN[:-1], TOKEN.upper(), "%D7%90", "", "%FF"):
        answer = door.post(b"three", f"/webhooks/acme/{wrong}")
        assert answer.status_code == 401
        assert error(answer)["code"] == "unauthorized"
        assert TOKEN not in answer.text
    assert door.post(b"three", "/webhooks/acme").status_code == 401
    assert door.bodies() == [b"one", b"two"]


def test_a_secret_that_was_rotated_out_is_refused(tmp_path):
    old = Installed(tmp_path)
    assert old.post(b"one", f"/webhooks/acme/{OLD_TOKEN}").status_code == 200
    text = Path(old.settings.path).read_text().replace(f', "{OLD_TOKEN}"', "")
    Path(old.settings.path).write_text(text)
    client = create_app(load(old.settings.path, env={}), old.store).test_client()
    assert client.post(f"/webhooks/acme/{OLD_TOKEN}", data=b"two").status_code == 401
    assert client.post(f"/webhooks/acme/{TOKEN}", data=b"three").status_code == 200
    assert old.bodies() == [b"one", b"three"]


def test_the_token_is_nowhere_on_disk(door, tmp_path):
    door.post()
    for path in (tmp_path / "data").iterdir():
        assert TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize("path", ["/webhooks/nobody", f"/webhooks/nobody/{TOKEN}", "/webhooks/", "/webhooks/ACME/x"])
def test_a_source_that_does_not_exist_is_404(door, path):
    answer = door.post(path=path)
    assert answer.status_code == 404
    assert error(answer) == {
        "code": "not_found",
        "message": "There is no source of that name here.",
        "field": None,
    }
    assert door.bodies() == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_405_and_told_what_to_use(door, method):
    answer = door.client.open(f"/webhooks/acme/{TOKEN}", method=method, data=b"x")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert error(answer)["code"] == "method_not_allowed"
    assert door.bodies() == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_provider_answers_a_request_that_only_looks_and_nothing_is_stored(door, method):
    answer = door.client.open(f"/webhooks/acme/{TOKEN}", method=method)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert answer.data == (b"ok" if method == "GET" else b"")
    assert door.client.open("/webhooks/acme/wrong", method=method).status_code == 401
    assert door.bodies() == []


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"<html/>", "text/html", 415, "unsupported_type"),
        (b"x", "multipart/form-data; boundary=x", 415, "unsupported_type"),
        (b"", FORM, 400, "bad_request"),
    ],
)
def test_what_can_never_be_a_delivery_of_the_platform_is_refused(door, body, content_type, status, code):
    answer = door.post(body, content_type=content_type)
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert door.bodies() == []


def test_a_body_of_exactly_the_limit_is_stored_and_one_byte_more_is_413(door):
    assert door.post(b"x" * MAX_BODY).status_code == 200
    answer = door.post(b"x" * (MAX_BODY + 1))
    assert answer.status_code == 413
    assert error(answer) == {
        "code": "too_large",
        "message": f"The body is larger than {MAX_BODY} bytes.",
        "field": None,
    }
    assert door.bodies() == [b"x" * MAX_BODY]


def deflated(body: bytes) -> bytes:
    bare = zlib.compressobj(wbits=-15)
    return bare.compress(body) + bare.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(OPENED)),
        ("x-gzip", gzip.compress(OPENED)),
        (" GZip ", gzip.compress(OPENED)),
        ("gzip", gzip.compress(OPENED) + b"\0\0"),
        ("deflate", zlib.compress(OPENED)),
        ("deflate", deflated(OPENED)),
        ("identity", OPENED),
        ("", OPENED),
    ],
)
def test_a_compressed_body_is_stored_inflated(door, encoding, packed):
    assert door.post(packed, headers={"Content-Encoding": encoding}).status_code == 200
    assert door.bodies() == [OPENED]


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", b"no gzip at all", 400, "bad_request"),
        ("gzip", b"", 400, "bad_request"),
        ("gzip", gzip.compress(OPENED)[:-9], 400, "bad_request"),
        ("gzip", gzip.compress(OPENED)[:-1] + b"?", 400, "bad_request"),
        ("gzip", gzip.compress(OPENED) + b"and more", 400, "bad_request"),
        ("deflate", b"\x78\x9cno deflate", 400, "bad_request"),
        ("br", OPENED, 415, "unsupported_type"),
        ("gzip, gzip", gzip.compress(gzip.compress(OPENED)), 415, "unsupported_type"),
        ("gzip", gzip.compress(b"x" * (MAX_BODY + 1)), 413, "too_large"),
        ("gzip", gzip.compress(b"\0" * 50_000_000), 413, "too_large"),
        ("deflate", zlib.compress(b"\0" * 50_000_000), 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_inflated_or_grows_too_large_is_refused(door, encoding, body, status, code):
    answer = door.post(body, headers={"Content-Encoding": encoding})
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert door.bodies() == []


def test_a_gzip_that_inflates_to_exactly_the_limit_is_stored(door):
    body = b"x" * MAX_BODY
    assert door.post(gzip.compress(body), headers={"Content-Encoding": "gzip"}).status_code == 200
    assert door.bodies() == [body]


def test_a_body_shorter_than_it_said_is_not_stored(door):
    answer = door.client.post(f"/webhooks/acme/{TOKEN}", data=b"half", environ_overrides={"CONTENT_LENGTH": "100"})
    assert (answer.status_code, error(answer)["code"]) == (400, "bad_request")
    assert door.bodies() == []


@pytest.mark.parametrize("length", ["abc", "-1", "²"])
def test_a_length_that_is_no_number_is_400(door, length):
    answer = door.client.post(f"/webhooks/acme/{TOKEN}", data=b"x", environ_overrides={"CONTENT_LENGTH": length})
    assert answer.status_code == 400
    assert door.bodies() == []


LISTED = 'allowed_addresses = ["192.0.2.0/24", "2001:db8::7"]'
PROXIED = 'trusted_proxies = ["127.0.0.1", "198.51.100.0/24"]'


@pytest.mark.parametrize(
    ("server", "forwarded", "status"),
    [
        # Nobody is trusted: what the header says is what the client says about itself.
        ("", "192.0.2.1", 401),
        ("", None, 401),
        (PROXIED, "192.0.2.1", 200),
        (PROXIED, "192.0.2.1:4711", 200),
        (PROXIED, "::ffff:192.0.2.1", 200),
        (PROXIED, "[2001:db8::7]:443", 200),
        (PROXIED, "2001:db8:0::7", 200),
        # The client wrote the first entry itself; the last is what our proxy saw.
        (PROXIED, "192.0.2.1, 203.0.113.9", 401),
        (PROXIED, "203.0.113.9, 192.0.2.1", 200),
        # Through two proxies of ours, and through one of ours and one that is not.
        (PROXIED, "192.0.2.1, 198.51.100.3", 200),
        (PROXIED, "192.0.2.1, 203.0.113.9, 198.51.100.3", 401),
        (PROXIED, "198.51.100.3", 401),
        (PROXIED, "unknown", 401),
        (PROXIED, "192.0.2.1, unknown", 401),
        (PROXIED, " , ", 401),
        (PROXIED, None, 401),
    ],
)
def test_the_allow_list_sees_the_client_through_trusted_proxies_only(tmp_path, server, forwarded, status):
    door = Installed(tmp_path, server=server, source=LISTED)
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert door.post(headers=headers).status_code == status
    assert len(door.bodies()) == (1 if status == 200 else 0)


def test_the_address_found_through_the_proxies_is_kept_with_the_delivery(tmp_path):
    door = Installed(tmp_path, server=PROXIED)
    door.post(headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.1"})
    assert [delivery.context["address"] for delivery in stored(door.store)] == ["192.0.2.1"]


def test_when_it_cannot_be_stored_the_platform_is_told_to_send_it_again(tmp_path):
    settings = configured(tmp_path)
    client = create_app(settings, open_store(settings.server.database)).test_client()
    answer = client.post(f"/webhooks/acme/{TOKEN}", data=OPENED)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert error(answer)["code"] == "unavailable"
    assert str(tmp_path) not in answer.text


def test_while_somebody_holds_the_inbox_too_long_webhooks_are_put_off_and_then_taken(door, monkeypatch):
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.1)
    (path,) = Path(door.settings.path).parent.glob("data/*inbox.db")
    store = open_store(door.settings.server.database)
    client = create_app(door.settings, store).test_client()
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    answer = client.post(f"/webhooks/acme/{TOKEN}", data=b"one")
    assert (answer.status_code, error(answer)["code"]) == (503, "unavailable")
    foreign.execute("COMMIT")
    assert client.post(f"/webhooks/acme/{TOKEN}", data=b"two").status_code == 200
    assert door.bodies() == [b"two"]
    foreign.close()
    store.close()


@pytest.mark.parametrize(
    ("server", "source", "named"),
    [
        ("", 'provider = "nosuch"', "nosuch"),
        ("", 'time_zone = "Mars/Olympus"', "Mars/Olympus"),
        ("", 'allowed_addresses = ["192.0.2.300"]', "192.0.2.300"),
        ("", "no_such_option = 1", "no_such_option"),
        ('trusted_proxies = ["proxy.example.com"]', "", "proxy.example.com"),
    ],
)
def test_a_setting_that_cannot_be_right_is_said_at_the_start(tmp_path, server, source, named):
    toml = Path(configured(tmp_path, server=server).path)
    lines = toml.read_text().splitlines()
    name = source.split(" ")[0]
    # A setting given here replaces the one that is there.
    toml.write_text("\n".join([*(line for line in lines if not name or not line.startswith(name)), source]))
    settings = load(toml, env={})
    with pytest.raises(ConfigurationError, match=named):
        create_app(settings, open_store(settings.server.database))
