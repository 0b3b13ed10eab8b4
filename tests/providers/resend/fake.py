"""A Resend that keeps the truth: emails whose latest state it lists, and calls about each event, as the provider file
documents them. It shares no code with the reading.

``lively`` makes things happen between two requests: emails are sent, so that rows appear before the first page, and
move on.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "re_0123456789abcdef"
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
KINDS = {
    "scheduled": "queued",
    "delivery_delayed": "deferred",
    "failed": "dropped",
    "suppressed": "dropped",
}
"""State → kind, where they differ."""
CLASSES = {"Permanent": "hard", "Transient": "soft", "Undetermined": "undetermined"}
Fact = tuple[str, str, str, str, int]
"""Kind, email, recipient, class of a bounce or link of a click, time."""


class Sent(msgspec.Struct, kw_only=True):
    """An email as Resend has it."""

    id: str
    at: int
    to: list[str]
    state: str | None = None
    last: int = 0


class FakeResend(FakePlatform):
    def __init__(self, seed: int = 1, *, emails: int = 0, spread: int = DAY):
        super().__init__(seed)
        self.emails: list[Sent] = []
        """Newest first."""
        self.facts: set[Fact] = set()
        """The truth."""
        self.calls: list[tuple[str, bytes]] = []
        """Id and body, in order."""
        self.shown: set[tuple[str, str]] = set()
        """Every email and state that a page has ever shown."""
        self.lively = False
        self.most_per_page = 100
        for at in sorted(self.now() - self.random.randrange(10 * MINUTE, spread) for _ in range(emails)):
            self.send(at)

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return time.time_ns() // 1_000_000

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(3):
            case 0:
                self.send(self.now())
            case 1 if self.emails:
                self.move_on(self.random.choice(self.emails))

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def send(self, at: int, *, moves: int = 4) -> Sent:
        """An email to one or two, and the first of what becomes of it."""
        people = [f"person{self.random.randrange(10_000)}@example.com" for _ in range(self.random.choice([1, 1, 1, 2]))]
        sent = Sent(id=self.uuid(), at=at, to=people, last=at)
        self.emails.insert(0, sent)
        for who in people:
            self.happened(sent, "sent", who)
        for _ in range(self.random.randrange(moves + 1)):
            self.move_on(sent)
        return sent

    def move_on(self, sent: Sent) -> None:
        """The next thing that happens to an email, if anything still can."""
        who = self.random.choice(sent.to)
        match sent.state:
            case "sent" | "delivery_delayed":
                state = self.random.choice(
                    ["delivered", "delivered", "bounced", "delivery_delayed", "failed", "suppressed"]
                )
                for each in sent.to:
                    self.happened(sent, state, each)
            case "delivered" | "opened" | "clicked":
                self.happened(sent, self.random.choice(["opened", "opened", "clicked", "complained"]), who)

    def happened(self, sent: Sent, state: str, who: str, **more: Any) -> None:
        sent.last += self.random.randrange(1, 5 * SECOND)
        sent.state = state
        kind, word = KINDS.get(state, state), f"email.{state}"
        detail = ""
        if state == "bounced":
            sort = self.random.choice([*CLASSES, "Withheld"])
            # What is withheld may be told as a bounce (Quirks); the list says bounced of both.
            more = {"bounce": {"type": sort, "subType": "General", "message": "no"}}
            if sort == "Withheld":
                more = {"bounce": {"type": "Permanent", "subType": "Suppressed", "message": "suppressed"}}
                kind = "dropped"
            detail = CLASSES.get(sort, "")
        if state == "clicked":
            detail = self.random.choice(["https://www.example.com/a", "https://www.example.com/b"])
            more = {"click": {"link": detail, "timestamp": iso(sent.last), "ipAddress": "198.51.100.7"}}
        if kind in ("sent", "complained", "dropped") or (kind == "bounced" and detail):
            # Once for a recipient: what comes again adds nothing.
            for fact in [f for f in self.facts if f[:4] == (kind, sent.id, who, detail)]:
                self.call(sent, word, who, more)
                assert fact[4] < sent.last
                return
        self.facts.add((kind, sent.id, who, detail, sent.last))
        self.call(sent, word, who, more)

    def call(self, sent: Sent, word: str, who: str, more: dict[str, Any]) -> None:
        data = {
            "email_id": sent.id,
            "created_at": iso(sent.at),
            "from": "News <news@example.com>",
            "to": [who],
            "subject": "Hello",
            "tags": {"external_id": who.partition("@")[0], "campaign_id": "camp-7"},
        }
        self.calls.append(
            (
                f"msg_{self.uuid()}",
                msgspec.json.encode({"type": word, "created_at": iso(sent.last), "data": data | more}),
            )
        )

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted(self.facts)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Said(status=401, body={"statusCode": 401, "name": "missing_api_key", "message": "Missing API Key"})
        if asked.path != "/emails":
            return Said(status=404, body={"statusCode": 404, "name": "not_found", "message": "Not found"})
        size, after = int(asked.query.get("limit", "20")), asked.query.get("after")
        if not 1 <= size <= 100:
            return Said(status=422, body={"statusCode": 422, "name": "validation_error", "message": "limit"})
        size, begin = min(size, self.most_per_page), 0
        if after:
            places = [n for n, sent in enumerate(self.emails) if sent.id == after]
            if not places:
                return Said(status=422, body={"statusCode": 422, "name": "validation_error", "message": "after"})
            begin = places[0] + 1
        rows = self.emails[begin : begin + size]
        self.shown |= {(sent.id, sent.state) for sent in rows if sent.state}
        return Said(
            body={"object": "list", "has_more": begin + size < len(self.emails), "data": list(map(self._row, rows))}
        )

    def _row(self, sent: Sent) -> dict[str, Any]:
        return {
            "id": sent.id,
            "message_id": f"<{sent.id}@email.example.com>",
            "to": sent.to,
            "from": "News <news@example.com>",
            "created_at": iso(sent.at).replace("T", " ").replace("Z", "981+00"),
            "subject": "Hello",
            "bcc": None,
            "cc": None,
            "reply_to": None,
            "last_event": sent.state,
            "scheduled_at": None,
        }


def slots(facts: list[Fact]) -> Counter[tuple[str, str]]:
    """How many facts there are of each kind of an email; what was returned is one kind."""
    return Counter(("returned" if kind in ("bounced", "dropped") else kind, email) for kind, email, *_ in facts)


def of_states(states: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The same keys, of what a list has shown."""
    kinds = {"bounced": "returned", "failed": "returned", "suppressed": "returned"}
    return {(kinds.get(state) or KINDS.get(state, state), email) for email, state in states}


def iso(at: int) -> str:
    found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return found.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"
