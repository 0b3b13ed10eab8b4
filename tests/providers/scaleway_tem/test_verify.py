"""Who may call Scaleway's webhook address (provider file, "Verification").

There are no secrets. What takes their place are the topics that are listed and the authorities that are trusted: the
shared tests are run with each of them in the secrets' place. What SNS's like have in common is tried in
tests/providers/test_sns.py.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from aftersend.providers import sns
from aftersend.providers.contract import Handshake, Request
from aftersend.providers.scaleway_tem import hosts
from aftersend.settings import Source
from aftersend.vocabulary import Rejected, TemporaryError, now
from tests.providers.scaleway_tem.said import CERTIFICATE, TEM, TOPIC, event_of
from tests.providers.security import FIRST, SECOND, WebhookSecurity
from tests.providers.topics import Keeper, certified, confirmation, envelope, post, signed, written

ROOT = certified("root", authority=True)
LEAF = certified("leaf", ROOT)


def arn(name: str) -> str:
    """A topic for one of the shared tests' names; none stays none."""
    return f"{TOPIC}-{sha256(name.encode()).hexdigest()[:8]}" if name else ""


class Signed(WebhookSecurity):
    provider = TEM
    keeper: Keeper

    @pytest.fixture(autouse=True)
    def kept(self):
        with Keeper() as self.keeper:
            yield

    def trusting(self, topics: list[str], chain: list[str], addresses: tuple[str, ...]) -> Source:
        options = {"topics": topics, "trust_chain": chain}
        return msgspec.structs.replace(super().source(addresses=addresses), base_url=self.keeper.url, options=options)

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ana@example.com", b"eve@example.com"))

    def unproven(self, request: Request) -> Request:
        told = msgspec.json.decode(request.body)
        del told["Signature"]
        return msgspec.structs.replace(request, body=msgspec.json.encode(told))


class TestTopics(Signed):
    """The topics are the secrets."""

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return self.trusting(list(map(arn, secrets)), [ROOT.pem], addresses)

    def genuine(self, secret: str, **fields) -> Request:
        certificate = self.keeper.holds("leaf.pem", LEAF)
        return post(signed(envelope(event_of("email_delivered"), arn(secret), certificate, **fields), LEAF))

    def replayed(self, secret: str) -> Request:
        return self.genuine(secret, Timestamp=written(now() - 86_500_000))


class TestAuthorities(Signed):
    """The authorities are the secrets: each has a signing certificate of its own."""

    def authority(self, name: str):
        return certified(f"authority of {name}", authority=True)

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return self.trusting([TOPIC], [self.authority(name).pem if name else "" for name in secrets], addresses)

    def genuine(self, secret: str, **fields) -> Request:
        leaf = certified("signer", self.authority(secret))
        certificate = self.keeper.holds("signer.pem", leaf)
        return post(signed(envelope(event_of("email_delivered"), TOPIC, certificate, **fields), leaf))

    def replayed(self, secret: str) -> Request:
        return self.genuine(secret, Timestamp=written(now() - 86_500_000))

    def test_while_a_certificate_changes_messages_signed_with_either_are_accepted(self):
        source = self.source(FIRST)
        for year in (2090, 2098, 2090):
            leaf = certified("signer", self.authority(FIRST), until=year)
            told = envelope(event_of("email_delivered"), TOPIC, self.keeper.holds(f"{year}.pem", leaf))
            assert TEM.verify(post(signed(told, leaf)), source) is None

    def test_an_authority_of_another_region_may_stand_beside(self):
        chain = [self.authority(SECOND).pem + self.authority(FIRST).pem]
        source = self.trusting([TOPIC], chain, ())
        assert TEM.verify(self.genuine(FIRST), source) is None

    def test_a_chain_that_cannot_be_read_lets_scaleway_send_again(self, tmp_path):
        source = self.trusting([TOPIC], [str(tmp_path / "missing.pem")], ())
        with pytest.raises(TemporaryError):
            TEM.verify(self.genuine(FIRST), source)

    def test_a_subscription_is_confirmed_where_all_is_right(self):
        leaf = certified("signer", self.authority(FIRST))
        asked = f"{self.keeper.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"
        told = confirmation(TOPIC, self.keeper.holds("signer.pem", leaf), asked)
        assert TEM.verify(post(signed(told, leaf)), self.source(FIRST)) == Handshake(visit=asked)
        with pytest.raises(Rejected):
            TEM.verify(post(signed(told, leaf)), self.source(SECOND))


