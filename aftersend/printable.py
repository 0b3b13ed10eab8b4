"""Text of strangers, made fit to be shown on a terminal or in a log.

What platforms and callers say may hold anything: line ends that forge a line, escape sequences that a terminal obeys,
marks that turn the direction of what follows. Reports and files hold such text as it was told; whoever shows it to a
person says it through here.
"""

from __future__ import annotations

_LINES = (0x09, 0x0A)
_OBEYED = (
    *range(0x20),  # C0: line ends, escape, bell
    *range(0x7F, 0xA0),  # delete and C1: a line end, and the escape sequences' beginning in one character
    *(0x2028, 0x2029),  # what some readers take for line ends
    *(0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # directions
)
_WRITTEN = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _OBEYED}
_WRITTEN_IN_JSON = {code: f"\\u{code:04x}" for code in _OBEYED if code >= 0x7F}
_WRITTEN_IN_LINES = {code: written for code, written in _WRITTEN.items() if code not in _LINES}


def on_one_line(text: str) -> str:
    """The text with whatever isn't shown but obeyed written out, as ``\\x1b`` and ``\\x0a`` are."""
    return text.translate(_WRITTEN)


def on_lines(text: str) -> str:
    """The same, with its tabs and line feeds as they are."""
    return text.translate(_WRITTEN_IN_LINES)


def in_json(text: str) -> str:
    """The same of JSON, which means what it did."""
    return text.translate(_WRITTEN_IN_JSON)
