"""Which rows are the same fact (provider file, section 8; law 3).

Rows have no id. The slot of a row is everything of it that never changes: activity, type, contact, time, link and
bounce code. Names, present address, device and ``deleted_at`` may be told otherwise the next time (9.9, 9.11), so they
are no part of it. Of rows that agree in all this, the number within one answer tells one from the other: two clicks on
one link in the same second are two. They are numbered in the order of what else they say, since the platform may
print equal times in any order.

Opt-outs are shown by two lists: an activity's, and, once the source reads it, the list of contacts who opted out, which
names no activity and whose clock may be another. Their slot is contact and day; an opt-out that both tell is one.
"""

from __future__ import annotations

from collections.abc import Iterable

from aftersend.vocabulary import Instant, slot_key

DAY = 86_400_000
STATUS = "status"
"""The list of what the status of contacts says. An activity's own list stands before it in the alphabet, so that it
speaks first."""


def of_row(source: str, word: str, activity: str, who: str, at: Instant, url_id: str | None, code: str | None) -> bytes:
    """The slot of a row of an activity's list."""
    return slot_key(at, source, word, activity, who, str(at), url_id, code)


def of_optout(source: str, who: str, at: Instant) -> bytes:
    """The slot of an opt-out."""
    return slot_key(at // DAY * DAY, source, "em_optouts", who)


def numbered(keys: Iterable[str]) -> list[int]:
    """Of each key, how many equal ones came before it."""
    met: dict[str, int] = {}
    numbers = []
    for key in keys:
        numbers.append(met.get(key, 0))
        met[key] = numbers[-1] + 1
    return numbers
