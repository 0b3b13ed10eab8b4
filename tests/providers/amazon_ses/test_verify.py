"""Who may call Amazon SES's webhook address (provider file, "Auth / verification").

There are no secrets. What takes their place is the list of topics, and where certificates are pinned, these: the shared
tests are run with each of them in the secrets' place.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from aftersend.providers import proofs, sns
from aftersend.providers.amazon_ses import hosts
from aftersend.providers.contract import Handshake, Request
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Rejected, now
from aftersend.zones import parse
from tests.providers.amazon_ses import vectors
from tests.providers.amazon_ses.said import CERTIFICATE, CONFIRM, SES, TOPIC, event_of
from tests.providers.security import FIRST, WebhookSecurity
from tests.providers.topics import confirmation, envelope, post, signed, signer, written

ADA = signer("ada")


def arn(name: str) -> str:
    """A topic for one of the shared tests' names; none stays none."""
    return f"{TOPIC}-{sha256(name.encode()).hexdigest()[:8]}" if name else ""


class OverTopics(WebhookSecurity):
    provider = SES

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ada@example.com", b"eve@example.com"))

    def unproven(self, request: Request) -> Request:
        told = msgspec.json.decode(request.body)
        del told["Signature"]
        return msgspec.structs.replace(request, body=msgspec.json.encode(told))


class TestTopics(OverTopics):
    """The topics are the secrets: whoever signs for a listed one, and nobody else, gets in."""

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        options = {"topics": list(map(arn, secrets)), "certificates": [ADA.pem]}
        return msgspec.structs.replace(super().source(addresses=addresses), options=options)

    def genuine(self, secret: str, **fields) -> Request:
        return post(signed(envelope(event_of("click"), arn(secret), CERTIFICATE, **fields), ADA))

    def replayed(self, secret: str) -> Request:
        return self.genuine(secret, Timestamp=written(now() - 7_300_000))

    def test_a_replay_within_two_hours_adds_nothing(self):
        request = self.genuine(FIRST)
        readings = [SES.read(delivery(request.body, received_at), self.source(FIRST)) for received_at in (1, 3_600_000)]
        assert readings[0] == readings[1]
        assert len(readings[0].events) == 1


class TestPinnedCertificates(OverTopics):
    """The pinned certificates are the secrets."""

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        # Where nothing is pinned, Amazon's hosts are asked: so that none is, a blank stands there.
        pinned = [signer(secret).pem if secret else "" for secret in secrets or ("",)]
        options = {"topics": [TOPIC], "certificates": pinned}
        return msgspec.structs.replace(super().source(addresses=addresses), options=options)

    def genuine(self, secret: str, **fields) -> Request:
        return post(signed(envelope(event_of("click"), TOPIC, CERTIFICATE, **fields), signer(secret)))

    def replayed(self, secret: str) -> Request:
        return self.genuine(secret, Timestamp=written(now() - 7_300_000))

    def test_a_refusal_holds_no_certificate(self):
        with pytest.raises(Rejected) as refused:
            SES.verify(self.genuine("another"), self.source(FIRST))
        assert "BEGIN" not in str(refused.value)


def delivery(body: bytes, received_at: int) -> Delivery:
    return Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=body)


# -- the vectors of the provider file ------------------------------------------------------------------------


PINNED = Source(name="acme", provider="amazon_ses", options={"topics": [TOPIC], "certificates": [vectors.CERTIFICATE]})


@pytest.fixture
def then(monkeypatch):
    """The time of the vectors."""
    for module in (sns, proofs):
        monkeypatch.setattr(module, "now", lambda: parse("2026-01-01T12:05:00Z", "test"))


def test_the_canonical_strings_are_as_documented():
    string = sns.canonical(vectors.NOTIFICATION)
    assert len(string) == 442
    assert sha256(string).hexdigest() == "bb37da1bc466ccf9e68729f66c10343d3f3f9d0c554faccba7948f5a5f032345"
    string = sns.canonical(vectors.CONFIRMATION)
    assert sha256(string).hexdigest() == "35eb95888cf96e478483566763db279c6f173a55c3bf9fbfd3e3d0329f774ad4"


@pytest.mark.parametrize(
    "told",
    [vectors.NOTIFICATION, vectors.NOTIFICATION | {"SignatureVersion": "2", "Signature": vectors.VERSION_2}],
    ids=["version 1", "version 2"],
)
def test_the_documented_notification_is_accepted_in_its_time(then, told):
    assert SES.verify(post(told), PINNED) is None
    assert SES.verify(msgspec.structs.replace(post(told), headers={}), PINNED) is None
    with pytest.raises(Rejected):
        SES.verify(post(told | {"Message": told["Message"] + "\n"}), PINNED)


def test_the_documented_notification_is_refused_long_after_its_time():
    with pytest.raises(Rejected, match="2 hours"):
        SES.verify(post(vectors.NOTIFICATION), PINNED)