def test_the_canonical_string_is_as_documented():
    told = {
        "Type": "Notification",
        "MessageId": "7b8c9d0e-1f2a-4b3c-8d4e-5f6071829304",
        "TopicArn": TOPIC,
        "Message": '{"id":"0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5","type":"email_delivered"}',
        "Timestamp": "2026-03-01T10:00:31Z",
        "SignatureVersion": "1",
    }
    assert sns.canonical(told).decode().splitlines() == [
        "Message",
        '{"id":"0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5","type":"email_delivered"}',
        "MessageId",
        "7b8c9d0e-1f2a-4b3c-8d4e-5f6071829304",
        "Timestamp",
        "2026-03-01T10:00:31Z",
        "TopicArn",
        "arn:scw:sns:fr-par:project-11111111-2222-4333-8444-555555555555:tem-events",
        "Type",
        "Notification",
    ]
    assert sns.canonical(told).endswith(b"Notification\n")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (CERTIFICATE, True),
        ("https://messaging.s3.nl-ams.scw.cloud/a/b-2.pem", True),
        (CERTIFICATE.replace("https", "http"), False),
        (CERTIFICATE.replace("scw.cloud", "scw.cloud.example.com"), False),
        (CERTIFICATE.replace("scw.cloud", "scw.cloud:8443"), False),
        (CERTIFICATE.replace("scw.cloud", "evilscw.cloud"), False),
        (CERTIFICATE.replace("messaging", "user@messaging"), False),
        (CERTIFICATE.replace("scw.cloud", "example.com\\.scw.cloud"), False),
        ("https://scw.cloud/a.pem", False),
        (CERTIFICATE + "?x", False),
        (CERTIFICATE + "#x", False),
        (CERTIFICATE + "\n", False),
        (CERTIFICATE.replace("/sns/", "/../"), False),
        (CERTIFICATE.replace("/sns/", "//"), False),
        (CERTIFICATE.replace(".pem", ".crt"), False),
        ("", False),
    ],
)
def test_certificates_are_fetched_only_from_scaleways_storage(address, allowed):
    assert hosts.signs_at(address, TOPIC) is allowed


QUERY = f"Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (f"https://sns.mnq.fr-par.scaleway.com/?{QUERY}", True),
        (f"https://sns.mnq.fr-par.scaleway.com?{QUERY}", True),
        (f"https://messaging.fr-par.scw.cloud/sns/confirm?{QUERY}", True),
        ("https://sns.mnq.fr-par.scaleway.com/?Token=abc", True),
        (f"http://sns.mnq.fr-par.scaleway.com/?{QUERY}", False),
        (f"https://sns.mnq.fr-par.scaleway.com:444/?{QUERY}", False),
        (f"https://scaleway.com.example.com/?{QUERY}", False),
        (f"https://user@sns.scaleway.com/?{QUERY}", False),
        (f"https://sns.scaleway.com/?{QUERY}&Action=DeleteTopic", False),
        (f"https://sns.scaleway.com/?{QUERY}&TopicArn=other", False),
        (f"https://sns.scaleway.com/?{QUERY}".replace("Confirm", "Un"), False),
        (f"https://sns.scaleway.com/?{QUERY}".replace(":tem-events", ":others"), False),
        ("https://sns.scaleway.com/", False),
        (f"https://sns.scaleway.com/?{QUERY}#x", False),
        (f"https://sns.scaleway.com/?{QUERY}\r\nx", False),
        ("http://169.254.169.254/?x", False),
    ],
)
def test_subscriptions_are_confirmed_only_at_scaleways_hosts(address, allowed):
    assert hosts.confirms_at(address, TOPIC) is allowed
