"""What every provider's ``verify`` must refuse. Inherit, and say how a genuine request is made.

A provider's tests subclass :class:`WebhookSecurity`; nobody can add a provider and forget about security.
"""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Provider, Request
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Rejected

FIRST, SECOND, FOREIGN = "first-token-0123456789", "second-token-987654321", "token-of-another-source"


class WebhookSecurity:
    provider: Provider

    def genuine(self, secret: str) -> Request:
        """A delivery as the platform sends it to a source that has this secret."""
        raise NotImplementedError

    def tampered(self, request: Request) -> Request:
        """The same with something changed that the secret protects."""
        raise NotImplementedError

    def unproven(self, request: Request) -> Request:
        """The same without any proof."""
        raise NotImplementedError

    def replayed(self, secret: str) -> Request | None:
        """A delivery that was genuine once, but longer ago than the scheme tolerates; ``None`` for a scheme that knows
        no time, where only the identity of its events protects."""
        return None

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return Source(
            name="acme",
            provider=self.provider.name,
            webhook_secrets=list(secrets),
            allowed_addresses=list(addresses),
        )

    def test_a_genuine_delivery_is_accepted(self):
        assert self.provider.verify(self.genuine(FIRST), self.source(FIRST)) is None

    @pytest.mark.parametrize("live", [FIRST, SECOND])
    def test_during_a_rotation_either_of_two_secrets_is_accepted(self, live):
        assert self.provider.verify(self.genuine(live), self.source(FIRST, SECOND)) is None

    def test_a_secret_that_was_removed_is_refused(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.genuine(FIRST), self.source(SECOND))

    def test_the_secret_of_another_source_is_refused(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.genuine(FOREIGN), self.source(FIRST, SECOND))

    def test_a_delivery_without_proof_is_refused(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.unproven(self.genuine(FIRST)), self.source(FIRST))

    def test_a_tampered_delivery_is_refused(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.tampered(self.genuine(FIRST)), self.source(FIRST))

    def test_a_replay_is_refused_or_adds_nothing(self):
        if stale := self.replayed(FIRST):
            with pytest.raises(Rejected):
                self.provider.verify(stale, self.source(FIRST))
            return
        request, source = self.genuine(FIRST), self.source(FIRST)
        first, again = (
            self.provider.read(
                Delivery(
                    source="acme",
                    door=Door.WEBHOOK,
                    received_at=received_at,
                    body=request.body,
                    content_type=request.headers.get("content-type", ""),
                ),
                source,
            )
            for received_at in (1_800_000_000_000, 1_800_086_400_000)
        )
        assert [(e.slot, e.list, e.row) for e in first.events] == [(e.slot, e.list, e.row) for e in again.events]
        assert len({(e.slot, e.list, e.row) for e in first.events}) == len(first.events) > 0

    def test_a_source_without_secrets_accepts_nothing(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.genuine(FIRST), self.source())

    def test_an_empty_secret_matches_nothing(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.unproven(self.genuine(FIRST)), self.source(""))

    def test_a_refusal_holds_no_secret(self):
        with pytest.raises(Rejected) as refused:
            self.provider.verify(self.genuine(FOREIGN), self.source(FIRST, SECOND))
        assert not [secret for secret in (FIRST, SECOND, FOREIGN) if secret in str(refused.value)]

    @pytest.mark.parametrize(
        ("address", "allowed", "accepted"),
        [
            ("192.0.2.10", ("192.0.2.10",), True),
            ("192.0.2.10", ("198.51.100.1", "192.0.2.0/24"), True),
            ("2001:db8::5", ("2001:db8::/32",), True),
            ("203.0.113.9", ("192.0.2.10", "192.0.2.0/28"), False),
            ("192.0.2.11", ("192.0.2.10",), False),
            ("", ("192.0.2.10",), False),
            ("unix:", ("192.0.2.10",), False),
        ],
    )
    def test_where_addresses_are_listed_only_these_are_accepted(self, address, allowed, accepted):
        request = msgspec.structs.replace(self.genuine(FIRST), address=address)
        if accepted:
            assert self.provider.verify(request, self.source(FIRST, addresses=allowed)) is None
        else:
            with pytest.raises(Rejected):
                self.provider.verify(request, self.source(FIRST, addresses=allowed))

    def test_a_listed_address_does_not_stand_in_for_the_secret(self):
        request = msgspec.structs.replace(self.genuine(FOREIGN), address="192.0.2.10")
        with pytest.raises(Rejected):
            self.provider.verify(request, self.source(FIRST, addresses=("192.0.2.10",)))


class SharedSecretDoor:
    """Besides, of a platform that doesn't sign: the secret is shown in the address, as a password or as a token."""

    provider: Provider

    def verify(
        self, *secrets: str, token: str = "", method: str = "POST", body: bytes = b"{}", **headers: str
    ) -> Handshake | None:
        request = Request(method=method, token=token, query="", headers=headers, address="192.0.2.1", body=body)
        source = Source(name="acme", provider=self.provider.name, webhook_secrets=list(secrets))
        return self.provider.verify(request, source)

    @pytest.mark.parametrize(
        "header",
        ["", "Basic", "Basic %%%", "Basic ====", "Basic ÿþ", "Bearer", "Digest x", "basic", "\x00", "Basic /w=="],
    )
    def test_a_header_that_is_malformed_is_refused(self, header):
        with pytest.raises(Rejected):
            self.verify(FIRST, authorization=header)

    @pytest.mark.parametrize("wrong", ["", " ", "\ud800", "ÿ", "%%%", "a:b:c"])
    def test_a_secret_that_is_none_spoils_no_other(self, wrong):
        assert self.verify(wrong, SECOND, token=SECOND) is None

    @pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"null", b"[]"])
    def test_a_body_is_not_looked_at(self, body):
        assert self.verify(FIRST, token=FIRST, body=body) is None

    def test_an_empty_body_can_never_be_a_delivery(self):
        with pytest.raises(Never) as never:
            self.verify(FIRST, token=FIRST, body=b"")
        assert never.value.status == 400

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.verify(FIRST, token=FIRST, method=method)
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered_to_those_who_have_the_secret(self, method):
        assert self.verify(FIRST, token=FIRST, method=method, body=b"") == Handshake(status=200, body="ok")
        with pytest.raises(Rejected):
            self.verify(FIRST, method=method, body=b"")
