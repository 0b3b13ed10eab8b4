"""Hostile clients against a real receiver: the others are served, memory stays bounded, no process dies.

``AFTERSEND_FAULTS=full`` opens as many connections as the settings allow for.
"""

from __future__ import annotations

import gzip
import os
import socket
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests

from aftersend.providers import PROVIDERS
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door
from tests.faults.clients_tools import (
    PATH,
    PATIENCE,
    GoodClient,
    Peak,
    connect,
    connections,
    ended,
    head,
    heard,
    memory_mb,
    status_of,
    tree,
)
from tests.faults.ledger import FULL, Ledger, Line
from tests.receiver.receivers import TOKEN, Receiver, stored

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

IDLE = 3000 if FULL else 300
SLOW = 400 if FULL else 200
"""Fewer than the requests that two workers can wait for, also where one has more of them than the other."""
BOMBS = 200 if FULL else 16
TIMEOUTS = 'body_timeout = "3s"\nheader_timeout = "3s"'
MOST_MB = 1000 if FULL else 600
"""More than two workers ever need: at rest they have about 260 MB, and 32 large bodies come in at once."""
UNISENDER = '\n[[sources]]\nname = "uni"\nprovider = "unisender_go"\nwebhook_secrets = ["key"]\nfeeds = []\n'


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    directory = tmp_path_factory.mktemp("receiver")
    with Receiver(directory, server=f'{TIMEOUTS}\nmax_headers = "16KB"', source=UNISENDER) as receiver:
        deadline = time.monotonic() + PATIENCE
        # Both workers are asked, or what comes first all comes to one.
        while len(_threads(receiver)) < 2 and time.monotonic() < deadline:
            receiver.answers()
        yield receiver


def _threads(receiver: Receiver) -> list[int]:
    """The workers that listen, each of which has several threads."""
    own = tree(receiver.process.pid)[1:]
    return [pid for pid in own if len(os.listdir(f"/proc/{pid}/task")) > 3]


@contextmanager
def meanwhile(receiver: Receiver, ledger: Ledger, fault: str, times: int, besides: int = 0) -> Iterator[GoodClient]:
    """While this happens to the receiver, the good client is served, memory is bounded, and nobody dies; ``besides``
    deliveries are stored that aren't the good client's."""
    processes = tree(receiver.process.pid)
    began = time.monotonic()
    with Peak(receiver.process.pid) as peak, GoodClient(receiver) as good:
        yield good
        good.wait_for(10)
    good.was_served(besides)
    assert tree(receiver.process.pid) == processes
    assert peak.most < MOST_MB
    ledger.write(
        Line(
            fault=fault,
            times=times,
            webhooks=len(good.acknowledged),
            seconds=time.monotonic() - began,
            note=f"good client: p99 {good.p99():.0f} ms, most {1000 * max(good.times):.0f} ms; memory {peak.before} -> "
            f"{peak.most} -> {memory_mb(receiver.process.pid)} MB",
        )
    )


