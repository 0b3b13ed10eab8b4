"""Starts in order, brings back what died, passes on what is said, stops in reverse order, leaves nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import os, signal, sys, time
name, manner = sys.argv[1], sys.argv[2]
def stop(*_):
    with open("stops", "a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if manner == "stubborn" else stop)
print(name, "has begun", flush=True)
with open(name + ".pids", "a") as file:
    file.write(str(os.getpid()) + "\\n")
while True:
    if manner == "loud":
        print("x" * 900, flush=True)
    else:
        time.sleep(0.05)
"""

PARENT = """
import json, os, sys
from functools import partial
from aftersend.console import supervisor
from aftersend.console.supervisor import Child, Supervisor
from aftersend.vocabulary import AftersendError
supervisor.BACKOFF = (0.05,)
supervisor.STOP_WITHIN = 20.0
supervisor.READY_WITHIN = {ready_within}
def child(name, manner):
    return Child(name, [sys.executable, "child.py", name, manner], ready=partial({ready}, name + ".pids"))
tiers = [[child(name, manner) for name, manner in tier] for tier in json.loads(sys.argv[1])]
try:
    Supervisor(tiers).run(lambda: print("all is ready", flush=True))
except AftersendError as error:
    sys.exit(str(error))
print("the end", flush=True)
"""


class Parent:
    """A supervisor in a process of its own, with what it said so far."""

    def __init__(self, tiers, ready="os.path.exists", ready_within="30", stdout="out"):
        Path("child.py").write_text(CHILD)
        Path("parent.py").write_text(PARENT.format(ready=ready, ready_within=ready_within))
        arguments = [sys.executable, "parent.py", __import__("json").dumps(tiers)]
        with open("err", "w") as err:
            out = subprocess.PIPE if stdout is None else open(stdout, "w")  # noqa: SIM115
            self.process = subprocess.Popen(arguments, stdout=out, stderr=err, start_new_session=True)

    def said(self, text: str) -> None:
        """Wait until it has said so."""
        while text not in Path("out").read_text():
            assert self.process.poll() is None, Path("out").read_text() + Path("err").read_text()
            time.sleep(0.02)

    def ended(self) -> int:
        return self.process.wait(timeout=30)


@pytest.fixture
def parent():
    made = []

    def start(*arguments, **more):
        made.append(Parent(*arguments, **more))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def _pids(name: str) -> list[int]:
    file = Path(f"{name}.pids")
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _nobody_lives(*names: str) -> bool:
    return not any(_lives(pid) for name in names for pid in _pids(name))


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_tiers_in_reverse_order_and_leaves_nobody(parent, number):
    run = parent([[["first", "calm"]], [["second", "calm"]], [["third", "calm"]]])
    run.said("all is ready")
    run.process.send_signal(number)
    assert run.ended() == 0
    assert Path("stops").read_text().split() == ["third", "second", "first"]
    assert _nobody_lives("first", "second", "third")
    lines = Path("out").read_text().splitlines()
    assert [line for line in lines if "begun" in line] == [
        "first  │ first has begun",
        "second │ second has begun",
        "third  │ third has begun",
    ]
    assert lines[-1] == "the end"


@pytest.mark.processes
def test_ctrl_c_for_the_whole_group_stops_in_the_same_order(parent):
    run = parent([[["first", "calm"]], [["second", "calm"]]])
    run.said("all is ready")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.ended() == 0
    assert Path("stops").read_text().split() == ["second", "first"]


@pytest.mark.processes
def test_a_second_signal_does_not_wait_for_the_stubborn(parent):
    run = parent([[["first", "calm"]], [["second", "stubborn"]]])
    run.said("all is ready")
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # not a measure: without the second signal this would take STOP_WITHIN
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    assert run.ended() == 0
    assert _nobody_lives("first", "second")


@pytest.mark.processes
def test_a_child_that_was_killed_comes_back(parent):
    run = parent([[["first", "calm"]]])
    run.said("all is ready")
    os.kill(_pids("first")[0], signal.SIGKILL)
    run.said("first │ was killed by SIGKILL; starts again in 0.05 s")
    while len(_pids("first")) < 2:
        time.sleep(0.02)
    run.process.send_signal(signal.SIGTERM)
    assert run.ended() == 0
    assert _nobody_lives("first")


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killing_the_supervisor_kills_its_children(parent):
    run = parent([[["first", "stubborn"]], [["second", "calm"]]])
    run.said("all is ready")
    run.process.kill()
    run.process.wait()
    while not _nobody_lives("first", "second"):
        time.sleep(0.02)
    assert not Path("stops").exists()


@pytest.mark.processes
def test_what_does_not_get_ready_is_named_and_everything_stops(parent):
    run = parent([[["first", "calm"]]], ready="os.path.isdir", ready_within="0.3")
    assert run.ended() == 1
    assert Path("err").read_text() == "Not ready after 0 seconds: first; see the lines above.\n"
    assert "all is ready" not in Path("out").read_text()
    assert _nobody_lives("first")


@pytest.mark.processes
def test_output_that_nobody_reads_stops_nobody(parent):
    run = parent([[["first", "loud"]], [["second", "calm"]]], stdout=None)
    while not _pids("second"):
        time.sleep(0.02)
    time.sleep(0.3)  # long enough for the loud one to fill every pipe
    run.process.send_signal(signal.SIGTERM)
    out, _ = run.process.communicate(timeout=30)
    assert run.process.returncode == 0
    assert b"first" in out
    assert Path("stops").read_text().split()[0] == "second"
    assert _nobody_lives("first", "second")
