"""The feeds of the platform a sandbox plays: a store of its own, served by the dialect code.

What the platform has is kept as an installation of Aftersend keeps it, in an SQLite file of its own, and is
served over HTTP by the same dialect that serves everybody's reports. So polling a sandbox is one Aftersend
polling another.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec
from werkzeug.serving import WSGIRequestHandler, make_server

from aftersend.providers import provider_of
from aftersend.providers.speaker import Fact, speaker_of
from aftersend.receiver import create_app
from aftersend.sandbox.faults import FaultPlan, Faults
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter
from aftersend.vocabulary import ConfigurationError, Delivery, Door, now

SOURCE = "sandbox"
"""The name of the only source of the sandbox's own installation."""
DEFAULT_KEY = "sandbox0sandbox0sandbox0sandbox0"
"""The API key of a sandbox that is given none. It opens invented data only."""
PAGE = 1_000
"""Rows of a delivery in the sandbox's own inbox."""
SHIFTED = 5
"""Rows that enter at the front when the ``shift`` fault happens."""


class Sandbox:
    """A platform one can poll. Use it in a ``with``, which starts and stops its server.

    Facts become visible by :meth:`show`. An existing directory is taken up again: what it has shown stays.
    """

    def __init__(
        self,
        directory: Path | str,
        provider: str,
        *,
        api_key: str = DEFAULT_KEY,
        time_zone: str = "",
        faults: FaultPlan | None = None,
        seed: int = 1,
        port: int = 0,
    ):
        Path(directory).mkdir(parents=True, exist_ok=True)
        database = f"sqlite:///{Path(directory) / 'sandbox.db'}"
        self.source = Source(name=SOURCE, provider=provider, time_zone=time_zone, feeds=[])
        self.provider = provider_of(self.source)
        self.speaker = speaker_of(provider)
        self.zone_name = self.provider.zone(self.source)
        self.api_key = api_key
        self.store = open_store(database)
        self.store.migrate()
        self._work_off()
        self._held: deque[Fact] = deque()
        self._showing = threading.Lock()
        settings = Settings(server=Server(database=database), sources=[self.source], admin_key=api_key)
        app = create_app(settings, self.store)
        self.faults = Faults(app, self.speaker, self.release, faults or FaultPlan(), seed)
        with _listening(port) as listening:
            self._server = make_server(
                "127.0.0.1", port, self.faults, threaded=True, request_handler=_Quiet, fd=listening.fileno()
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Sandbox:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self.store.close()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        """The base URL a source is configured with."""
        return f"http://127.0.0.1:{self.port}{self.speaker.base_path}"

    def polled_as(self, name: str, **fields: object) -> Source:
        """This sandbox as another installation configures it, with these fields besides."""
        source = Source(
            name=name,
            provider=self.provider.name,
            time_zone=self.zone_name,
            base_url=self.url,
            api_key=self.api_key,
            poll_every="1s",
            max_rate=1000,
        )
        return msgspec.structs.replace(source, **fields)

    def show(self, facts: Iterable[Fact]) -> None:
        """Let the feeds show these facts. On return they are on disk and visible."""
        rows_of: dict[str, list[dict[str, object]]] = {}
        for fact in facts:
            feed, row = self.speaker.row(fact, self.zone_name)
            rows_of.setdefault(feed, []).append(row)
        pages = [
            self._page(feed, rows[first : first + PAGE])
            for feed, rows in rows_of.items()
            for first in range(0, len(rows), PAGE)
        ]
        if pages:
            with self._showing:
                self.store.append(pages)
                self._work_off()

    def hold(self, facts: Iterable[Fact]) -> None:
        """Keep these facts back, in this order, until :meth:`release` or the ``shift`` fault lets them in."""
        self._held.extend(facts)

    def release(self, most: int = SHIFTED) -> None:
        """Show the next held-back facts."""
        with self._showing:
            freed = [self._held.popleft() for _ in range(min(most, len(self._held)))]
        self.show(freed)

    @property
    def last_number(self) -> int:
        """No fact shown here so far has a higher number: each made an event, and the store numbers events."""
        return self.store.last_number()

    @property
    def last_campaign(self) -> int | None:
        """The highest campaign id ever shown; ids rise with time."""
        ids = [row.campaign_id for row in self.store.campaigns(Filter()) if row.campaign_id]
        return max(map(int, ids), default=None)

    def _page(self, feed: str, rows: list[dict[str, object]]) -> Delivery:
        return Delivery(
            source=SOURCE,
            door=Door.FEED,
            feed=feed,
            received_at=now(),
            content_type="application/json",
            body=msgspec.json.encode(rows),
        )

    def _work_off(self) -> None:
        while self.store.work_off(lambda delivery: self.provider.read(delivery, self.source)) is not None:
            pass


class _Quiet(WSGIRequestHandler):
    """A request handler that doesn't write a line per request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _listening(port: int) -> socket.socket:
    """A socket on the loopback address; port 0 takes a free one."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise ConfigurationError(f"The sandbox cannot listen on port {port}: {error.strerror}.") from None
