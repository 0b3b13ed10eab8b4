"""Redis makes work prompt. Whoever writes to it makes us look, and do nothing else; nobody else gets to ours."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from rq import Queue, SimpleWorker
from rq.job import JobStatus

from aftersend import queue
from aftersend.console import redis_server
from aftersend.queue import DRAIN, POLL, Hints


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self):
        return (os.mkdir, (str(self.file),))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The server that `aftersend up` would start."""
    found = redis_server.prepare(redis_server.find_binary(), tmp_path_factory.mktemp("own") / "redis")
    process = subprocess.Popen(found.argv)
    deadline = time.monotonic() + 60
    while not redis_server.answers(found.url):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield found
    process.terminate()
    process.wait()
    found.clean_up()


@pytest.fixture
def connection(server):
    client = redis.from_url(server.url)
    client.flushall()
    yield client
    client.close()


def test_our_own_server_listens_on_a_socket_that_only_this_user_can_open(server, connection):
    assert connection.config_get("port") == {"port": "0"}
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700


def test_what_we_put_into_redis_is_ids_in_json_and_no_pickle(connection):
    assert queue.enqueue_drain(connection)
    assert queue.enqueue_poll(connection, "acme", "activities", "live")
    said = [json.loads(job.data) for job in queue.rq_queue(connection).jobs]
    assert said == [[DRAIN, None, [], {}], [POLL, None, ["acme", "activities", "live"], {}]]
    for key in connection.keys("rq:job:*"):
        for value in connection.hgetall(key).values():
            with pytest.raises(Exception):  # noqa: B017, PT011 - of any kind: it is no pickle
                pickle.loads(value)  # noqa: S301 - ours, of just now


@pytest.mark.parametrize("kind", ["pickle", "function", "other arguments"])
def test_whoever_writes_a_job_of_another_kind_has_nothing_run(connection, tmp_path, kind):
    target = tmp_path / "made"
    plain = Queue(queue.NAME, connection=connection, serializer=None if kind == "pickle" else "json")
    if kind == "pickle":
        job = plain.enqueue_call(DRAIN, args=(Bomb(target),))
    elif kind == "function":
        job = plain.enqueue_call("os.mkdir", args=(str(target),))
    else:
        job = plain.enqueue_call(POLL, args=(str(target),), kwargs={"mode": 1})
    worker = SimpleWorker([queue.rq_queue(connection)], connection=connection, serializer=Hints)
    worker.work(burst=True, logging_level="CRITICAL")
    assert not target.exists()
    assert job.get_status() == JobStatus.FAILED
    # RQ's own way would have run the first two: the test can see.
    if kind != "other arguments":
        plain.enqueue_call(
            "os.mkdir" if kind == "function" else DRAIN, args=(str(target) if kind == "function" else Bomb(target),)
        )
        free = SimpleWorker([plain], connection=connection, serializer=plain.serializer)
        free.work(burst=True, logging_level="CRITICAL")
        assert target.exists()
        shutil.rmtree(target)


@given(
    call=st.tuples(
        st.sampled_from([DRAIN, POLL, "os.system", "aftersend.worker.jobs.use", ""]) | st.text(max_size=8) | st.none(),
        st.none() | st.text(max_size=3) | st.just({}),
        st.lists(st.text(max_size=3) | st.integers() | st.none(), max_size=4) | st.none(),
        st.just({}) | st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=1),
    )
)
def test_only_two_jobs_are_read_and_these_with_ids_alone(call):
    name, bound_to, ids, named = call
    texts = isinstance(ids, list) and all(isinstance(one, str) for one in ids)
    ours = texts and (name, len(ids)) in ((DRAIN, 0), (POLL, 3)) and bound_to is None and not named
    try:
        read = Hints.loads(Hints.dumps(call))
    except (ValueError, TypeError):
        assert not ours
    else:
        assert ours
        assert read == list(call)
