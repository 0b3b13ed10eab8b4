"""The environment of what we are compared with and do not depend on, made when it is first needed.

``benchmarks/.cache/peers`` is a virtual environment with exactly what ``peers.lock`` names, file by file by its hash.
It is made anew when the lock changes.
"""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

from benchmarks.history import CACHE, digest

LOCK = Path(__file__).resolve().parent / "peers.lock"
PLACE = CACHE / "peers"
MOST_S = 300
"""How long its making may take."""


_refused: dict[Path, str] = {}
"""Why an environment could not be made."""


class NotThere(Exception):
    """The environment can't be had here and now; says why in a sentence."""


def made() -> bool:
    """Whether it is there, with what the lock names."""
    return _mark().exists()


def python() -> Path:
    """Its interpreter; the first time, pip installs 600 MB. Raises :class:`NotThere`, without network say; who asks
    again hears the same at once."""
    if not made():
        if why := _refused.get(_mark()):
            raise NotThere(why)
        _make()
    return PLACE / "bin" / "python"


def _make() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]
    try:
        venv.create(PLACE, with_pip=True)
        subprocess.run(
            [PLACE / "bin" / "python", *pip, "--require-hashes", "-r", LOCK],
            check=True,
            capture_output=True,
            timeout=MOST_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = (
            f"Its environment could not be made ({type(error).__name__}); why, says benchmarks/.cache/peers/bin/python "
            "-m pip install --require-hashes -r benchmarks/peers.lock"
        )
        _refused[_mark()] = why
        raise NotThere(why) from None
    _mark().touch()


def _mark() -> Path:
    return PLACE / f"made-{digest(LOCK)}"
