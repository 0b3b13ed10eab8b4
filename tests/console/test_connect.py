"""`aftersend connect` as its user meets it: an address to open, a browser that comes back, a source that reads."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from aftersend.providers import budgets
from aftersend.settings import Source, load
from aftersend.storage import open_store
from tests.worker.oauth import TokenPlatform

ROOT = Path(__file__).parents[2]


@pytest.fixture
def platform(directory: Path) -> Iterator[TokenPlatform]:
    with TokenPlatform() as running:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (directory / "aftersend.toml").write_text(f"""
[[sources]]
name = "acme"
provider = "token"
base_url = "{running.url}"
redirect_uri = "http://127.0.0.1:{port}/callback"

[[sources]]
name = "keyed"
provider = "inwise"
api_key = "0123456789abcdef0123456789abcdef"
""")
        yield running


def started(*arguments: str, **pipes: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.console.with_tokens", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **pipes,
    )


def ended(process: subprocess.Popen[str], answer: str | None = None) -> tuple[int, str, str]:
    out, err = process.communicate(answer, timeout=30)
    return process.returncode, out, err


def address(process: subprocess.Popen[str]) -> str:
    """The address to open, as the command prints it."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http\S+/authorize\?\S+", line):
            return found[0]
    raise AssertionError(process.communicate())


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture(autouse=True)
def migrated(platform: TokenPlatform) -> None:
    assert ended(started("migrate"))[0] == 0


def access_token() -> str | None:
    found = load()
    store = open_store(found.server.database)
    try:
        token = store.token(budgets_account(found.source("acme")))
        return token.access if token else None
    finally:
        store.close()


def budgets_account(source: Source) -> str:
    from tests.worker.oauth import TokenProvider

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(budgets.provider_of.__globals__["PROVIDERS"], "token", TokenProvider())
        return budgets.account(source)


def test_the_browser_comes_back_with_a_code_and_the_source_is_connected(platform):
    connecting = started("connect", "acme")
    question = asked(address(connecting))
    platform.codes.add("c0de")
    assert requests.get(question["redirect_uri"].replace("/callback", "/favicon.ico"), timeout=10).status_code == 404
    came = requests.get(question["redirect_uri"], params={"code": "c0de", "state": question["state"]}, timeout=10)
    assert came.text == "Aftersend has been told. You may close this window."
    status, out, err = ended(connecting)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "Source 'acme' is connected. Look with `aftersend check acme`."
    assert access_token() == "access-1"
    for secret in ("c0de", "s3cret", "access-1", "refresh-1"):
        assert secret not in out
    status, out, _ = ended(started("check", "acme"))
    assert (status, "Token accepts the credentials of source 'acme'" in out) == (0, True)
    assert platform.asked[-1].headers["authorization"] == "Bearer access-1"


def test_another_state_connects_nothing(platform):
    connecting = started("connect", "acme")
    question = asked(address(connecting))
    platform.codes.add("c0de")
    requests.get(question["redirect_uri"], params={"code": "c0de", "state": "forged"}, timeout=10)
    status, _, err = ended(connecting)
    assert (status, "its state is another" in err) == (2, True)
    assert (access_token(), platform.made) == (None, 0)


def test_refusing_is_told_in_one_sentence(platform):
    connecting = started("connect", "acme")
    question = asked(address(connecting))
    requests.get(question["redirect_uri"], params={"error": "access_denied", "state": question["state"]}, timeout=10)
    status, _, err = ended(connecting)
    assert (status, err) == (1, "aftersend: The platform did not connect the account: access_denied.\n")


def test_the_address_may_be_pasted(platform):
    connecting = started("connect", "acme", "--paste", stdin=subprocess.PIPE)
    question = asked(address(connecting))
    platform.codes.add("c0de")
    status, out, _ = ended(connecting, f"{question['redirect_uri']}?code=c0de&state={question['state']}\n")
    assert (status, access_token()) == (0, "access-1")
    assert "is connected" in out


def test_a_device_is_approved_elsewhere(platform):
    platform.device_answers = ["authorization_pending"]
    status, out, err = ended(started("connect", "acme", "--device"))
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"Open {platform.url}/approve on any device and type ABCD-EFGH."
    assert access_token() == "access-1"


def test_a_port_that_is_taken_is_told_of(platform):
    port = int(re.search(r":(\d+)/callback", Path("aftersend.toml").read_text())[1])
    with socket.create_server(("127.0.0.1", port)):
        status, _, err = ended(started("connect", "acme"))
    assert status == 1
    assert f"Cannot listen at 127.0.0.1:{port} for the browser" in err.splitlines()[-1]


def test_a_platform_with_keys_needs_no_connection(platform):
    status, _, err = ended(started("connect", "keyed"))
    assert (status, err) == (1, "aftersend: inwise wants a key and no connection: set api_key.\n")
