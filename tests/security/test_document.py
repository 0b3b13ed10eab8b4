"""docs/security.md: every threat names the tests that hold it, and nothing is held in secret."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def lines() -> list[list[str]]:
    """The cells of every row of every table about threats."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0] != "threat" and set(row[0]) != {"-"}]


@cache
def names_in(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    # What schemathesis makes is a test by its decorator, and a function all the same.
    return {node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_line_names_tests_that_exist():
    rows = lines()
    assert len(rows) > 40
    for row in rows:
        assert len(row) == 3, row
        named = NAMED.findall(row[2])
        assert named, row[0]
        # Nothing stands in the cell that isn't a test.
        assert NAMED.sub("", row[2]).strip(", ") == "", row[0]
        assert [one for one in named if one[1] not in names_in(ROOT / one[0])] == []


def test_every_test_here_is_named_by_a_line():
    here = {
        (f"tests/security/{path.name}", name) for path in Path(__file__).parent.glob("*.py") for name in names_in(path)
    }
    named = {one for row in lines() for one in NAMED.findall(row[2])}
    assert here - named == set()


def test_every_exception_from_a_security_rule_is_argued():
    exception = re.compile(r"# noqa: (?:\w+, )*S\d+(?:, \w+)*(.*)")
    found = {
        f"{path.relative_to(ROOT)}:{number}": said[1]
        for folder in ("aftersend", "benchmarks", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if ".cache" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (said := exception.search(line)) and "re.compile" not in line
    }
    assert len(found) > 10
    assert [where for where, why in found.items() if not re.match(r" - \w", why)] == []
