"""Who may call inwise's webhook address."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.inwise import Inwise
from aftersend.vocabulary import Rejected
from tests.providers.inwise.said import fixture
from tests.providers.security import FIRST, FOREIGN, WebhookSecurity


class TestInwise(WebhookSecurity):
    provider = Inwise()

    def genuine(self, secret: str) -> Request:
        return Request(
            method="POST",
            token=secret,
            query="",
            headers={"content-type": "application/x-www-form-urlencoded"},
            address="193.169.246.40",
            body=fixture("webhook_email_opened.form"),
        )

    def tampered(self, request: Request) -> Request:
        # inwise signs nothing: the token is all there is to change.
        return msgspec.structs.replace(request, token=request.token[:-1])

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token="")

    def changed(self, **fields):
        return msgspec.structs.replace(self.genuine(FIRST), **fields)

    def test_a_token_that_is_not_ascii_is_refused(self):
        with pytest.raises(Rejected):
            self.provider.verify(self.genuine("אסימון"), self.source(FIRST))

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(self.changed(method=method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered_with_the_right_token_only(self, method):
        request = self.changed(method=method, body=b"", headers={})
        assert self.provider.verify(request, self.source(FIRST)) == Handshake(status=200, body="ok")
        with pytest.raises(Rejected):
            self.provider.verify(msgspec.structs.replace(request, token=FOREIGN), self.source(FIRST))

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/x-www-form-urlencoded; charset=utf-8",
            "APPLICATION/JSON",
            "application/json;charset=UTF-8",
            "",
        ],
    )
    def test_forms_and_json_are_accepted_however_they_are_written(self, content_type):
        assert self.provider.verify(self.changed(headers={"content-type": content_type}), self.source(FIRST)) is None

    def test_a_missing_content_type_is_accepted(self):
        assert self.provider.verify(self.changed(headers={}), self.source(FIRST)) is None

    @pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "text/xml"])
    def test_another_content_type_can_never_be_a_delivery(self, content_type):
        with pytest.raises(Never) as never:
            self.provider.verify(self.changed(headers={"content-type": content_type}), self.source(FIRST))
        assert never.value.status == 415

    def test_an_empty_body_can_never_be_a_delivery(self):
        with pytest.raises(Never) as never:
            self.provider.verify(self.changed(body=b""), self.source(FIRST))
        assert never.value.status == 400

    def test_a_body_is_not_parsed(self):
        assert self.provider.verify(self.changed(body=b"\xff\x00{["), self.source(FIRST)) is None

    @pytest.mark.parametrize("fields", [{"headers": {"content-type": "text/html"}}, {"body": b""}])
    def test_a_wrong_token_is_refused_before_anything_else_is_told(self, fields):
        with pytest.raises(Rejected):
            self.provider.verify(self.changed(token=FOREIGN, **fields), self.source(FIRST))
