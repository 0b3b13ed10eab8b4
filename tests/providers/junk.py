"""JSON that nobody promised, for the fuzzing of what providers read."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
"""Values that hold no others."""


def nested(names: st.SearchStrategy[str], plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Plain values, and lists and objects of them, with names of a platform's or any others."""
    return st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(names | st.text(), inner), max_leaves=12)
