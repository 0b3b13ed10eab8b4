"""Platforms whose lists are asked for by POST, with the key in the body, and that refuse it in words of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest

from aftersend import providers
from aftersend.providers import budgets
from aftersend.providers.contract import Ask
from aftersend.settings import Source
from aftersend.worker.client import Client
from aftersend.worker.failures import Refused, Unavailable
from tests.fakes import Asked, FakePlatform, Said
from tests.worker.platform import FakeProvider

KEY = "md-0123456789-secret"


class Posted(FakePlatform):
    """Takes what is posted and echoes it."""

    def answer(self, asked: Asked) -> Said:
        said = json.loads(asked.body) if asked.body else {}
        if asked.method == "POST" and said.get("key") != KEY:
            return Said(status=500, body={"name": "Invalid_Key", "echo": said.get("key")})
        if asked.path == "/broken":
            return Said(status=500, body={"name": "GeneralError", "echo": said})
        return Said(body={"method": asked.method, "query": asked.query, "posted": said})


class PostedProvider(FakeProvider):
    name = "posted"
    title = "Posted"

    def credentials(self, source: Source) -> dict[str, str]:
        return {}

    def posted(self, source: Source) -> dict[str, str]:
        return {"key": source.api_key}

    def refuses(self, status: int, body: bytes) -> bool:
        return b"Invalid_Key" in body


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Posted]:
    monkeypatch.setitem(providers.PROVIDERS, "posted", PostedProvider())
    with Posted() as running:
        yield running


@pytest.fixture
def source(platform: Posted) -> Source:
    return Source(name="acme", provider="posted", base_url=platform.url, api_key=KEY)


def got(store, source: Source, ask: Ask) -> dict:
    asking = Client(store, source)
    try:
        return json.loads(asking.get(ask).body)
    finally:
        asking.close()


def test_what_is_to_be_posted_is_a_json_body_with_the_key_in_it(platform, store, source):
    ask = Ask(path="search", params={"a": "1"}, post={"limit": 10})
    assert got(store, source, ask) == {"method": "POST", "query": {"a": "1"}, "posted": {"key": KEY, "limit": 10}}
    assert platform.asked[0].headers["content-type"] == "application/json"


def test_an_empty_body_is_posted_too(store, source):
    assert got(store, source, Ask(path="all", post={})) == {"method": "POST", "query": {}, "posted": {"key": KEY}}


def test_what_is_only_asked_for_carries_no_body(platform, store, source):
    assert got(store, source, Ask(path="search")) == {"method": "GET", "query": {}, "posted": {}}
    assert platform.asked[0].body == b""


def test_a_platform_may_refuse_a_key_with_a_500_of_its_own(store, source):
    wrong = msgspec.structs.replace(source, api_key="md-another-key-of-mine")
    with pytest.raises(Refused) as refused:
        got(store, wrong, Ask(path="search", post={}))
    assert (refused.value.status, "md-another" in refused.value.body) == (500, False)


def test_another_500_is_for_later_and_what_is_kept_of_it_holds_no_key(store, source):
    with pytest.raises(Unavailable) as unavailable:
        got(store, source, Ask(path="broken", post={"limit": 1}))
    assert "GeneralError" in unavailable.value.body
    assert KEY not in unavailable.value.body


def test_sources_with_one_key_share_a_budget_also_where_it_is_posted(source):
    other = msgspec.structs.replace(source, api_key="md-another-key-of-mine")
    twin = msgspec.structs.replace(source, name="twin")
    assert budgets.budget(source) == budgets.budget(twin) != budgets.budget(other)
