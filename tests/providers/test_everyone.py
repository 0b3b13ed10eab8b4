"""What holds for every provider: nothing it is sent makes it raise, and its fixtures converge in any order."""

from __future__ import annotations

import random
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend.providers import PROVIDERS
from aftersend.providers.contract import Handshake, Never, Provider, Request
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Clock, Delivery, Door, Reading, Rejected, TemporaryError
from aftersend.worker.normalizer import drain
from tests.providers.junk import PLAIN, nested

RECEIVED = 1_790_000_000_000
TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded", "": "", "text": "text/plain"}
EVERYONE = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda p: p.name)
PUSHING = pytest.mark.parametrize("provider", [p for p in PROVIDERS.values() if p.pushes], ids=lambda p: p.name)

pieces = st.sampled_from([b"[", b"]", b"{", b"}", b",", b":", b'"', b'"a"', b"1", b"&", b"=", b"%5B", b"\xff", b"null"])
names = st.text(max_size=8)
bodies = (
    st.binary(max_size=200)
    | st.lists(pieces, max_size=30).map(b"".join)
    | nested(names, PLAIN).map(lambda said: msgspec.json.encode(said) if _encodes(said) else b"{}")
)
words = st.text(max_size=40) | st.sampled_from(["", "t=1,v1=00", "v1,AAAA", "Basic AAAA", "Bearer x", "1767268800"])


def _encodes(said: object) -> bool:
    try:
        msgspec.json.encode(said)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def source_of(provider: Provider) -> Source:
    return Source(name="acme", provider=provider.name, webhook_secrets=["one", "two"], api_key="key")


def webhook(body: bytes, kind: str, at: int = RECEIVED) -> Delivery:
    return Delivery(source="acme", door=Door.WEBHOOK, received_at=at, body=body, content_type=TYPES[kind])


def fixtures(provider: Provider) -> list[tuple[str, bytes]]:
    """Ending and body of each of its webhooks."""
    folder = files(f"aftersend.providers.{provider.name}").joinpath("fixtures")
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return [(f.name.rpartition(".")[2], f.read_bytes()) for f in found if f.name.startswith("webhook_")]


def storable(reading: Reading) -> None:
    for found in (*reading.events, *reading.snapshots, *reading.campaigns, *reading.contacts, *reading.problems):
        msgspec.json.encode(found)
    assert all(len(event.slot) == 16 and 0 <= event.occurred_at < 2**53 for event in reading.events)


@PUSHING
@settings(max_examples=40)
@given(body=bodies, kind=st.sampled_from(sorted(TYPES)))
def test_any_bytes_as_a_webhook_are_read_without_raising(provider, body, kind):
    storable(provider.read(webhook(body, kind), source_of(provider)))


@EVERYONE
@settings(max_examples=20)
@given(body=bodies)
def test_any_bytes_as_a_page_are_read_without_raising(provider, body):
    for feed in provider.feeds(source_of(provider)):
        page = Delivery(source="acme", door=Door.FEED, feed=feed.name, received_at=RECEIVED, body=body)
        storable(provider.read(page, source_of(provider)))


@PUSHING
@settings(max_examples=40)
@given(
    body=bodies,
    token=words,
    query=words,
    headers=st.dictionaries(
        st.sampled_from(
            [
                *("authorization", "content-type", "content-encoding", "x-twilio-email-event-webhook-signature"),
                *("x-twilio-email-event-webhook-timestamp", "webhook-id", "webhook-timestamp", "webhook-signature"),
                *("svix-id", "svix-timestamp", "svix-signature", "x-mandrill-signature", "x-mailchimp-signature"),
                *("signature", "mailtrap-signature", "x-postal-signature", "x-postal-signature-256"),
                *("klaviyo-signature", "klaviyo-timestamp", "x-amz-sns-message-type", "x-amz-sns-topic-arn"),
            ]
        ),
        words,
    ),
    method=st.sampled_from(["POST", "GET", "HEAD"]),
)
def test_no_stranger_is_let_in_and_none_makes_it_stumble(provider, body, token, query, headers, method):
    request = Request(
        method=method,
        url="https://events.example.com/webhooks/acme",
        token=token,
        query=query,
        headers=headers,
        address="192.0.2.1",
        body=body if method == "POST" else b"",
    )
    try:
        answer = provider.verify(request, source_of(provider))
    except (Rejected, Never, TemporaryError):
        return
    assert isinstance(answer, Handshake)
    assert answer.status == 200
    assert not answer.visit


@PUSHING
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32))
def test_its_webhooks_are_one_truth_in_any_order_and_number(provider, seed):
    ordered = [webhook(body, kind) for kind, body in fixtures(provider)]
    shuffled = [
        msgspec.structs.replace(delivery, received_at=RECEIVED + n) for n, delivery in enumerate(ordered + ordered[::2])
    ]
    dice = random.Random(seed)
    dice.shuffle(shuffled)
    assert told(provider, [ordered]) == told(provider, [shuffled[: dice.randrange(len(shuffled))], shuffled, ordered])


def told(provider: Provider, batches: list[list[Delivery]]) -> tuple[list[bytes], object]:
    """Everything known after these batches, but for the numbers that rise with arrival and what is not the platform's
    word: the time of receipt, where it stands in for another."""
    with TemporaryDirectory() as directory:
        account = source_of(provider)
        installed = Settings(server=Server(database=f"sqlite:///{Path(directory)}/store.db"), sources=[account])
        store = open_store(installed.server.database)
        store.migrate()
        try:
            for batch in batches:
                store.append(batch)
                drain(store, installed)
            assert store.differences() == []
            events = [
                msgspec.structs.replace(
                    row, number=0, received_at=0, occurred_at=0 if row.clock is Clock.RECEIVED else row.occurred_at
                )
                for row in store.events(Filter(), "oldest", limit=1_000)
            ]
            return sorted(map(msgspec.json.encode, events)), store.quarantined() > 0
        finally:
            store.close()
