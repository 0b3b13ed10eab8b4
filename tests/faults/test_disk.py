"""A disk that is really full, and has room again, under load.

Each test runs in a room of its own: a process with mounts that nobody else sees (``unshare -m``, as root or with a user
namespace), where a small tmpfs (in the long form also an ext4 file system) is the disk of the store and of Redis. Where
neither is allowed the disk is a quota: no file of the installation may become longer (RLIMIT_FSIZE). The line in the
ledger says which it was.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache, wraps
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from aftersend.storage import open_store
from aftersend.vocabulary import Delivery, Door, now
from tests.faults.installation import World, wait_for
from tests.faults.ledger import Ledger, long

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="mounts, and reads /proc")]

IN_THE_ROOM = "AFTERSEND_TEST_ROOM"
ROOT, ANYBODY = ["unshare", "-m"], ["unshare", "-r", "-m"]
MB = 1_000_000
FULL_FOR_S = 30


# -- disks -----------------------------------------------------------------------------------------------


class Mounted:
    """A file system of its own."""

    def __init__(self, path: Path, kind: str, megabytes: int):
        self.path, self.kind, self._ballast = path, kind, path / "ballast"
        path.mkdir()
        if kind == "ext4":
            image = path.with_suffix(".img")
            with image.open("wb") as file:
                file.truncate(megabytes * MB)
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
            subprocess.run(["mount", "-o", "loop", image, path], check=True)
        else:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", path], check=True)

    def fill(self, world: World | None = None) -> None:
        """To the last byte."""
        descriptor, size = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND), MB
        while size:
            try:
                os.write(descriptor, bytes(size))
            except OSError:
                size //= 2
        os.close(descriptor)

    def empty(self, world: World | None = None) -> None:
        self._ballast.unlink()


class Quota:
    """A directory whose users may write no file longer than a byte. Redis dies of such a signal, so it is spared."""

    kind = "quota"

    def __init__(self, path: Path):
        self.path = path
        path.mkdir()

    def fill(self, world: World) -> None:
        self._limit(world, 1)

    def empty(self, world: World) -> None:
        self._limit(world, resource.RLIM_INFINITY)

    def _limit(self, world: World, size: int) -> None:
        for role, members in world.installation.by_role().items():
            for member in members if role != "redis" else []:
                try:
                    hard = resource.prlimit(member, resource.RLIMIT_FSIZE)[1]
                    resource.prlimit(member, resource.RLIMIT_FSIZE, (size, hard))
                except ProcessLookupError:
                    continue


@cache
def _way() -> list[str]:
    """The command that makes a room where we may mount; empty where nothing does."""
    for way in (ROOT, ANYBODY) if shutil.which("unshare") and shutil.which("mount") else ():
        if not subprocess.run(
            [*way, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode:
            return way
    return []


def in_a_room(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test again in a process with mounts of its own; here where there can be none."""

    @wraps(test)
    def outside(**fixtures: Any) -> None:
        if IN_THE_ROOM in os.environ or not _way():
            test(**fixtures)
            return
        request, directory = fixtures["request"], fixtures["tmp_path"]
        pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        inside = subprocess.run(
            [*_way(), *pytest_, "--basetemp", f"{directory}/room", request.node.nodeid],
            cwd=request.config.rootpath,
            env={**os.environ, IN_THE_ROOM: "yes"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert inside.returncode == 0, inside.stdout

    return outside


def a_disk(path: Path, kind: str = "tmpfs", megabytes: int = 48) -> Mounted | Quota:
    return Mounted(path, kind, megabytes) if _way() else Quota(path)


# -- tests -----------------------------------------------------------------------------------------------

BREVO = """
[[sources]]
name = "brevo"
provider = "brevo"
webhook_secrets = ["token"]
feeds = []
"""


OPENED = files("aftersend.providers.brevo") / "fixtures" / "webhook_opened.json"


def brevos_status(world: World) -> int:
    """What Brevo's webhook is answered with: 429, since Brevo doesn't come again after a 503."""
    address = f"http://127.0.0.1:{world.installation.ports[0]}/webhooks/brevo/token"
    return requests.post(address, OPENED.read_bytes(), timeout=60).status_code


def everyone_but_jobs(world: World) -> dict[str, list[int]]:
    return {role: sorted(pids) for role, pids in world.installation.by_role().items() if role != "job"}


@long
@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
@in_a_room
def test_while_it_is_full_senders_come_again_and_then_everything_is_there(
    request: pytest.FixtureRequest, tmp_path: Path, ledger: Ledger, kind: str
) -> None:
    disk = a_disk(tmp_path / "disk", kind)
    # As on a machine with one disk: temporary files lie there too.
    with World(tmp_path, ledger, data=disk.path, server=BREVO, environment={"TMPDIR": str(disk.path)}) as world:
        world.wait_until_ready()
        for moment in world.under_load(4):
            time.sleep(0.5)
            if moment != 1:
                continue
            before = everyone_but_jobs(world)
            disk.fill(world)
            wait_for(lambda: world.knock() == 503, "a webhook that is refused")
            wait_for(lambda: brevos_status(world) == 429, "a webhook of Brevo that is refused")
            wait_for(lambda: world.metrics().get("aftersend_webhook_refusing") == 1, "the figure of what is refused")
            if disk.kind != "quota":  # which is the processes' own affair
                said = world.readyz()
                assert (said["ready"], "can't be written" in str(said["reason"])) == (False, True)
                assert world.metrics()["aftersend_store_has_room"] == 0
                assert "Nothing is taken in" in world.installation.said("sources")
                assert "Webhooks are refused" in world.installation.said("doctor")
                fail_to_save(redis_of(world))
            world.happen(0.1)
            time.sleep(FULL_FOR_S)
            assert everyone_but_jobs(world) == before
            disk.empty(world)
        world.settle_and_check(f"disk full under load ({disk.kind})", note=f"full for {FULL_FOR_S} s and more")
        assert "✗" not in world.installation.said("doctor")


def redis_of(world: World) -> redis.Redis:
    (pid,) = world.installation.by_role()["redis"]
    # It writes over its command line where it listens: "redis-server unixsocket:/…/redis.sock".
    _, _, socket = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0 ").partition("unixsocket:")
    return redis.Redis(unix_socket_path=socket)


def fail_to_save(connection: redis.Redis) -> None:
    """Its disk is full too; it says so and goes on."""
    connection.bgsave()
    wait_for(lambda: connection.info("persistence")["rdb_last_bgsave_status"] == "err", "Redis to fail to save")
    assert connection.set("aftersend-test", 1, ex=1)


@in_a_room
def test_a_small_disk_is_not_filled_by_what_was_written_already(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if not _way():
        pytest.skip("no file system may be mounted here")
    disk = Mounted(tmp_path / "disk", "tmpfs", 4)
    store = open_store(f"sqlite:///{disk.path}/store.db")
    store.migrate()
    # Each of these writes several pages of 8 kB into the log: twice the disk, if it were kept.
    assert [store.append([webhook()]) for _ in range(400)] == [[number] for number in range(1, 401)]
    store.close()


@in_a_room
def test_what_was_begun_on_a_full_disk_fails_with_the_reason_and_can_be_repeated(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if not _way():
        pytest.skip("no file system may be mounted here")
    disk = Mounted(tmp_path / "disk", "tmpfs", 8)
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{disk.path}/store.db"}

    def run(*command: str) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "aftersend.console", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stderr

    (tmp_path / "aftersend.toml").write_text("")
    disk.fill()
    status, said = run("migrate")
    assert (status, "aftersend:" in said, "Internal error" in said) == (1, True, False)
    disk.empty()
    assert run("migrate") == (0, "")
    store = open_store(environment["DATABASE_URL"])
    store.append([webhook()])
    store.ready()  # somebody has it open, as everywhere where it is in use
    disk.fill()
    output = disk.path / "events.csv"
    status, said = run("export", "--output", str(output))
    assert (status, "No space left" in said, output.exists()) == (1, True, False)
    disk.empty()
    assert run("export", "--output", str(output)) == (0, f"Wrote 0 rows to {output}.\n")
    store.close()


def webhook() -> Delivery:
    return Delivery(source="a", door=Door.WEBHOOK, received_at=now(), body=b"{}" * 100)


def test_a_log_on_a_full_disk_stops_nobody() -> None:
    said = "from aftersend import logs; import structlog; logs.configure('info'); "
    said += "structlog.get_logger().warning('lost'); print('goes on')"
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", said], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert ended.stdout == "goes on\n"
