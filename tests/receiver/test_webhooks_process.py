"""The webhook door as a real process, over real HTTP, with what real networks and disks do to it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from receivers import FORM, OPENED, TOKEN, Receiver, another_writer, configured, migrated, stored

from aftersend.receiver.serve import serve
from aftersend.vocabulary import ConfigurationError

pytestmark = pytest.mark.processes


def post_all_until(receiver, enough: int) -> tuple[threading.Thread, list[bytes], threading.Event]:
    """Eight clients post distinct bodies for as long as they are answered; what got a 200 is listed."""
    acknowledged: list[bytes] = []
    reached = threading.Event()

    def post(client: int) -> None:
        session = requests.Session()
        for n in range(100_000):
            body = OPENED + b"&n=%d-%d" % (client, n)
            try:
                answer = session.post(receiver.webhook, data=body, headers={"Content-Type": FORM}, timeout=30)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                acknowledged.append(body)
            if len(acknowledged) >= enough:
                reached.set()

    def run() -> None:
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(post, range(8)))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, acknowledged, reached


def counters_of(receiver) -> list[Path]:
    """The directories in memory or /tmp that this receiver made for its counters and left behind."""
    name = f"aftersend-counters-{receiver.process.pid}-*"
    return [found for place in ("/dev/shm", tempfile.gettempdir()) for found in Path(place).glob(name)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_webhook_that_was_acknowledged_is_in_the_inbox_after_a_kill(tmp_path, number):
    with Receiver(tmp_path) as receiver:
        clients, acknowledged, reached = post_all_until(receiver, 300)
        assert reached.wait(60)
        with another_writer(tmp_path):
            # Now nothing can be stored. A moment for an answer that doesn't wait for that to show itself.
            time.sleep(0.1)
            os.killpg(receiver.process.pid, number)
        clients.join(60)
        receiver.process.wait(60)
        found = [delivery.body for delivery in stored(receiver.store)]
    assert len(found) == len(set(found)), "each was sent once"
    assert set(acknowledged) <= set(found)
    assert all(body.startswith(OPENED + b"&n=") for body in found), "no half deliveries"


def test_sigterm_ends_it_cleanly_and_nobody_keeps_the_port(tmp_path):
    with Receiver(tmp_path) as receiver:
        idle = requests.Session()
        assert idle.get(f"{receiver.url}/healthz", timeout=10).status_code == 200
        receiver.process.terminate()
        assert receiver.process.wait(60) == 0
        assert not receiver.answers()
        assert counters_of(receiver) == []


def test_workers_end_with_the_process_that_started_them(tmp_path):
    with Receiver(tmp_path) as receiver:
        receiver.process.kill()
        receiver.process.wait()
        deadline = time.monotonic() + 30
        while receiver.answers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not receiver.answers()
        assert counters_of(receiver) == []


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_a_worker_that_is_killed_is_started_again(tmp_path):
    with Receiver(tmp_path, server="web_workers = 1") as receiver:
        main = receiver.process.pid
        # The first child is multiprocessing's resource tracker on some Pythons; the worker is the youngest.
        worker = int(Path(f"/proc/{main}/task/{main}/children").read_text().split()[-1])
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while not receiver.answers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert requests.post(receiver.webhook, data=OPENED, timeout=30).status_code == 200
        assert [delivery.body for delivery in stored(receiver.store)] == [OPENED]


@pytest.mark.parametrize("chunked", [False, True])
def test_50_mb_are_413_and_nothing_of_them_is_kept(tmp_path, chunked):
    body = b"x" * 50_000_000
    with Receiver(tmp_path) as receiver:
        pieces = (body[at : at + 65_536] for at in range(0, len(body), 65_536))
        answer = requests.post(receiver.webhook, data=pieces if chunked else body, timeout=60)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "too_large"
        # A client that reads only after it has written everything sees the answer too.
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=60)
        connection.request("POST", f"/webhooks/acme/{TOKEN}", body)
        assert connection.getresponse().status == 413
        assert stored(receiver.store) == []


def test_a_client_that_asks_first_is_told_413_before_it_sends(tmp_path):
    with Receiver(tmp_path) as receiver, socket.create_connection(("127.0.0.1", receiver.port), 60) as client:
        client.sendall(
            b"POST /webhooks/acme/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n"
            b"Expect: 100-continue\r\n\r\n" % TOKEN.encode()
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_chunked_bodies_and_split_packets_arrive_whole(tmp_path):
    with Receiver(tmp_path) as receiver:
        assert requests.post(receiver.webhook, data=iter([b"one", b"-", b"two"]), timeout=30).text == "ok"
        with socket.create_connection(("127.0.0.1", receiver.port), 30) as client:
            client.sendall(b"POST /webhooks/acme/%s HTTP/1.1\r\nHost: x\r\n" % TOKEN.encode())
            client.sendall(b"Content-Length: 6\r\n\r\nthr")
            client.sendall(b"ee!")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert [delivery.body for delivery in stored(receiver.store)] == [b"one-two", b"three!"]


def test_a_connection_cut_in_the_middle_of_a_body_stores_nothing(tmp_path):
    with Receiver(tmp_path) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), 30) as client:
            client.sendall(b"POST /webhooks/acme/%s HTTP/1.1\r\nHost: x\r\n" % TOKEN.encode())
            client.sendall(b"Content-Length: 100\r\n\r\nhalf")
            client.shutdown(socket.SHUT_WR)
            assert not client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert requests.post(receiver.webhook, data=b"whole", timeout=30).status_code == 200
        assert [delivery.body for delivery in stored(receiver.store)] == [b"whole"]


def test_more_open_connections_than_threads_are_all_served(tmp_path):
    with Receiver(tmp_path, server="web_workers = 1\nweb_threads = 2") as receiver:
        connections = [http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=60) for _ in range(100)]
        for turn in range(2):
            for n, connection in enumerate(connections):
                connection.request("POST", f"/webhooks/acme/{TOKEN}", b"%d-%d" % (turn, n))
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, b"ok")
        for connection in connections:
            connection.close()
        assert len(stored(receiver.store)) == 200


def test_when_the_disk_is_full_the_platform_is_told_to_send_again(tmp_path):
    with Receiver(tmp_path, largest_file=2_000_000) as receiver:
        statuses: list[int] = []
        for n in range(60):
            answer = requests.post(receiver.webhook, data=b"%d-" % n + os.urandom(100_000), timeout=60)
            statuses.append(answer.status_code)
        assert set(statuses) == {200, 503}
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["error"]["code"] == "unavailable"
        assert receiver.answers()
        kept = [int(delivery.body.partition(b"-")[0]) for delivery in stored(receiver.store)]
    acknowledged = [n for n, status in enumerate(statuses) if status == 200]
    assert set(acknowledged) <= set(kept)


def test_the_counters_are_those_of_all_workers_together(tmp_path):
    with Receiver(tmp_path, server="web_workers = 2") as receiver:
        for _ in range(30):
            assert requests.post(receiver.webhook, data=OPENED, timeout=30).status_code == 200
        for _ in range(7):
            assert requests.post(f"{receiver.url}/webhooks/acme/wrong", timeout=30).status_code == 401
        for _ in range(6):
            lines = requests.get(f"{receiver.url}/metrics", timeout=30).text.splitlines()
            assert 'aftersend_webhook_requests_total{source="acme",status="200"} 30.0' in lines
            assert 'aftersend_webhook_rejected_total{source="acme"} 7.0' in lines
            assert "aftersend_commit_deliveries_count 30.0" in lines
            (problem,) = requests.get(f"{receiver.url}/readyz", timeout=30).json()["problems"]
            assert (problem["source"], problem["state"]) == ("acme", "rejected")
            assert problem["message"].startswith("7 webhook requests ")


def test_an_address_that_is_taken_is_said_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            serve(configured(tmp_path, port=port))


def test_any_wsgi_server_can_import_the_app_by_its_name(tmp_path):
    settings = configured(tmp_path)
    migrated(settings).close()
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from aftersend.receiver.wsgi import app; print(app.test_client().get('/readyz').status_code)",
        ],
        env=os.environ | {"AFTERSEND_CONFIG": settings.path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout.strip() == "200"
