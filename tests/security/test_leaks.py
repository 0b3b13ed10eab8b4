"""Secrets and addresses: known ones are put everywhere they belong, and everything that is printed, logged, answered or
shown by the system is searched for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from receivers import OPENED

from aftersend.console import run
from aftersend.providers.contract import OAuth
from aftersend.receiver.auth import mint
from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Token
from aftersend.vocabulary import Delivery, Door, now
from aftersend.worker import client
from tests.fakes import Asked, FakePlatform, Said

API_KEY, TOKEN, ADMIN = "api-key-0123456789abcdef", "webhook-token-0123456789", "admin-key-0123456789abcdef"
PASSWORD, CLIENT = "redis-password-0123456789", "client-secret-0123456789"
SECRETS = (API_KEY, TOKEN, ADMIN, PASSWORD, CLIENT)
ADDRESS = "ada.lovelace@example.com"
CONFIG = """
[server]
listen = "127.0.0.1:{port}"
database = "sqlite:///{directory}/data/aftersend.db"
redis = "redis://user:{password}@127.0.0.1:1/0"
log_level = "debug"
web_workers = 1

[[sources]]
name = "acme"
provider = "inwise"
base_url = "{url}"
api_key = "${{ACME_KEY}}"
webhook_secrets = ["${{ACME_TOKEN}}"]
max_rate = 1000.0

[[sources]]
name = "cc"
provider = "constant_contact"
base_url = "{url}"
client_id = "an-id"
client_secret = "{client}"
"""


class Echoing(FakePlatform):
    """Refuses everybody, and says their keys and an address in every way it can."""

    status = 401

    def answer(self, asked: Asked) -> Said:
        said = {"error": f"{asked.headers} {asked.query} {ADDRESS}", "request": asked.path}
        return Said(status=self.status, body=said, headers={"X-Echo": API_KEY})


@pytest.fixture
def platform():
    with Echoing() as running:
        yield running


@pytest.fixture
def settings(tmp_path, platform) -> Settings:
    file = tmp_path / "aftersend.toml"
    file.write_text(
        CONFIG.format(port=free_port(), directory=tmp_path, url=platform.url, password=PASSWORD, client=CLIENT)
    )
    return load(file, env=environment())


@pytest.fixture
def called(monkeypatch, capfd):
    """What a command prints, on both of its streams."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)

    def call(config: str, *arguments: str) -> str:
        capfd.readouterr()
        run(["--config", config, *arguments])
        return "".join(capfd.readouterr())

    return call


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"PORT", "HOST", "DATABASE_URL", "REDIS_URL"}}
    return kept | {"AFTERSEND_ADMIN_KEY": ADMIN, "ACME_KEY": API_KEY, "ACME_TOKEN": TOKEN}


def command(settings: Settings, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "aftersend.console", "--config", settings.path, *arguments]


def leaks(text: str, *allowed: str) -> list[str]:
    """What of all secrets and the address stands in a text."""
    return [secret for secret in (*SECRETS, ADDRESS) if secret in text and secret not in allowed]


def in_quarantine(settings: Settings) -> None:
    """Things of an address that went wrong: what can't be read, and what a platform said in refusing us."""
    store = open_store(settings.server.database)
    store.migrate()
    bodies = (OPENED.replace(b"dana%40example.com", b"ada.lovelace%40example.com"), f'["{ADDRESS}"'.encode(), b"\xff")
    store.append(
        [
            Delivery(source=source, door=Door.WEBHOOK, received_at=now(), body=body, content_type="text/x", context={})
            for body in bodies
            for source in ("acme", "gone")
        ]
    )
    mint(store, "a key", ["admin"])
    store.close()


ABOUT_ADDRESSES = ("report activities", "export", "quarantine --json", "report contact")
"""Commands that are asked for addresses."""
ABOUT_SECRETS = ("check acme",)
"""Commands that print what the operator has to paste at the platform."""


def test_no_command_prints_a_secret_or_an_address_that_it_was_not_asked_for(settings, called):
    in_quarantine(settings)
    lines = [
        *("migrate", "drain", "sync acme", "sync cc", "sources", "sources --json", "check acme", "check cc", "doctor"),
        *("doctor --json", "quarantine", "quarantine --json", "replay", "replay --dry-run", "rebuild", "keys list"),
        *("keys list --json", "report funnel", "report campaigns", "report activities", "report dashboard --json"),
        *("export --format jsonl", f"report contact {ADDRESS}", "connect cc --code", "sync nosuch", "report nosuch"),
    ]
    said = {line: called(settings.path, *line.split()) for line in lines}
    found = {
        line: leaks(
            text,
            *([ADDRESS] if line.startswith(ABOUT_ADDRESSES) else []),
            *([TOKEN] if line.startswith(ABOUT_SECRETS) else []),
        )
        for line, text in said.items()
    }
    assert {line: leaked for line, leaked in found.items() if leaked} == {}
    # They were there to be found: one command shows the address, and one the token.
    assert ADDRESS in said["report activities"]
    assert TOKEN in said["check acme"]


