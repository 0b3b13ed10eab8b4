"""Nobody waits for an hour or a day until it is time to ask again."""

from __future__ import annotations

import pytest

from aftersend.providers.constant_contact import feeds, notes


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be asked after hours or a day is asked with the next run."""
    monkeypatch.setattr(notes, "AFTERWARDS", 0)
    monkeypatch.setattr(notes, "AGES", ())
    monkeypatch.setattr(feeds, "REREAD", 0)
    monkeypatch.setattr(feeds, "WHOLE", 0)
