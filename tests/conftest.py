"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# How long something takes is no matter of a test: speed lives in benchmarks/.
# Of properties that don't say how many examples they need; `make faults` tries more.
settings.register_profile("untimed", deadline=None, max_examples=int(os.environ.get("AFTERSEND_EXAMPLES", "40")))
settings.load_profile("untimed")
