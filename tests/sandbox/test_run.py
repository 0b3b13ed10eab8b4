"""A sandbox as a whole: history, live facts and webhooks; stopped, started again, contradicting nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import requests

from aftersend.sandbox import demo_config, demo_provider
from aftersend.sandbox.pusher import Network
from aftersend.sandbox.run import SandboxOptions, run
from aftersend.sandbox.server import Sandbox
from aftersend.sandbox.truth import Truth
from aftersend.settings import load
from aftersend.storage import open_store
from aftersend.storage.contract import Filter
from tests.sandbox.conftest import PROVIDER, Target

SMALL = SandboxOptions(
    provider=PROVIDER, campaigns=1, contacts=20, days=1, rate=100, network=Network(), time_zone="UTC"
)


def _run_until(options: SandboxOptions, enough: Callable[[Sandbox, Truth], bool]) -> Truth:
    """Run a sandbox until it has done enough; the truth by then."""
    stop, seen = threading.Event(), []

    def started(sandbox: Sandbox, truth: Truth) -> None:
        seen.append(truth)
        threading.Thread(target=watch, args=(sandbox, truth)).start()

    def watch(sandbox: Sandbox, truth: Truth) -> None:
        for _ in range(600):
            if enough(sandbox, truth) or stop.wait(0.05):
                break
        stop.set()

    run(options, stop=stop, started=started)
    return seen[0]


def _shown(directory: Path) -> dict[str, tuple[int, int]]:
    store = open_store(f"sqlite:///{directory / 'sandbox.db'}")
    funnel = store.funnel(Filter())
    store.close()
    return {kind: (count.total, count.unique) for kind, count in funnel.items()}


def test_history_is_shown_at_once_and_live_facts_go_through_both_doors(tmp_path: Path, target: Target):
    options = msgspec.structs.replace(SMALL, directory=str(tmp_path), webhook=target.url)
    history: list[int] = []

    def enough(sandbox: Sandbox, truth: Truth) -> bool:
        history.append(len(truth.facts))
        return len(target.received) > 40

    truth = _run_until(options, enough)
    assert history[0] > 20
    assert len(truth.facts) > history[0]
    assert _shown(tmp_path) == truth.funnel()
    # What was pushed is a part of what is shown, and nothing of the history was pushed.
    live = truth.facts[20:]
    sandbox = _speaker()
    spoken = Counter(webhook.body for webhook in (sandbox.webhook(fact, "UTC") for fact in live) if webhook)
    assert not Counter(target.bodies) - spoken


def test_started_again_it_goes_on_and_contradicts_nothing(tmp_path: Path):
    options = msgspec.structs.replace(SMALL, directory=str(tmp_path))
    first = _run_until(options, lambda _, truth: len(truth.facts) > 150)
    before = _shown(tmp_path)
    assert before == first.funnel()

    second = _run_until(options, lambda _, truth: len(truth.facts) > 150)
    assert not set(first.campaign_ids) & set(second.campaign_ids)
    assert second.facts[0].number > first.facts[-1].number
    after = _shown(tmp_path)
    assert after == {
        kind: (before[kind][0] + total, before[kind][1] + unique) for kind, (total, unique) in second.funnel().items()
    }


def _speaker():
    from aftersend.providers.speaker import speaker_of

    return speaker_of(PROVIDER)


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly(tmp_path: Path, number: int):
    code = (
        "from aftersend.sandbox.run import *\n"
        f"run(SandboxOptions(provider={PROVIDER!r}, directory={str(tmp_path)!r}, campaigns=1, contacts=5))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    announced = process.stdout.readline()
    assert announced.startswith("The sandbox plays ")
    url = announced.split("feeds at ")[1].split(",")[0]
    assert requests.get(f"{url}/campaigns/email/activities", timeout=10).status_code == 401
    os.kill(process.pid, number)
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.mark.processes
def test_a_sandbox_that_was_killed_contradicts_nothing_when_started_again(tmp_path: Path, target: Target):
    code = (
        "from aftersend.sandbox.run import *\n"
        f"run(SandboxOptions(provider={PROVIDER!r}, directory={str(tmp_path)!r}, campaigns=1, contacts=10,"
        f" rate=200, time_zone='UTC', webhook={target.url!r}, network=Network()))"
    )
    for _ in range(3):
        target.received.clear()
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        while len(target.received) < 50 and process.poll() is None:
            threading.Event().wait(0.02)
        process.kill()
        process.wait(10)
        assert process.stdout
        process.stdout.close()
    with Sandbox(tmp_path, PROVIDER, time_zone="UTC") as sandbox:
        counted = sandbox.store.funnel(Filter())
        # Sends and drops happen once per contact and campaign: a repeated story would show in the totals.
        assert all(counted[kind].total == counted[kind].unique for kind in ("sent", "dropped"))
        assert sandbox.store.quarantined() == 0


def test_the_demos_configuration_can_be_loaded_and_names_the_sandbox(tmp_path: Path):
    file = tmp_path / "aftersend.toml"
    file.write_text(demo_config(tmp_path, 9123))
    source = load(file, {}).source("sandbox")
    assert source.provider == demo_provider() == PROVIDER
    assert source.base_url == "http://127.0.0.1:9123/rest/v1"
    assert len(source.api_key) == 32
    assert len(source.webhook_secrets[0]) >= 32
    assert source.poll_every_ms == 2_000
    assert source.feeds is None


def test_the_demos_configuration_keeps_its_secrets_when_written_again(tmp_path: Path):
    file = tmp_path / "aftersend.toml"
    file.write_text(demo_config(tmp_path, 9123))
    first = load(file, {}).source("sandbox")
    file.write_text(demo_config(tmp_path, 9124))
    second = load(file, {}).source("sandbox")
    assert second == msgspec.structs.replace(first, base_url="http://127.0.0.1:9124/rest/v1")


def test_two_demos_have_secrets_of_their_own(tmp_path: Path):
    assert demo_config(tmp_path / "a", 9123) != demo_config(tmp_path / "b", 9123)
