"""API keys: the secret is shown once, and the store knows only what opens."""

from __future__ import annotations

import pytest

from aftersend.receiver.auth import SCOPES, authenticate
from aftersend.receiver.dialects import DIALECTS
from aftersend.settings import DAY
from aftersend.vocabulary import now

from .conftest import with_store


def _caller(settings, secret):
    return with_store(settings, lambda store: authenticate(store, secret))


def test_a_key_is_made_and_its_secret_shown_once(call, installation):
    called = call("keys", "create", "anna")
    assert (called.status, called.err) == (0, "")
    secret = called.out.splitlines()[-1].strip()
    caller = _caller(installation, secret)
    assert (caller.key.name, caller.key.scopes, caller.key.sources) == ("anna", ("reports:read",), None)
    assert caller.key.expires_at is None
    assert secret not in call("keys", "list").out
    (listed,) = call("keys", "list", "--json").json
    assert listed.pop("created_at").endswith("Z")
    assert listed == {
        "id": caller.key.id,
        "name": "anna",
        "scopes": ["reports:read"],
        "sources": None,
        "expires_at": None,
        "revoked_at": None,
    }


def test_quiet_prints_the_secret_and_nothing_else(call, installation):
    called = call("keys", "create", "script", "--quiet", "--scope", "admin")
    assert (called.status, called.err) == (0, "")
    (secret,) = called.out.splitlines()
    assert _caller(installation, secret).key.scopes == ("admin",)


def test_scopes_sources_and_expiry_are_kept(call, installation):
    before = now()
    scopes = ("--scope", "reports:read", "--scope", "contacts:read")
    secret = call("keys", "create", "bob", *scopes, "--source", "acme", "--expires", "30d", "--quiet").out.strip()
    key = _caller(installation, secret).key
    assert (key.scopes, key.sources) == (("reports:read", "contacts:read"), ("acme",))
    assert before + 30 * DAY <= key.expires_at <= now() + 30 * DAY
    assert "valid until" in call("keys", "list").out


def test_a_revoked_key_opens_nothing_from_then_on(call, installation):
    secret = call("keys", "create", "anna", "--quiet").out.strip()
    (listed,) = call("keys", "list", "--json").json
    called = call("keys", "revoke", listed["id"])
    assert (called.status, called.out, called.err) == (0, f"Key {listed['id']} is revoked.\n", "")
    assert _caller(installation, secret) is None
    assert "revoked" in call("keys", "list").out


def test_an_unknown_id_is_answered_with_how_to_find_the_right_one(call, installation):
    called = call("keys", "revoke", "nosuch")
    assert called.status == 1
    assert called.sentence == "There is no key 'nosuch': `aftersend keys list` shows their ids."


@pytest.mark.parametrize(
    ("alias", "scopes"), [(alias, scopes) for dialect in DIALECTS for alias, scopes in dialect.SCOPES.items()]
)
def test_a_platforms_own_name_of_a_scope_makes_a_key_in_our_words(call, installation, alias, scopes):
    secret = call("keys", "create", "client", "--scope", alias, "--quiet").out.strip()
    assert set(scopes) <= set(_caller(installation, secret).key.scopes) <= set(SCOPES)


def test_a_scope_that_is_named_twice_in_different_words_is_kept_once(call, installation):
    secret = call("keys", "create", "client", *(["--scope", "contacts:read", "--scope", "reports:read"] * 2), "--quiet")
    assert _caller(installation, secret.out.strip()).key.scopes == ("reports:read", "contacts:read")


@pytest.mark.parametrize("source", ["nosuch", ""])
def test_a_key_is_not_made_for_a_source_that_does_not_exist(call, installation, source):
    called = call("keys", "create", "anna", "--source", source)
    assert (called.status, called.sentence) == (1, f"There is no source '{source}'; configured: acme.")
    assert call("keys", "list", "--json").json == []


@pytest.mark.parametrize("expires", ["tomorrow", "", "-5d", "5"])
def test_a_lifetime_that_is_none_is_a_wrong_call(call, installation, expires):
    called = call("keys", "create", "anna", f"--expires={expires}")
    assert called.status == 2
    assert "--expires" in called.sentence
    assert call("keys", "list", "--json").json == []


@pytest.mark.parametrize("scope", ["nosuch", "", "reports:read,admin", "Admin", "\x00", "😀"])
def test_an_unknown_scope_is_a_wrong_call_that_lists_the_scopes(call, installation, scope):
    called = call("keys", "create", "anna", "--scope", scope)
    assert called.status == 2
    assert "There is no scope" in called.sentence
    assert all(scope in called.sentence for scope in SCOPES)
    assert call("keys", "list", "--json").json == []
