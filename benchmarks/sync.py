"""One sync of ours: everything the platform of canned pages has, polled into a store and counted.

:data:`PAGED` is the platform as it is: its pages have numbers, so several can be asked for at once. :data:`CHAINED` is
the same platform if each page named the next one, as many do: nothing can be asked for before the page before it is
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import msgspec

from aftersend.providers import PROVIDERS, paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Provider, Walk
from aftersend.providers.inwise import Inwise, rows
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Store
from aftersend.vocabulary import now
from aftersend.worker import claims, normalizer, plan, poller
from benchmarks import life
from benchmarks.measure import Watch
from benchmarks.pages import NEXT, lay_out

FEEDS = ("sentEmails", "activities", "undelivered")


class Chained(Inwise):
    """The platform whose pages name the next one."""

    name = "chained"

    def feeds(self, source: Source) -> list[Feed]:  # noqa: ARG002 - whatever the source says
        return [Feed(name=feed, walk=partial(_chain, feed)) for feed in FEEDS]


PAGED, CHAINED = Inwise(), Chained()


class Synced(msgspec.Struct, frozen=True):
    """All feeds, each read to its end, every row stored and counted."""

    seconds: float
    asked: int
    """Requests, with the empty answers at the ends."""


class Platform(msgspec.Struct, frozen=True):
    """What there is to be polled, and where it is served."""

    port: int
    truth: life.Truth
    """What a store must count afterwards."""

    @property
    def rows(self) -> int:
        return sum(self.truth.values())

    def address(self, delay_ms: int = 0) -> str:
        """Where it takes so long for each answer."""
        return f"http://127.0.0.1:{self.port}/{delay_ms}"


def lay_out_life(rows: int, folder: Path) -> life.Truth:
    """Write the pages of a life for :mod:`benchmarks.pages`, and say what is in them; nothing of them stays in this
    process, whose collector would walk it."""
    facts = life.life(rows)
    lay_out(life.pages(facts), folder)
    return life.truth_of(facts)


def sync(store: Store, settings: Settings) -> Synced:
    """Poll, as a worker's job does, until every row of every feed is stored and counted."""
    (source,) = settings.sources
    plan.ensure(store, source, now())
    asked = 0
    with Watch() as watch, normalizer.working_off(store, settings):
        for feed in FEEDS:
            outcome = poller.poll(store, settings, (source.name, feed, plan.LIVE), claims.new_owner(), force=True)
            assert outcome.status == "done", outcome
            asked += outcome.pages
    return Synced(watch.seconds, asked)


def sync_of(platform: Platform, where: Path, *, provider: Provider = PAGED, delay_ms: int = 0) -> Synced:
    """Sync a platform into a new store, and check what it counts."""
    with new_store(platform, where, provider=provider, delay_ms=delay_ms) as (store, settings):
        synced = sync(store, settings)
        life.check(store, platform.truth)
    return synced


@contextmanager
def new_store(
    platform: Platform, where: Path, *, provider: Provider = PAGED, delay_ms: int = 0
) -> Iterator[tuple[Store, Settings]]:
    """An empty store, and settings with the platform as its only source; gone after the block."""
    # Registered for as long as it is polled: the sandbox goes through everything that is registered.
    with patch.dict(PROVIDERS, {provider.name: provider}), TemporaryDirectory(dir=where) as directory:
        source = Source(
            name=life.SOURCE,
            provider=provider.name,
            time_zone=life.ZONE,
            base_url=platform.address(delay_ms),
            api_key="a-key-of-32-characters-000000001",
            feeds=list(FEEDS),
            overlap="2h",
            backfill="0s",
            max_rate=1_000_000,
        )
        settings = Settings(server=Server(database=f"sqlite:///{directory}/aftersend.db"), sources=[source])
        with closing(open_store(settings.server.database)) as store:
            store.migrate()
            yield store, settings


def _chain(feed: str, position: Position, context: Context) -> Walk:
    ask = Ask(path=f"campaigns/email/{feed}")
    return paging.Whole(position, context, ask=ask, look=_look, family=partial(paging.Cursors, param="page_index"))


def _look(answer: Answer) -> paging.Page:
    return paging.Page(ids=rows.row_ids(answer.body), next=answer.headers.get(NEXT))