def test_the_documented_subscription_is_confirmed_in_its_time(then):
    wanted = Handshake(visit=vectors.CONFIRMATION["SubscribeURL"])
    assert SES.verify(post(vectors.CONFIRMATION), PINNED) == wanted
    with pytest.raises(Rejected):
        SES.verify(post(vectors.CONFIRMATION | {"Token": "another"}), PINNED)


# -- Amazon's addresses --------------------------------------------------------------------------------------


FILE = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
CHINA = "arn:aws-cn:sns:cn-north-1:123456789012:ses-events"
GOVERNMENT = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:ses-events"


@pytest.mark.parametrize(
    ("topic", "host"),
    [
        (TOPIC, "sns.us-east-1.amazonaws.com"),
        (CHINA, "sns.cn-north-1.amazonaws.com.cn"),
        (GOVERNMENT, "sns.us-gov-west-1.amazonaws.com"),
    ],
)
def test_addresses_of_the_topics_own_region_are_amazons(topic, host):
    assert hosts.signs_at(f"https://{host}/{FILE}", topic)
    assert hosts.confirms_at(f"https://{host}/?Action=ConfirmSubscription&TopicArn={topic}&Token=abc", topic)
    encoded = topic.replace(":", "%3A")
    assert hosts.confirms_at(f"https://{host}/?Action=ConfirmSubscription&Token=abc&TopicArn={encoded}", topic)


@pytest.mark.parametrize(
    "host",
    [
        "sns.eu-west-1.amazonaws.com",
        "sns.us-east-1.amazonaws.com.cn",
        "sns.us-east-1.amazonaws.com.example.com",
        "sns.us-east-1.amazonaws.com:443",
        "sns.us-east-1.amazonaws.com:8443",
        "user@sns.us-east-1.amazonaws.com",
        "sns.us-east-1.amazonaws.com@example.com",
        "sns-us-east-1.amazonaws.com",
        "evil.sns.us-east-1.amazonaws.com",
        "sns.us-east-1.amazonaws.com.",
        "SNS.us-east-1.amazonaws.com",
        "sns.us-east-1.amazonaws.com\n",
        "bucket.s3.amazonaws.com",
        "example.com\\.sns.us-east-1.amazonaws.com",
        "127.0.0.1",
    ],
)
def test_addresses_of_other_hosts_are_not(host):
    assert not hosts.signs_at(f"https://{host}/{FILE}", TOPIC)
    assert not hosts.confirms_at(f"https://{host}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc", TOPIC)


@pytest.mark.parametrize(
    "path",
    [
        "",
        FILE + "?x=1",
        FILE + "#x",
        FILE + "\n",
        "a/" + FILE,
        "../" + FILE,
        "SimpleNotificationService-0123.pem",
        "SimpleNotificationService-0123456789abcdef.pem/..",
        "SimpleNotificationService-01234567%2e.pem",
        FILE.replace(".pem", ".cer"),
        FILE.replace(".pem", "xpem"),
    ],
)
def test_other_paths_hold_no_certificate(path):
    assert not hosts.signs_at(f"https://sns.us-east-1.amazonaws.com/{path}", TOPIC)
    assert not hosts.signs_at(f"http://sns.us-east-1.amazonaws.com/{FILE}", TOPIC)


@pytest.mark.parametrize(
    "address",
    [
        CONFIRM.replace("https", "http"),
        CONFIRM.replace("ConfirmSubscription", "Unsubscribe"),
        CONFIRM.replace("Action=ConfirmSubscription&", ""),
        CONFIRM + "&Action=Unsubscribe",
        CONFIRM.replace("ses-events", "others"),
        CONFIRM + f"&TopicArn={TOPIC}-2",
        CONFIRM.replace(f"TopicArn={TOPIC}&", ""),
        CONFIRM.replace("com/?", "com/other?"),
        CONFIRM + "#x",
        CONFIRM + "\r\nHost: example.com",
        "https://sns.us-east-1.amazonaws.com/",
        "",
    ],
)
def test_other_addresses_confirm_nothing(address):
    assert hosts.confirms_at(CONFIRM, TOPIC)
    assert not hosts.confirms_at(address, TOPIC)
    source = Source(name="acme", provider="amazon_ses", options={"topics": [TOPIC], "certificates": [ADA.pem]})
    with pytest.raises(Rejected):
        SES.verify(post(signed(confirmation(TOPIC, CERTIFICATE, address), ADA)), source)


@pytest.mark.parametrize(
    "topic", ["", "arn", "arn:aws:sns", "arn:aws:sns::1:x", ":::::", TOPIC.replace("us-east", "U")]
)
def test_a_topic_that_is_none_has_no_addresses(topic):
    assert not hosts.signs_at(CERTIFICATE, topic)
    assert not hosts.confirms_at(CONFIRM, topic)
