"""Small numbers for words that repeat in every row: a word's place in its enumeration.

The enumerations in the vocabulary may grow at their end and never change order: the numbers are on disk.
"""

from __future__ import annotations

from aftersend.storage.contract import Mark
from aftersend.storage.metrics import DEVICES, Drop, Word
from aftersend.vocabulary import Bounce, Channel, Clock, Door, Kind, Machine, Precision, Status

KINDS = list(Kind)
CHANNELS = list(Channel)
MACHINES = list(Machine)
PRECISIONS = list(Precision)
CLOCKS = list(Clock)
STATUSES = list(Status)

KIND = {word: number for number, word in enumerate(KINDS)}
CHANNEL = {word: number for number, word in enumerate(CHANNELS)}
MACHINE = {word: number for number, word in enumerate(MACHINES)}
PRECISION = {word: number for number, word in enumerate(PRECISIONS)}
CLOCK = {word: number for number, word in enumerate(CLOCKS)}
STATUS = {word: number for number, word in enumerate(STATUSES)}
DEVICE = {word: number for number, word in enumerate(DEVICES)}

DOOR = {Door.WEBHOOK: 1, Door.FEED: 2}
"""Bits: an event seen through both doors has 3."""
DOORS = {
    0: [],
    1: [Door.WEBHOOK.value],
    2: [Door.FEED.value],
    3: [Door.FEED.value, Door.WEBHOOK.value],
}

ACTED_BY_MACHINE = MACHINE[Machine.MACHINE]
EMAIL = CHANNEL[Channel.EMAIL]

SORTS = 64
SORT: dict[Word, int] = {**{bounce: SORTS + n for n, bounce in enumerate(Bounce)}, Drop.WITHHELD: SORTS + 16}
"""In the place of a kind, in outcomes: of what sort a bounce or drop was, beside the outcome of its kind."""
WORDS: dict[int, Word] = {**dict(enumerate(KINDS)), **{number: word for word, number in SORT.items()}}

MARK = {mark: -1 - n for n, mark in enumerate(Mark)}
"""In the place of a kind, in buckets: marks, at their instants."""
KNOWN = -32
"""In the place of a kind, in the buckets of a source: contacts, at their first event."""

RECEIVED = -33
"""In the place of a kind, in totals: delivered, where the platform claims sends but no deliveries."""

BOUNCES, LINKS = 64, 65
"""Facets; those of devices are the kinds ``opened`` and ``clicked``."""
AUTO_REPLIED = len(Bounce)
"""In the place of a bounce: an auto-reply and no bounce."""

QUARTER = 900_000
"""Milliseconds in a bucket: fine enough for the day of any IANA zone."""
LIFETIME = -1
"""The bucket that holds all time."""
QUARTERS_OF_DAY = 96


def day(quarter: int) -> int:
    """The bucket that holds the whole UTC day of a quarter hour."""
    return -2 - quarter // QUARTERS_OF_DAY
