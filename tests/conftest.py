"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long something takes is no matter of a test: speed lives in benchmarks/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