def test_whoever_opens_connections_and_says_nothing_more_is_shown_out(receiver, ledger):
    silent = {
        "nothing": b"",
        "the beginning of HTTP/2": b"PRI * HT",
        "half a head": head()[:-20],
        "one request": head(path=b"/healthz", method=b"GET"),
    }
    told = {}
    with meanwhile(receiver, ledger, "connections that fall silent", IDLE), ExitStack() as stack:
        opened = {
            what: stack.enter_context(connections(receiver, IDLE // len(silent), sent)) for what, sent in silent.items()
        }
        for what, clients in opened.items():
            told[what] = {heard(client)[:12] for client in clients}
    assert told == {what: {b"HTTP/1.1 200" if what == "one request" else b""} for what in silent}


def test_whoever_sends_half_a_body_is_cut_and_takes_nobodys_place(receiver, ledger):
    halves = [
        head(b"Content-Length: 1000") + b"half",
        head(b"Content-Length: 1000000") + b"half",
        head(b"Transfer-Encoding: chunked") + b"4\r\nhalf\r\n",
        head(b"Content-Length: 1000", b"Expect: 100-continue"),
    ]
    with meanwhile(receiver, ledger, "half a body, and silence", SLOW), ExitStack() as stack:
        opened = [stack.enter_context(connections(receiver, SLOW // len(halves), sent)) for sent in halves]
        assert [ended(clients) for clients in opened] == [SLOW // len(halves)] * len(halves)


def test_whoever_sends_a_byte_at_a_time_is_cut(receiver, ledger):
    begun = [head(b"Content-Length: 1000"), head()[:-2] + b"X-Slow: "]
    with meanwhile(receiver, ledger, "a byte at a time", SLOW), ExitStack() as stack:
        left = [client for sent in begun for client in stack.enter_context(connections(receiver, SLOW // 2, sent))]
        deadline = time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            left = [client for client in left if _takes(client, b"x")]
            time.sleep(0.2)
        assert left == []


def _takes(client: socket.socket, piece: bytes) -> bool:
    """Whether the server is still there for this piece."""
    try:
        client.send(piece)
    except ConnectionError:
        return False
    return True


def test_a_body_that_never_ends_is_413(receiver, ledger):
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with (
        meanwhile(receiver, ledger, "bodies that never end", 4),
        connections(receiver, 4, head(b"Transfer-Encoding: chunked")) as clients,
    ):
        left, deadline = clients, time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            left = [client for client in left if _takes(client, piece)]
        assert left == []


def test_connections_reset_in_the_middle_of_a_body_store_nothing(receiver, ledger):
    with meanwhile(receiver, ledger, "resets in the middle of a body", SLOW):
        for _ in range(SLOW):
            with connect(receiver) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(head(b"Content-Length: 1000") + b"half")


HEADS = {
    "a thousand headers": (head(*[b"X-%d: x" % n for n in range(1000)]), {431}),
    "a header of a megabyte": (head(b"X: " + b"x" * 1_000_000), {431}),
    "headers of a megabyte": (head(*[b"X-%d: " % n + b"x" * 15_000 for n in range(66)]), {431}),
    "a query of megabytes": (head(path=PATH + b"?" + b"x" * 5_000_000), {414, 431}),
    "a path of megabytes": (head(path=b"/" + b"x" * 5_000_000), {414, 431}),
    "a long method": (head(method=b"X" * 1_000_000), {400, 431}),
    "NUL in a path": (head(path=b"/webhooks/ac\0me", method=b"GET"), {400}),
    "NUL in a path, encoded": (head(path=b"/webhooks/ac%00me/%00%0d%0a", method=b"GET"), {404}),
    "CR and LF in a token, encoded": (
        head(b"Content-Length: 0", path=b"/webhooks/acme/%0d%0aSet-Cookie:%20a=b"),
        {401},
    ),
    "a token that is no UTF-8": (head(b"Content-Length: 0", path=b"/webhooks/acme/%ff%fe"), {401}),
    "CR and LF in a report's path": (head(path=b"/v1/%0d%0aX:%20y", method=b"GET"), {404}),
    "NUL in a parameter": (head(path=b"/v1/funnel?source=%00", method=b"GET"), {401}),
    "NUL in a header": (head(b"X: a\0b"), {400}),
    "CR in a header": (head(b"X: a\rb"), {400}),
    "a header without a colon": (head(b"nonsense"), {400}),
    "a space before a colon": (head(b"X : y"), {400}),
    "garbage": (bytes(range(256)) * 100, {400}),
    "TLS": (bytes.fromhex("16030102000100 01fc0303".replace(" ", "")) + os.urandom(508), {400}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400}),
    "HTTP/9": (b"GET / HTTP/9.9\r\n\r\n", {400}),
    "CONNECT": (b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, 405}),
    "an absolute address": (b"GET http://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", {200}),
    "no body at all": (head(), {400}),
    "a length that is no number": (head(b"Content-Length: many"), {400}),
    "a length below nothing": (head(b"Content-Length: -1"), {400}),
    "a length beyond all numbers": (head(b"Content-Length: " + b"9" * 5000), {400}),
    "a length beyond the limit": (head(b"Content-Length: 9000000000000", b"Expect: 100-continue"), {413}),
    "two lengths": (head(b"Content-Length: 1", b"Content-Length: 2") + b"ab", {400}),
    "pieces of no number": (head(b"Transfer-Encoding: chunked") + b"xyz\r\n", {0, 400}),
    "pieces beyond all numbers": (head(b"Transfer-Encoding: chunked") + b"f" * 17 + b"\r\n", {0, 400}),
    "an unknown transfer": (head(b"Transfer-Encoding: gzip") + b"x", {400}),
    "an unknown encoding": (head(b"Content-Encoding: br", b"Content-Length: 1") + b"x", {415}),
    "two encodings": (head(b"Content-Encoding: gzip, gzip", b"Content-Length: 1") + b"x", {415}),
    "no gzip": (head(b"Content-Encoding: gzip", b"Content-Length: 1") + b"x", {400}),
    "half a gzip": (head(b"Content-Encoding: gzip", b"Content-Length: 12") + gzip.compress(b"x" * 99)[:12], {400}),
}


def test_no_nonsense_gets_a_500_or_harms_anybody(receiver, ledger):
    with meanwhile(receiver, ledger, "nonsense instead of HTTP", len(HEADS)) as good:
        told = {what: status_of(receiver, request) for what, (request, _) in HEADS.items()}
        good.wait_for(1)
    assert {what: status for what, status in told.items() if status not in HEADS[what][1]} == {}


def test_a_thousand_requests_in_one_go_are_all_answered_in_turn(receiver, ledger):
    count = 1000
    with meanwhile(receiver, ledger, "requests in one go", count, besides=count), connect(receiver) as client:
        asked = b"".join(head(b"Content-Length: 4") + b"%04d" % n for n in range(count - 1))
        client.sendall(asked + head(b"Content-Length: 4", b"Connection: close") + b"last")
        assert heard(client).count(b"HTTP/1.1 200 OK") == count


def test_whoever_asks_and_never_listens_keeps_nobody_from_being_served(receiver, ledger):
    asked = head(path=b"/openapi.json", method=b"GET") * 100
    with meanwhile(receiver, ledger, "clients that never listen", 50) as good:
        clients = [connect(receiver) for _ in range(50)]
        for client in clients:
            client.setblocking(False)
            client.send(asked)
        good.wait_for(50)
        for client in clients:
            client.close()


def _bomb(megabytes: int) -> bytes:
    """A gzip of so many megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same million again is the same bytes again.
    again = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece + again * (megabytes - 1)


@pytest.mark.parametrize("path", [PATH, b"/webhooks/uni"], ids=["declared", "undeclared"])
def test_bodies_that_would_inflate_to_gigabytes_are_refused(receiver, ledger, path):
    bomb = _bomb(1000)
    declared = [b"Content-Encoding: gzip"] if path == PATH else []
    request = head(*declared, b"Content-Length: %d" % len(bomb), path=path) + bomb
    with meanwhile(receiver, ledger, "zip bombs of 1 GB", BOMBS), connections(receiver, BOMBS, request) as clients:
        statuses = {client.recv(12)[-3:] for client in clients}
    # A 503 is for those who waited too long for one of the places that large bodies have.
    assert statuses - {b"503"} == {b"413" if path == PATH else b"401"}


def test_more_large_bodies_than_there_are_places_wait_their_turn(receiver, ledger):
    count, size = 80, 300_000
    with (
        meanwhile(receiver, ledger, "large bodies at once", count, besides=count),
        connections(receiver, count, head(b"Content-Length: %d" % size) + b"x" * size) as clients,
    ):
        assert {client.recv(12)[-3:] for client in clients} == {b"200"}


def test_a_body_that_comes_too_late_is_not_taken_in(receiver, ledger):
    with (
        meanwhile(receiver, ledger, "bodies that come too late", 20),
        connections(receiver, 20, head(b"Transfer-Encoding: chunked") + b"4\r\nhalf\r\n") as clients,
    ):
        time.sleep(3.5)
        for client in clients:
            _takes(client, b"4\r\nrest\r\n0\r\n\r\n")
        # A connection may have been cut before.
        assert {heard(client)[:12] for client in clients} <= {b"HTTP/1.1 503", b""}


def test_a_compressed_body_in_another_is_undone_once(receiver):
    inner = gzip.compress(b"x" * 1_000_000)
    answer = requests.post(
        receiver.webhook, data=gzip.compress(inner), headers={"Content-Encoding": "gzip"}, timeout=60
    )
    assert answer.status_code == 200
    assert stored(receiver.store)[-1].body == inner


def test_what_is_posted_where_nothing_is_taken_is_refused_and_read_by_nobody(receiver, ledger):
    with meanwhile(receiver, ledger, "bodies where nothing is taken", SLOW):
        for path in (b"/v1/funnel", b"/rest/v1/campaigns/email/activities", b"/nowhere", b"/webhooks/nobody"):
            with connections(receiver, SLOW // 4, head(b"Content-Length: 100000", path=path) + b"[" * 1000) as clients:
                assert {client.recv(12)[-3:] for client in clients} <= {b"404", b"405"}


MANY = 100_000 if FULL else 20_000
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
BODIES = {
    "brackets that never close": b"[" * 100_000,
    "100,000 brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects in one another": DEEP,
    "huge numbers": b'{"event":' + b"9" * 100_000 + b',"timestamp":1e999999,"id":' + b"1" * 4_000 + b"}",
    "a huge text": b'{"event":"' + b"x" * (50 * MANY) + b'"}',
    "the same key many times": b"{" + b",".join([b'"event":"open","email":"a@example.com"'] * MANY) + b"}",
    "halves of characters": b'{"event":"' + b"\\ud800" * 100_000 + b'"}',
    "many fields": b"&".join(b"k%d=v" % n for n in range(MANY)),
    "fields in one another": b"contact" + b"[a]" * 30_000 + b"=1",
    "many parts": b"".join(b'--B\r\nContent-Disposition: form-data; name="k%d"\r\n\r\nv\r\n' % n for n in range(MANY))
    + b"--B--\r\n",
    "a field that is deep": b"mandrill_events=" + DEEP.replace(b'"', b"%22"),
    "NUL": b"\0" * 100_000,
}
TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=B")


@pytest.mark.parametrize("provider", [p for p in PROVIDERS.values() if p.pushes], ids=lambda p: p.name)
def test_readers_of_webhooks_survive_what_nobody_would_send(provider):
    source = Source(name="acme", provider=provider.name, webhook_secrets=["one"], api_key="key")
    for body in BODIES.values():
        for kind in TYPES:
            delivery = Delivery(
                source="acme", door=Door.WEBHOOK, received_at=1_790_000_000_000, body=body, content_type=kind
            )
            reading = provider.read(delivery, source)
            assert len(reading.events) + len(reading.problems) > 0, "nothing is dropped silently"


def test_the_token_is_in_no_answer_to_nonsense(receiver):
    with connect(receiver) as client:
        client.sendall(head(b"Content-Encoding: br", b"Content-Length: 1") + b"x")
        client.shutdown(socket.SHUT_WR)
        assert TOKEN.encode() not in heard(client)
