"""A Postmark that keeps the truth: messages and what becomes of them, answered as the provider file documents it. It
shares no code with the reading.

``lively`` makes things happen between two requests: rows come in at the top of the lists, so that pages shift.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tests.fakes import Asked, FakePlatform, Said

TOKEN, SECRET = "server-token-0000", "s3cret-Value"
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
"""In milliseconds, as all times of the fake."""
STREAMS = ("outbound", "broadcast")
LINKS = ("https://www.example.com/offer?x=1", "https://www.example.com/b")
BOUNCES = {
    "HardBounce": (1, "bounced"),
    "SoftBounce": (4096, "bounced"),
    "Blocked": (100006, "bounced"),
    "Transient": (2, "deferred"),
    "AutoResponder": (64, "auto_replied"),
    "ManuallyDeactivated": (100002, "dropped"),
}
Fact = tuple[str, str, str, int]
"""Kind, message (of subscriptions: none), address, and the time in milliseconds (of subscriptions: in seconds)."""


def iso(at: int) -> str:
    """As webhooks print a time: seven decimals, of which the last never matters."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}0007Z"


def eastern(at: int) -> str:
    """As suppressions print a time: seconds, with an offset."""
    return datetime.fromtimestamp(at // 1000, ZoneInfo("America/New_York")).isoformat()


class Row(msgspec.Struct, kw_only=True):
    """A row of a list; ``hidden`` while the list doesn't show it yet."""

    at: int
    said: dict[str, Any]
    hidden: bool = False


class Notice(msgspec.Struct, kw_only=True):
    """A webhook."""

    body: bytes
    listed: bool
    """Whether a list tells the same."""


class FakePostmark(FakePlatform):
    def __init__(self, seed: int = 1, *, messages: int = 0, spread: int = 5 * DAY):
        super().__init__(seed)
        self.lists: dict[str, list[Row]] = {"Messages": [], "Opens": [], "Clicks": [], "Bounces": []}
        self.suppressed: dict[str, dict[str, Any]] = {stream: {} for stream in STREAMS}
        self.notices: list[Notice] = []
        self.facts: dict[Fact, bool] = {}
        """The truth, and whether a list tells it."""
        self.lively = False
        self.zone, self.deepest, self.most = "America/New_York", 10_000, 500
        """The zone dates are understood in, how many rows deep a list is shown, and the rows of a page at most."""
        self._ids = 692_560_000
        present = self.now()
        for _ in range(messages):
            self.message(present - self.random.randrange(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return time.time_ns() // 1_000_000

    def between(self) -> None:
        if self.lively and self.random.random() < 0.2:
            self.message(self.now() - self.random.randrange(SECOND, 20 * HOUR))

    def message(self, at: int, stream: str | None = None, *, acts: bool = True) -> tuple[str, list[str], str]:
        """A message to one or two recipients; and, unless told otherwise, some of what becomes of it."""
        own = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        stream = stream or self.random.choice(STREAMS)
        emails = [f"person{self.random.randrange(10_000)}@example.com" for _ in range(self.random.choice([1, 1, 2]))]
        emails = list(dict.fromkeys(emails))
        self._row("Messages", at, Recipients=emails, MessageID=own, MessageStream=stream, Status="Sent")
        for email in emails:
            self._happened("sent", own, email, at)
            if acts:
                self.act(own, email, stream, at)
        return own, emails, stream

    def act(self, own: str, email: str, stream: str, at: int) -> None:
        """Some of what may become of a message."""
        after = [min(self.now(), at + self.random.randrange(SECOND, 10 * MINUTE)) for _ in range(4)]
        match self.random.randrange(6):
            case 0:
                self.bounce(own, email, stream, after[0], self.random.choice(list(BOUNCES)))
                return
            case 1:
                self.complain(own, email, stream, after[1])
            case 2:
                self.leave(own, email, stream, after[1])
            case 3:
                self.click(own, email, stream, after[2], self.random.choice(LINKS))
        self.deliver(own, email, stream, after[0])
        for moment in sorted(set(after[: self.random.randrange(3)])):
            self.open(own, email, stream, moment)

    def deliver(self, own: str, email: str, stream: str, at: int) -> None:
        said = self._said("Delivery", own, stream, Recipient=email, DeliveredAt=iso(at), Details="smtp;250 OK")
        self._happened("delivered", own, email, at, said, listed=False)

    def open(self, own: str, email: str, stream: str, at: int) -> None:
        """The list knows the first open of a recipient only."""
        known = {(row.said["MessageID"], row.said["Recipient"]) for row in self.lists["Opens"]}
        first = (own, email) not in known
        said = self._said("Open", own, stream, Recipient=email, ReceivedAt=iso(at), FirstOpen=first)
        said |= {"Platform": "Desktop", "UserAgent": "Mozilla/5.0", "Geo": {"IP": "192.0.2.7"}}
        self._happened("opened", own, email, at, said, listed=first)
        if first:
            self._row("Opens", at, **{**said, "Geo": {}})

    def click(self, own: str, email: str, stream: str, at: int, link: str) -> None:
        said = self._said("Click", own, stream, Recipient=email, ReceivedAt=iso(at), OriginalLink=link)
        self._happened("clicked", own, email, at, said)
        self._row("Clicks", at, **said)

    def bounce(self, own: str, email: str, stream: str, at: int, word: str) -> None:
        code, kind = BOUNCES[word]
        said = self._returned(own, email, stream, at, word, code)
        self._happened(kind, own, email, at, said)
        self._row("Bounces", at, **said)
        if word == "HardBounce":
            self._change(own, email, stream, at + 1, "HardBounce")

    def complain(self, own: str, email: str, stream: str, at: int) -> None:
        """In a broadcast stream only a change of the subscription tells of it; in any other, both do."""
        said = self._returned(own, email, stream, at, "SpamComplaint", 100001)
        said["RecordType"] = "SpamComplaint"
        self._happened("complained", own, email, at, said if stream == "outbound" else None)
        self._change(own, email, stream, at + 1, "SpamComplaint")
        self._row("Bounces", at, **(said | {"RecordType": "Bounce"}))

    def leave(self, own: str, email: str, stream: str, at: int) -> None:
        self._happened("unsubscribed", "", email, at // SECOND)
        self._change(own, email, stream, at, "ManualSuppression")

    def reactivate(self, email: str, stream: str, at: int) -> None:
        del self.suppressed[stream][email]
        said = self._said("SubscriptionChange", None, stream, Recipient=email, ChangedAt=iso(at), Origin="Customer")
        said |= {"SuppressSending": False, "SuppressionReason": None}
        self._happened("resubscribed", "", email, at // SECOND, said, listed=False)

    def _change(self, own: str | None, email: str, stream: str, at: int, reason: str) -> None:
        said = self._said("SubscriptionChange", own, stream, Recipient=email, ChangedAt=iso(at), Origin="Recipient")
        said |= {"SuppressSending": True, "SuppressionReason": reason}
        self.notices.append(Notice(body=msgspec.json.encode(said), listed=True))
        self.suppressed[stream][email] = {
            "EmailAddress": email,
            "SuppressionReason": reason,
            "Origin": "Recipient",
            "CreatedAt": eastern(at),
        }

    def _said(self, record: str, own: str | None, stream: str, **fields: Any) -> dict[str, Any]:
        return {"RecordType": record, "MessageID": own, "MessageStream": stream, "ServerID": 23, "Tag": "t", **fields}

    def _returned(self, own: str, email: str, stream: str, at: int, word: str, code: int) -> dict[str, Any]:
        self._ids += 1
        said = self._said("Bounce", own, stream, ID=self._ids, Type=word, TypeCode=code, Email=email)
        return said | {"BouncedAt": iso(at), "Description": "why", "Details": "smtp;550 no", "Inactive": True}

    def _row(self, name: str, at: int, **said: Any) -> None:
        times = {"Messages": "ReceivedAt", "Opens": "ReceivedAt", "Clicks": "ReceivedAt", "Bounces": "BouncedAt"}
        self.lists[name].append(Row(at=at, said={times[name]: iso(at)} | said))

    def _happened(
        self, kind: str, own: str, email: str, at: int, said: dict[str, Any] | None = None, *, listed: bool = True
    ) -> None:
        self.facts[kind, own, email, at] = listed
        if said:
            body = said | {"Metadata": {"external_id": email}}
            self.notices.append(Notice(body=msgspec.json.encode(body), listed=listed))

    def truth(self, *, listed: bool = False) -> list[Fact]:
        """What must be known in the end, sorted; ``listed``: by polling alone."""
        return sorted(fact for fact, in_a_list in self.facts.items() if in_a_list or not listed)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("x-postmark-server-token") != TOKEN:
            return Said(status=401, body={"ErrorCode": 10, "Message": "The Server Token is missing or incorrect."})
        if asked.path.startswith("/message-streams/"):
            return self._suppressions(asked)
        names = {
            "/messages/outbound": "Messages",
            "/messages/outbound/opens": "Opens",
            "/messages/outbound/clicks": "Clicks",
            "/bounces": "Bounces",
        }
        if asked.path not in names:
            return Said(status=404, body={"ErrorCode": 404, "Message": "Not found."})
        return self._page(names[asked.path], asked.query)

    def _suppressions(self, asked: Asked) -> Said:
        stream = asked.path.removeprefix("/message-streams/").removesuffix("/suppressions/dump")
        if stream not in self.suppressed:
            return Said(status=422, body={"ErrorCode": 1226, "Message": "There is no such stream."})
        return Said(body={"Suppressions": list(self.suppressed[stream].values())})

    def _page(self, name: str, query: dict[str, str]) -> Said:
        try:
            count, offset = int(query["count"]), int(query["offset"])
        except (KeyError, ValueError):
            return Said(status=422, body={"ErrorCode": 600, "Message": "count and offset are required."})
        if not 1 <= count <= 500 or count + offset > self.deepest:
            return Said(status=422, body={"ErrorCode": 600, "Message": "count + offset is too large."})
        since, until = self._date(query.get("fromdate"), 0), self._date(query.get("todate"), 2**62)
        rows = [row for row in self.lists[name] if since <= row.at <= until and not row.hidden]
        rows.sort(key=lambda row: row.at, reverse=True)
        page = rows[offset : offset + min(count, self.most)]
        return Said(body={"TotalCount": len(rows), name: [row.said for row in page]})

    def _date(self, text: str | None, otherwise: int) -> int:
        if text is None:
            return otherwise
        wall = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=ZoneInfo(self.zone))
        return int(wall.timestamp() * 1000)
