"""Small numbers for words that repeat in every row: a word's place in its enumeration.

The enumerations in the vocabulary may grow at their end and never change order: the numbers are on disk.
"""

from __future__ import annotations

from aftersend.vocabulary import Channel, Clock, Door, Kind, Machine, Precision

KINDS = list(Kind)
CHANNELS = list(Channel)
MACHINES = list(Machine)
PRECISIONS = list(Precision)
CLOCKS = list(Clock)

KIND = {word: number for number, word in enumerate(KINDS)}
CHANNEL = {word: number for number, word in enumerate(CHANNELS)}
MACHINE = {word: number for number, word in enumerate(MACHINES)}
PRECISION = {word: number for number, word in enumerate(PRECISIONS)}
CLOCK = {word: number for number, word in enumerate(CLOCKS)}

DOOR = {Door.WEBHOOK: 1, Door.FEED: 2}
"""Bits: an event seen through both doors has 3."""
DOORS = {
    0: [],
    1: [Door.WEBHOOK.value],
    2: [Door.FEED.value],
    3: [Door.FEED.value, Door.WEBHOOK.value],
}

ACTED_BY_MACHINE = MACHINE[Machine.MACHINE]
RETURNED = -1
"""In the place of a kind, in buckets: sends that bounced, at the time of the send."""
LIFETIME = -1
"""The bucket that holds all time."""
QUARTER = 900_000
"""Milliseconds in a bucket: fine enough for the day of any IANA zone."""
