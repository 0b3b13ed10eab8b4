"""A whole `aftersend up` in processes of its own, for tests that harm it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import requests


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """An `aftersend up` of its own, and who belongs to it."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.environment = {
            **os.environ,
            "AFTERSEND_CONFIG": str(directory / "aftersend.toml"),
            "AFTERSEND_TEST": str(directory),
        }
        self.start()

    def start(self) -> None:
        with (self.directory / "up.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aftersend.console", "up"],
                env=self.environment,
                cwd=self.directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def members(self) -> list[int]:
        """Every living process of the installation."""
        marker = f"AFTERSEND_TEST={self.directory}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
                if entry.name.isdigit() and alive and marker in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def kill_one(self, chance: random.Random) -> None:
        victims = self.members()
        # One in ten is `up` itself: everything it started goes with it.
        victim = self.process.pid if chance.random() < 0.1 else chance.choice(victims or [self.process.pid])
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return
        if victim == self.process.pid:
            self.process.wait(10)
            wait_for(lambda: not self.members(), "the members to follow a killed `up`")
            self.start()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        assert self.members() == []


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")
