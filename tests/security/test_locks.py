"""What is installed is what was chosen: the lock files, without asking anybody."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "benchmarks/peers.lock")
PIN = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([^\s;]+)(?: ; [a-z_]+ [^\\@:]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
VIA = re.compile(r"    #(?: via)?(?:  ? ?(\S.*))?")


class Package(msgspec.Struct):
    """One package of a lock file, which may have another version for another Python."""

    versions: list[str] = []
    hashes: list[int] = []
    """How many each version has."""
    wanted_by: list[str] = []


def locked(name: str) -> dict[str, Package]:
    """The packages of a lock file. Every line is one of the three that are expected, or the test fails here."""
    packages: dict[str, Package] = {}
    last: Package | None = None
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if pin := PIN.fullmatch(line):
            last = packages.setdefault(pin[1], Package(versions=[], hashes=[], wanted_by=[]))
            last.versions.append(pin[2])
            last.hashes.append(0)
            continue
        assert last is not None, f"{name}: {line}"
        if HASH.fullmatch(line):
            last.hashes[-1] += 1
            continue
        via = VIA.fullmatch(line)
        assert via, f"{name}: {line}"
        if via[1]:
            last.wanted_by.append(via[1])
    return packages


def names(lines: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-").replace(".", "-") for line in lines}


def declared(name: str) -> set[str]:
    """The packages that we chose ourselves."""
    if name.startswith("benchmarks/"):
        lines = (ROOT / "benchmarks/peers.in").read_text(encoding="utf-8").splitlines()
        return names([line for line in lines if line.strip() and not line.startswith("#")])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return names(project["dependencies"] + (project["optional-dependencies"]["dev"] if "-dev" in name else []))


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes_and_comes_from_no_address(name):
    packages = locked(name)
    assert len(packages) > len(declared(name)) > 3
    assert [one for one, package in packages.items() if 0 in package.hashes] == []
    assert not re.search(r"://|git\+|^-|\s@\s", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_was_chosen_or_is_needed_by_one_that_was(name):
    packages, ours = locked(name), declared(name)
    chosen = {
        one
        for one, package in packages.items()
        if any(by.startswith(("aftersend (pyproject.toml)", "-r benchmarks/peers.in")) for by in package.wanted_by)
    }
    assert chosen == ours
    reached, left = set(ours), dict(packages)
    while new := {one for one, package in left.items() if one in reached or reached & set(package.wanted_by)}:
        reached |= new
        left = {one: package for one, package in left.items() if one not in new}
    assert left == {}


def test_what_is_tested_is_what_runs():
    run, tested = locked("requirements.lock"), locked("requirements-dev.lock")
    assert {name: tested[name].versions for name in run} == {name: package.versions for name, package in run.items()}
