"""Webhooks as a platform sends them over a bad network: lost, doubled, late, in another order.

The luck of every webhook is drawn from a seed when its fact is pushed, in the order of the facts, so that
the same facts and the same seed meet the same fate. What the target does with them is recorded: a fact is
``acknowledged`` when one of its webhooks was answered with 200, and from then on it may not be missing.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable
from random import Random

import msgspec
import requests

from aftersend.providers.speaker import Fact, Speaker, Webhook

TIMEOUT = 10
"""Seconds a target may take to answer."""
PAUSE = 0.1
"""Seconds between two tries where the pusher insists."""


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How bad the network is. Chances are per webhook, 0 to 1."""

    loss: float = 0
    duplication: float = 0
    reorder: float = 0
    """Changes places with up to ten webhooks of the same push behind it."""
    delay: float = 0
    """Each webhook comes up to this many seconds late; they overtake one another."""
    insist: bool = False
    """Repeat until the answer is 200, as platforms do that document retries. Otherwise at most once."""


class Pusher:
    """Pushes facts to a target address, from threads of its own.

    Close it (or use it in a ``with``) to stop; what has not been sent by then never is, see :meth:`flush`.
    With one thread, and neither delay nor reordering, webhooks go out in the order of their facts.
    """

    def __init__(
        self,
        target: str,
        speaker: Speaker,
        zone_name: str,
        *,
        network: Network | None = None,
        seed: int = 1,
        threads: int = 1,
    ):
        self.target = target
        self.speaker = speaker
        self.zone_name = zone_name
        self.network = network or Network()
        self.acknowledged: list[Fact] = []
        """Answered with 200, in the order of the answers; a doubled fact stands here once per webhook."""
        self.refused: list[tuple[Fact, int]] = []
        """Answered otherwise, with the status; 0 where no answer came."""
        self.lost: list[Fact] = []
        """Never sent: the network lost them."""
        self.silent: list[Fact] = []
        """Never sent: the platform has no webhook for them."""
        self._draw = Random(seed)  # noqa: S311 - repeatable on purpose
        self._waiting: list[tuple[float, int, int, Fact, Webhook]] = []
        self._planned = 0
        self._flying = 0
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Pusher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def push(self, facts: Iterable[Fact]) -> None:
        """Decide the fate of these facts' webhooks and send what is to be sent; returns at once."""
        with self._changed:
            now = time.monotonic()
            for fact in facts:
                self._plan(fact, now)
            self._changed.notify_all()

    def flush(self, timeout: float = 60) -> None:
        """Wait until every webhook has been sent and answered. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._waiting and not self._flying, timeout):
                raise TimeoutError(f"{len(self._waiting) + self._flying} webhooks are still on their way.")

    def close(self) -> None:
        """Send nothing more, and return when the threads are gone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _plan(self, fact: Fact, now: float) -> None:
        webhook = self.speaker.webhook(fact, self.zone_name)
        if webhook is None:
            self.silent.append(fact)
            return
        if self._draw.random() < self.network.loss:
            self.lost.append(fact)
            return
        for _ in range(2 if self._draw.random() < self.network.duplication else 1):
            self._planned += 1
            due = now + self._draw.uniform(0, self.network.delay)
            late = self._draw.random() < self.network.reorder
            place = self._planned + (self._draw.randint(1, 10) if late else 0)
            heapq.heappush(self._waiting, (due, place, self._planned, fact, webhook))

    def _work(self) -> None:
        with requests.Session() as session:
            while (taken := self._take()) is not None:
                fact, webhook = taken
                status = self._post(session, webhook)
                while status != 200 and self.network.insist and not self._pause():
                    status = self._post(session, webhook)
                with self._changed:
                    if status == 200:
                        self.acknowledged.append(fact)
                    else:
                        self.refused.append((fact, status))
                    self._flying -= 1
                    self._changed.notify_all()

    def _take(self) -> tuple[Fact, Webhook] | None:
        """The next webhook once it is due; ``None`` when the pusher was closed."""
        with self._changed:
            while not self._closed:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    *_, fact, webhook = heapq.heappop(self._waiting)
                    self._flying += 1
                    return fact, webhook
                self._changed.wait(wait)
            return None

    def _pause(self) -> bool:
        """Wait before trying again; true if the pusher was closed meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, PAUSE)

    def _post(self, session: requests.Session, webhook: Webhook) -> int:
        headers = {"Content-Type": webhook.content_type}
        try:
            return session.post(self.target, webhook.body, headers=headers, timeout=TIMEOUT).status_code
        except requests.RequestException:
            return 0
