"""A topic's posts through the real receiver: the subscription is confirmed, the events are known once."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.vocabulary import Kind
from aftersend.worker.normalizer import drain
from tests.fakes import Polling, Said
from tests.providers.amazon_ses.said import TOPIC, event_of
from tests.providers.topics import Keeper, confirmation, envelope, post, signed, signer

ADA = signer("ada")


@pytest.fixture
def amazon():
    with Keeper() as found:
        yield found


@pytest.fixture
def installed(tmp_path, amazon):
    found = Polling(
        tmp_path, Source(name="acme", provider="amazon_ses", base_url=amazon.url, options={"topics": [TOPIC]})
    )
    yield found
    found.close()


def call(installed: Polling, told: dict) -> int:
    request = post(told)
    client = create_app(installed.settings, installed.store).test_client()
    answer = client.post("/webhooks/acme", data=request.body, headers=request.headers)
    drain(installed.store, installed.settings)
    return answer.status_code


def published(amazon: Keeper, event, number: int, topic: str = TOPIC, **fields):
    own = {"MessageId": f"{number:08d}-2222-5333-8444-555555555555", **fields}
    return signed(envelope(event, topic, amazon.holds("ada.pem", ADA), **own), ADA)


def known(installed: Polling) -> list[tuple[str, str | None, int]]:
    return sorted((event.kind.value, event.email, event.occurred_at) for event in installed.events())


def test_a_subscription_is_confirmed_once_it_is_asked_for_by_a_listed_topic(amazon, installed):
    certificate = amazon.holds("ada.pem", ADA)
    asked = f"{amazon.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"
    told = signed(confirmation(TOPIC, certificate, asked), ADA)
    other = signed(confirmation(f"{TOPIC}-2", certificate, asked.replace(TOPIC, f"{TOPIC}-2")), ADA)
    forged = signed(confirmation(TOPIC, certificate, asked), signer("eve"))
    assert [call(installed, one) for one in (other, forged, told)] == [401, 401, 200]
    visits = [one.query for one in amazon.asked if "Action" in one.query]
    assert visits == [{"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": "t"}]
    assert installed.events() == []


def test_a_subscription_that_cannot_be_confirmed_now_is_asked_for_again(amazon, installed):
    asked = f"{amazon.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"
    told = signed(confirmation(TOPIC, amazon.holds("ada.pem", ADA), asked), ADA)
    amazon.faults = [lambda _fake, said: said, lambda _fake, _said: Said(status=500)]
    assert [call(installed, told), call(installed, told)] == [503, 200]


def test_an_event_whose_certificate_cannot_be_fetched_is_sent_again_and_then_known(amazon, installed):
    told = published(amazon, event_of("delivery"), 1)
    amazon.faults = [lambda _fake, _said: Said(status=503)]
    assert [call(installed, told), call(installed, told)] == [503, 200]
    assert [kind for kind, *_ in known(installed)] == ["delivered"]


def test_redeliveries_repeated_publications_and_identity_notifications_add_nothing(amazon, installed):
    bounce, delivery = event_of("bounce_permanent"), event_of("delivery")
    identity = event_of("identity_bounce")
    posts = [published(amazon, event, number) for number, event in enumerate([bounce, delivery, bounce, identity])]
    for told in [*posts, *reversed(posts)]:
        assert call(installed, told) == 200
    assert [(kind, email) for kind, email, _ in known(installed)] == [
        ("bounced", "nobody@example.com"),
        ("delivered", "ada@example.com"),
    ]
    assert [event.campaign_id for event in installed.events()] == ["camp-7", "camp-7"]


def test_any_order_of_posts_gives_the_same_events(amazon, installed, tmp_path):
    names = ["send", "delivery", "open", "click", "complaint", "unsubscribed", "bounce_transient_two_recipients"]
    posts = [published(amazon, event_of(name), number) for number, name in enumerate(names)]
    (tmp_path / "other").mkdir()
    other = Polling(tmp_path / "other", installed.source)
    for told in posts:
        call(installed, told)
    for told in [*reversed(posts), *posts]:
        call(other, told)
    assert known(other) == known(installed)
    assert len(known(installed)) == 8
    other.close()


def test_two_clicks_of_one_link_stay_two(amazon, installed):
    first, second = event_of("click"), event_of("click")
    second["click"]["timestamp"] = "2026-01-01T12:06:25.571Z"
    for number, event in enumerate([first, second, first]):
        call(installed, published(amazon, event, number))
    assert [event.kind for event in installed.events()] == [Kind.CLICKED] * 2


def test_messages_of_one_email_to_several_recipients_are_told_apart(amazon, installed):
    sent, delivered = event_of("send"), event_of("delivery")
    for event in (sent, delivered):
        event["mail"]["destination"] = ["ada@example.com", "bob@example.com"]
    delivered["delivery"]["recipients"] = ["bob@example.com"]
    call(installed, published(amazon, sent, 1))
    call(installed, published(amazon, delivered, 2))
    assert known(installed) == [
        ("delivered", "bob@example.com", 1_767_268_804_133),
        ("sent", "ada@example.com", 1_767_268_800_012),
        ("sent", "bob@example.com", 1_767_268_800_012),
    ]


def test_a_tampered_post_leaves_nothing(amazon, installed):
    told = published(amazon, event_of("click"), 1)
    assert call(installed, told | {"Message": msgspec.json.encode(event_of("open")).decode()}) == 401
    assert installed.events() == []
