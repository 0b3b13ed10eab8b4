"""Benchmark's pages: numbered from 1, of a size whose most is told nowhere (provider file, section 9)."""

from __future__ import annotations

from aftersend.providers.contract import Ask
from aftersend.providers.paging import PageNumbers, Place
from aftersend.vocabulary import Instant

SIZES = (100, 50, 25)
"""Rows to ask for; where a size is refused, the next."""
DEFAULT = 25


class NumberedPages(PageNumbers):
    """Pages by number, smaller ones where the first of a size is refused. A place of nothing but a ``size`` begins with
    that."""

    def __init__(self, first: Ask, place: Place, at: Instant):
        super().__init__(first, place, at, page="page", size="size", asked=SIZES[0], begin=1, default=DEFAULT)

    def lost(self) -> bool:
        smaller = [size for size in SIZES if size < self.size]
        if self.number > 1 or not smaller:
            return False
        self.size = smaller[0]
        self.place = {"size": self.size}
        return True
