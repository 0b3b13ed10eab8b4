"""``make audit``: asks the advisories of PyPI about every package of the lock files.

pip-audit says "No known vulnerabilities found" also where nobody could be asked. Here there are three answers: clean,
vulnerable (which fails), and could not ask, which is said loudly and fails with ``AFTERSEND_AUDIT=strict``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

WITHIN_S = 180
"""For all of the packages; one question that isn't answered within five seconds ends it."""


class Verdict(NamedTuple):
    """What came of asking."""

    state: str
    """``clean``, ``vulnerable`` or ``could not ask``."""
    sentence: str

    def status(self, *, strict: bool) -> int:
        """The exit status."""
        return int(self.state == "vulnerable" or (self.state == "could not ask" and strict))


def judged(said: str, why: str = "") -> Verdict:
    """What pip-audit's JSON means; ``why`` is what it said beside it."""
    try:
        packages = json.loads(said)["dependencies"]
        found = [f"{p['name']} {p['version']}: {one['id']}" for p in packages for one in p.get("vulns", ())]
        skipped = [package["name"] for package in packages if "skip_reason" in package]
    except (ValueError, KeyError, TypeError):
        last = why.strip().splitlines()[-1:] or ["no answer"]
        return Verdict("could not ask", f"pip-audit ended without a report ({last[0][:120]})")
    if found:
        return Verdict("vulnerable", "; ".join(found))
    if skipped or not packages:
        count = f"{len(skipped)} of {len(packages)}"
        return Verdict("could not ask", f"the advisories of {count} packages can't be had here")
    return Verdict("clean", f"no advisory speaks of any of {len(packages)} packages")


def asked(locks: Sequence[str]) -> Verdict:
    """What the advisories say of these lock files."""
    command = [str(Path(sys.executable).parent / "pip-audit"), "--require-hashes", "--disable-pip", "--timeout", "5"]
    command += ["--progress-spinner", "off", "--format", "json", *(part for lock in locks for part in ("-r", lock))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Verdict("could not ask", f"pip-audit: {type(error).__name__}")
    return judged(done.stdout, done.stderr)


def main(locks: Sequence[str]) -> int:
    """Ask, say what came of it in one line, and return the exit status."""
    strict = os.environ.get("AFTERSEND_AUDIT") == "strict"
    verdict = asked(locks)
    status = verdict.status(strict=strict)
    sign = "!!! " if verdict.state != "clean" else ""
    print(f"{sign}audit: {verdict.state.upper()}: {verdict.sentence}.", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
