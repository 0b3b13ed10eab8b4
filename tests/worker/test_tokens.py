"""Tokens against a platform that rotates them, loses answers and revokes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from aftersend import providers
from aftersend.providers import budgets
from aftersend.providers.contract import Ask
from aftersend.settings import Source
from aftersend.storage.contract import Store
from aftersend.vocabulary import BadInput, ConfigurationError, now
from aftersend.worker import client, connecting, plan
from aftersend.worker.failures import Refused, Unavailable
from aftersend.worker.poller import poll
from aftersend.worker.tokens import EARLY_MS, Tokens
from tests.fakes import FakePlatform, Said, hang_up, unavailable
from tests.worker.oauth import TokenPlatform, TokenProvider

PAGES = Ask(path="pages", params={"page": "0"})


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenPlatform]:
    monkeypatch.setitem(providers.PROVIDERS, "token", TokenProvider())
    with TokenPlatform() as running:
        yield running


@pytest.fixture
def source(platform: TokenPlatform) -> Source:
    return Source(name="acme", provider="token", base_url=platform.url)


def served(_fake: FakePlatform, said: Said) -> Said:
    """No fault at all."""
    return said


def connected(store: Store, source: Source, platform: TokenPlatform) -> None:
    platform.codes.add("c0de")
    connecting.redeem(store, source, oauth(source), "c0de")


def oauth(source: Source):
    return TokenProvider().oauth(source)


def ask(store: Store, source: Source) -> bytes:
    asking = client.Client(store, source)
    try:
        return asking.get(PAGES).body
    finally:
        asking.close()


def test_a_source_that_was_never_connected_says_what_to_run(store, source):
    with pytest.raises(Refused, match="Source 'acme' is not connected yet: run `aftersend connect acme`"):
        ask(store, source)


def test_a_connected_source_reads_with_its_token(store, source, platform):
    connected(store, source, platform)
    assert ask(store, source) == b"[]"
    assert platform.asked[-1].headers["authorization"] == "Bearer access-1"
    assert platform.forms == [
        {"grant_type": "authorization_code", "code": "c0de", "redirect_uri": "http://127.0.0.1:8400/callback"}
    ]


def test_a_token_that_is_about_to_run_out_is_renewed_before_it_is_used(store, source, platform):
    platform.lives_s = EARLY_MS // 1000
    connected(store, source, platform)
    platform.lives_s = 86_400
    assert [ask(store, source) for _ in range(3)] == [b"[]"] * 3
    assert platform.made == 2
    assert platform.forms[-1]["refresh_token"] == "refresh-1"


def test_a_token_that_is_refused_before_its_time_is_renewed_once(store, source, platform):
    connected(store, source, platform)
    platform.expire()
    assert ask(store, source) == b"[]"
    assert (platform.made, platform.asked[-1].headers["authorization"]) == (2, "Bearer access-2")


def test_workers_that_want_to_renew_at_the_same_time_renew_once(store, source, platform):
    connected(store, source, platform)
    platform.expire()
    got: list[bytes] = []
    workers = [threading.Thread(target=lambda: got.append(ask(store, source))) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert got == [b"[]"] * 6
    assert platform.made == 2, "one renewed, the others waited for what came of it"


def test_a_revoked_account_stops_the_source_and_connecting_starts_it_again(store, source, platform, settings):
    settings = msgspec.structs.replace(settings, sources=[source])
    connected(store, source, platform)
    plan.ensure(store, source, now())
    platform.revoke()
    outcome = poll(store, settings, ("acme", "pages", "live"), "me")
    assert outcome.status == "stopped"
    assert outcome.problem == (
        "Source 'acme' could not renew its token (invalid_grant): run `aftersend connect acme`, and approve it in the "
        "browser."
    )
    assert all(row.stopped for row in store.feeds())
    connected(store, source, platform)
    assert not any(row.stopped for row in store.feeds())
    assert poll(store, settings, ("acme", "pages", "live"), "me", force=True).status == "done"


def test_an_answer_that_was_lost_takes_the_rotating_token_with_it_and_says_so(store, source, platform):
    connected(store, source, platform)
    platform.expire()
    platform.faults = [served, hang_up]  # the list's 401; then the renewal happens, its answer is lost
    with pytest.raises(Unavailable, match="could not be renewed now"):
        ask(store, source)
    with pytest.raises(Refused, match="run `aftersend connect acme`"):
        ask(store, source)


def test_a_renewal_answered_twice_keeps_the_account(store, source, platform):
    """A platform that accepts the old token for a while answers the second renewal too: the later answer counts."""
    platform.rotates = False
    connected(store, source, platform)
    platform.expire()
    platform.faults = [served, hang_up]
    with pytest.raises(Unavailable):
        ask(store, source)
    assert ask(store, source) == b"[]"
    assert platform.made == 3


def test_a_long_lived_refresh_token_that_is_not_repeated_is_kept(store, source, platform):
    platform.rotates = False
    connected(store, source, platform)
    platform.names_no_refresh = True
    for _ in range(2):
        platform.expire()
        assert ask(store, source) == b"[]"
    assert platform.made == 3


def test_a_token_endpoint_in_trouble_only_parks(store, source, platform):
    connected(store, source, platform)
    platform.expire()
    for fault in (unavailable, hang_up):
        platform.faults = [served, fault]
        platform.rotates = False
        with pytest.raises(Unavailable):
            ask(store, source)
    assert ask(store, source) == b"[]"


def test_two_renewals_of_a_killed_worker_s_right_wait_for_its_end(store, source, platform):
    connected(store, source, platform)
    account = budgets.account(source)
    token = store.token(account)
    assert store.lock_token(account, token.generation, now(), now() + 300)
    platform.expire()
    assert ask(store, source) == b"[]", "the right of the killed one ran out"


def test_no_message_holds_a_token(store, source, platform):
    connected(store, source, platform)
    platform.revoke()
    with pytest.raises(Refused) as refused:
        ask(store, source)
    for secret in ("access-1", "refresh-1", "s3cret"):
        assert secret not in str(refused.value)
        assert secret not in refused.value.body


def test_a_platform_that_echoes_the_token_leaks_nothing(store, source, platform):
    connected(store, source, platform)
    platform.faults = [lambda _fake, _said: Said(status=500, body=b"bad access-1 in 'Bearer access-1'")]
    with pytest.raises(Unavailable) as unavailable:
        ask(store, source)
    assert unavailable.value.body == "bad … in 'Bearer …'"


class TestConnecting:
    def test_the_address_to_approve_asks_for_a_code_with_our_scopes(self, source):
        approval = connecting.authorize(oauth(source))
        asked = urlsplit(approval.url)
        assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{source.base_url}/authorize"
        assert parse_qs(asked.query) == {
            "response_type": ["code"],
            "client_id": ["client"],
            "redirect_uri": ["http://127.0.0.1:8400/callback"],
            "scope": ["campaign_data offline_access"],
            "state": [approval.state],
        }

    def test_the_code_is_read_from_the_address_the_browser_ends_at(self):
        assert connecting.code_of("http://127.0.0.1:8400/callback?code=c%2Fd&state=s1", "s1") == "c/d"

    @pytest.mark.parametrize(
        ("address", "error", "said"),
        [
            ("http://x/callback?code=c&state=other", BadInput, "its state is another"),
            ("http://x/callback?code=c", BadInput, "its state is another"),
            ("http://x/callback?state=s1", BadInput, "holds no code"),
            ("http://x/callback?error=access_denied&state=s1", ConfigurationError, "access_denied"),
            ("nonsense", BadInput, "its state is another"),
        ],
    )
    def test_an_address_without_a_code_says_why(self, address, error, said):
        with pytest.raises(error, match=said):
            connecting.code_of(address, "s1")

    def test_a_code_works_once(self, store, source, platform):
        connected(store, source, platform)
        with pytest.raises(ConfigurationError, match="'acme' was not connected: invalid_grant"):
            connecting.redeem(store, source, oauth(source), "c0de")

    def test_the_device_flow_waits_until_it_is_approved(self, store, source, platform):
        platform.device_answers = ["authorization_pending", "slow_down"]
        begun = connecting.device(source, oauth(source))
        assert (begun.user_code, begun.url) == ("ABCD-EFGH", f"{platform.url}/approve")
        pauses: list[float] = []
        connecting.wait_for(store, source, oauth(source), begun, pauses.append)
        assert pauses == [1.0, 1.0, 6.0]
        assert ask(store, source) == b"[]"

    @pytest.mark.parametrize("said", ["access_denied", "expired_token"])
    def test_a_refused_device_is_told_of(self, said, store, source, platform):
        platform.device_answers = [said]
        begun = connecting.device(source, oauth(source))
        with pytest.raises(ConfigurationError, match=said):
            connecting.wait_for(store, source, oauth(source), begun, lambda _s: None)

    def test_nobody_came_in_time(self, store, source, platform):
        platform.device_answers = ["authorization_pending"] * 1000
        begun = msgspec.structs.replace(connecting.device(source, oauth(source)), expires_in=10.0)
        with pytest.raises(ConfigurationError, match="nobody approved in time"):
            connecting.wait_for(store, source, oauth(source), begun, lambda _s: None)


def test_two_sources_of_one_application_share_its_budget_and_not_the_token(store, source, platform):
    other = msgspec.structs.replace(source, name="other")
    assert budgets.budget(source) == budgets.budget(other)
    assert budgets.account(source) != budgets.account(other)
    connected(store, source, platform)
    with pytest.raises(Refused, match="'other' is not connected yet"):
        Tokens(store, other, oauth(other)).token()
