"""What ColdSend's provider says about itself: credentials, limits, setup."""

from __future__ import annotations

import pytest

from aftersend.providers.contract import Ask
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Heard, Rate
from tests.providers.coldsend.said import COLDSEND, RECEIVED, SOURCE

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
RESET = RECEIVED // 1000 + 40
"""Forty seconds from now."""


def source(**fields) -> Source:
    return Source(**({"name": "acme", "provider": "coldsend", "api_key": "cs_live_0123"} | fields))


def test_the_key_goes_into_a_header_of_its_own():
    assert COLDSEND.credentials(source(api_key=" cs_live_0123 ")) == {
        "X-API-Key": "cs_live_0123",
        "Accept": "application/json",
    }


@pytest.mark.parametrize("key", ["", "   ", "cs_live_\u200b", "cs\nlive"])
def test_a_key_that_is_none_is_refused_with_what_to_do(key):
    with pytest.raises(ConfigurationError) as refused:
        COLDSEND.credentials(source(api_key=key))
    assert "api_key" in str(refused.value)
    assert key.strip() == "" or key not in str(refused.value)


def test_the_limits_leave_some_of_the_hour_to_others():
    assert COLDSEND.rates == (Rate(100, MINUTE), Rate(900, HOUR))


def test_headers_tell_of_the_minute():
    headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "42", "x-ratelimit-reset": str(RESET)}
    assert COLDSEND.heard(headers) == [Heard(MINUTE, 100, 42, RESET * 1000)]
    del headers["x-ratelimit-reset"]
    assert COLDSEND.heard(headers) == [Heard(MINUTE, 100, 42)]


@pytest.mark.parametrize("nonsense", ["", "-1", "many", "1e3", "٣", "9" * 40])
def test_nonsense_in_headers_tells_of_nothing(nonsense):
    assert COLDSEND.heard({"x-ratelimit-limit": nonsense, "x-ratelimit-remaining": "1"}) == []
    assert COLDSEND.heard({"x-ratelimit-limit": "100", "x-ratelimit-remaining": nonsense}) == []


def until(body: bytes = b"", status: int = 429, **headers: str) -> int | None:
    """How long to be silent, in milliseconds."""
    named = {f"x-ratelimit-{name}": value for name, value in headers.items()}
    found = COLDSEND.not_before(status, named, body, RECEIVED)
    return None if found is None else found - RECEIVED


WORDS = b'{"detail":"Rate limit exceeded. Retry after 60 seconds."}'


def test_after_a_limit_silence_lasts_as_long_as_the_platform_says():
    assert until(WORDS) == 60 * SECOND
    assert until(reset=str(RESET)) == RESET * 1000 - RECEIVED
    assert until(WORDS, reset=str(RESET), remaining="0") == 60 * SECOND
    assert until(b'{"detail":"retry after 7 seconds"}', reset=str(RESET)) == RESET * 1000 - RECEIVED


def test_a_limit_with_some_of_the_minute_left_is_that_of_the_hour():
    assert until(WORDS, reset=str(RESET), remaining="42") == 10 * MINUTE


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b'{"detail":"Retry after -5 seconds"}', {}),
        (b'{"detail":"Retry after 999999 seconds"}', {}),
        (b"", {"reset": "1"}),
        (b"", {"reset": "9999999999"}),
        (b"", {"reset": "soon", "remaining": "-3"}),
    ],
)
def test_absurd_waits_are_not_believed(body, headers):
    assert until(body, **headers) is None


def test_other_failures_say_nothing_about_when():
    assert until(WORDS, status=503) is None


def test_the_probe_reads_one_campaign():
    assert COLDSEND.probe(SOURCE) == Ask(path="campaigns", params={"page": "1", "limit": "1"})


def test_the_setup_says_what_to_paste_and_what_there_is_not():
    text = COLDSEND.setup(source(base_url="https://api.example.com/v1/"), "https://hooks.example.com/webhooks/acme/t")
    for told in ("https://hooks.example.com/webhooks/acme/t", "`https://api.example.com/v1`", "`acme`", "No webhooks"):
        assert told in text
    assert "cs_live_0123" not in text
    assert "{" not in text.replace("${COLDSEND_API_KEY}", "")


def test_a_zone_that_is_none_and_an_option_that_is_none_are_named():
    with pytest.raises(ConfigurationError, match="time_zone"):
        COLDSEND.feeds(source(time_zone="Mars/Olympus"))
    with pytest.raises(ConfigurationError, match="no option 'hook'"):
        COLDSEND.feeds(source(options={"hook": True}))
    with pytest.raises(ConfigurationError, match="replies_every"):
        COLDSEND.feeds(source(options={"replies_every": "often"}))


def test_feeds_that_live_on_notes_stand_behind_the_one_that_makes_them():
    feeds = COLDSEND.feeds(SOURCE)
    assert [feed.name for feed in feeds] == ["campaigns", "leads", "replies", "analytics", "timeline", "details"]
    assert [feed.every for feed in feeds] == [10 * MINUTE, 10 * MINUTE, 15 * MINUTE, *[24 * HOUR] * 3]
    assert [feed.name for feed in feeds if feed.windowed] == ["timeline"]