@pytest.mark.processes
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
def test_nothing_that_a_process_logs_answers_or_is_called_with_holds_a_secret(settings, tmp_path):
    in_quarantine(settings)
    log = tmp_path / "log"
    with log.open("w") as out:
        processes = [
            subprocess.Popen(command(settings, name), env=environment(), stdout=out, stderr=subprocess.STDOUT)
            for name in ("serve", "worker", "scheduler")
        ]
    try:
        answers = "".join(asked(settings))
        lines = [Path(f"/proc/{process.pid}/cmdline").read_text() for process in processes]
        lines += [path.read_text() for path in children(processes)]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
    assert leaks(answers) == []
    assert leaks("".join(lines)) == []
    assert leaks(log.read_text()) == []
    # Something was logged: the worker's Redis is away.
    assert "Redis cannot be reached" in log.read_text()


def children(processes: list[subprocess.Popen]) -> list[Path]:
    ours = {str(process.pid) for process in processes}
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and (process / "stat").read_text().rpartition(")")[2].split()[1] in ours:
                found.append(process / "cmdline")
        except OSError:
            continue
    return found


def asked(settings: Settings) -> list[str]:
    """What a running receiver answers to a lot that is wrong."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            requests.get(f"{settings.server.url}/healthz", timeout=5)
            break
        except requests.ConnectionError:
            time.sleep(0.05)
    said = []
    for method, path, more in (
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {}),
        ("GET", f"/v1/nosuch?key={TOKEN[:3]}", {}),
        ("GET", "/v1/funnel", {"headers": {"X-API-Key": ADMIN}}),
        ("GET", "/v1/funnel?from=never", {"headers": {"X-API-Key": ADMIN}}),
        ("GET", "/v1/activities?cursor=x", {"headers": {"Authorization": f"Bearer {ADMIN}"}}),
        ("GET", "/v1/contacts?contact_id=nobody", {"headers": {"X-API-Key": ADMIN}}),
        ("GET", "/v1/sources", {"headers": {"X-API-Key": ADMIN + "x"}}),
        ("POST", "/v1/contacts", {"headers": {"X-API-Key": ADMIN}, "data": b"{"}),
        ("POST", f"/webhooks/acme/{TOKEN}", {"data": OPENED}),
        ("POST", f"/webhooks/acme/{TOKEN}", {"data": b""}),
        ("POST", f"/webhooks/acme/{TOKEN}x", {"data": OPENED}),
        ("PUT", f"/webhooks/acme/{TOKEN}", {"data": OPENED}),
        ("POST", f"/webhooks/nosuch/{TOKEN}", {"data": OPENED}),
        ("POST", f"//webhooks/acme/{TOKEN}", {"data": OPENED}),
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {}),
    ):
        answer = requests.request(method, settings.server.url + path, timeout=20, allow_redirects=False, **more)
        assert answer.status_code != 500
        said.append(f"{answer.headers}\n{answer.text}\n")
    return said


def test_what_a_platform_says_in_refusing_us_is_kept_without_our_key_or_an_address(
    settings, platform, called, monkeypatch
):
    monkeypatch.setattr(client, "PAUSE_S", 0.001)
    called(settings.path, "migrate")
    for platform.status in (500, 429, 404, 302, 403, 401):
        assert leaks(called(settings.path, "sync", "acme", "--feed", "activities")) == []
        store = open_store(settings.server.database)
        (feed,) = [row for row in store.feeds("acme") if (row.feed, row.lane) == ("activities", "live")]
        store.close()
        assert "…@example.com" in repr(feed)
        assert leaks(repr(feed)) == []


def test_no_setting_that_is_printed_shows_a_secret(settings):
    token = Token(account="0a", access=CLIENT, refresh=API_KEY, expires_at=0, generation=3)
    oauth = OAuth(
        client_id="id", client_secret=CLIENT, authorize_url="a", token_url="t", scopes=(), redirect_uri="http://r"
    )
    printed = [repr(one) for one in (settings, settings.server, settings.sources, token, oauth)]
    printed += [f"{one}" for one in (settings, settings.server, settings.sources[0], token, oauth)]
    assert leaks("".join(printed)) == []
    assert printed[3:5] == ["Token(account='0a', generation=3)", "OAuth(token_url='t')"]
    assert settings.sources[0].api_key == API_KEY


def test_a_wrong_configuration_is_told_without_its_secrets(tmp_path, called):
    file = tmp_path / "aftersend.toml"
    for table in (
        'provider = 3\napi_key = "${ACME_KEY}"',
        'provider = "inwise"\napi_key = ["${ACME_KEY}"]',
        'provider = "inwise"\napi_key = "${ACME_KEY}"\nbase_url = "http://[${ACME_KEY}"',
        'provider = "inwise"\nwebhook_secrets = "${ACME_TOKEN}"',
        'provider = "nosuch"\nwebhook_secrets = ["${ACME_TOKEN}"]',
    ):
        file.write_text(f'[[sources]]\nname = "acme"\n{table}\n')
        said = called(str(file), "check", "acme")
        assert "acme" in said or "sources[1]" in said
        assert leaks(said) == []
