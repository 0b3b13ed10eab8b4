"""The audit of dependencies tells its three answers apart, by what pip-audit printed in each case."""

from __future__ import annotations

import json
import sys

import pytest

from tests.security import audit
from tests.security.audit import judged

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
VULNERABLE = {
    "name": "flask",
    "version": "0.5",
    "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "description": "…", "aliases": ["CVE-2019-1010083"]}],
}
SKIPPED = {"name": "rq", "skip_reason": "Dependency not found on PyPI and could not be audited: rq (2.12.0)"}


def report(*packages: dict) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


@pytest.mark.parametrize(
    ("said", "why", "state", "sentence", "status", "strict"),
    [
        (report(CLEAN, CLEAN), "", "clean", "no advisory speaks of any of 2 packages", 0, 0),
        (report(CLEAN, VULNERABLE), "", "vulnerable", "flask 0.5: PYSEC-2019-179", 1, 1),
        (report(SKIPPED, VULNERABLE), "", "vulnerable", "flask 0.5: PYSEC-2019-179", 1, 1),
        (
            report(CLEAN, SKIPPED),
            "",
            "could not ask",
            "the advisories of 1 of 2 packages can't be had here",
            0,
            1,
        ),
        (report(), "", "could not ask", "the advisories of 0 of 0 packages can't be had here", 0, 1),
        (
            "",
            "WARNING\nERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n",
            "could not ask",
            "pip-audit ended without a report (ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed)",
            0,
            1,
        ),
        ("[1]", "", "could not ask", "pip-audit ended without a report (no answer)", 0, 1),
        ("{}", "", "could not ask", "pip-audit ended without a report (no answer)", 0, 1),
    ],
)
def test_each_answer_of_pip_audit_is_one_of_three(said, why, state, sentence, status, strict):
    verdict = judged(said, why)
    assert (verdict.state, verdict.sentence) == (state, sentence)
    assert (verdict.status(strict=False), verdict.status(strict=True)) == (status, strict)


@pytest.mark.parametrize(("asked", "status"), [("", 0), ("strict", 1)])
def test_an_audit_that_could_not_ask_is_loud_and_fails_only_where_that_is_wanted(
    monkeypatch, capsys, tmp_path, asked, status
):
    # Beside this interpreter there is no pip-audit, as where nothing was installed.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("AFTERSEND_AUDIT", asked)
    assert audit.main(["requirements.lock"]) == status
    assert capsys.readouterr().out == "!!! audit: COULD NOT ASK: pip-audit: FileNotFoundError.\n"
