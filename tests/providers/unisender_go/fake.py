"""A Unisender Go that keeps the truth: what happened to the recipients of jobs, told by webhooks and by dumps, as the
provider file documents them. It shares no code with the reading.

``lively`` makes things happen between two requests.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "ug-EXAMPLE-api-key-0001"
HOUR, DAY = 3600, 86_400
BASE = "/ru/transactional/api/v1"
STATUSES = {
    "sent": "sent",
    "delivered": "delivered",
    "opened": "opened",
    "clicked": "clicked",
    "unsubscribed": "unsubscribed",
    "soft_bounced": "deferred",
    "hard_bounced": "bounced",
    "spam": "complained",
}
URLS = ("https://shop.example.com/a", "https://shop.example.com/b")
COLUMNS = (
    *("project_id", "event_time", "job_id", "from_email", "email", "status", "delivery_status", "metadata"),
    *("destination_response", "user_agent", "url", "ip", "tags"),
)
Fact = tuple[str, str, str, int]
"""Kind, job, recipient, and the time in milliseconds; as often as it happened."""


def utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())


def signed(body: bytes, key: str = KEY) -> bytes:
    """A body whose ``auth`` is thirty-two zeros, as it is sent."""
    blank = b"0" * 32
    made = hashlib.md5(body.replace(blank, key.encode(), 1)).hexdigest()
    return body.replace(blank, made.encode(), 1)


def printed(said: Any) -> bytes:
    """As PHP writes JSON: slashes are escaped."""
    return json.dumps(said, separators=(",", ":")).replace("/", "\\/").encode()


class Happened(msgspec.Struct, kw_only=True):
    job: str
    email: str
    status: str
    at: int
    """Unix seconds."""
    url: str = ""
    ip: str = ""
    hidden: int = 0
    """In so many requests from now dumps have it."""


class Dump(msgspec.Struct, kw_only=True):
    files: list[bytes]
    looks: int
    """So often it isn't ready yet."""
    failed: bool = False


class FakeUnisender(FakePlatform):
    base = BASE

    def __init__(self, seed: int = 1, *, events: int = 0, spread: int = 6 * DAY):
        super().__init__(seed)
        self.happened: list[Happened] = []
        self.dumps: dict[str, Dump] = {}
        self.deleted: list[str] = []
        self.lively = False
        self.latency = 1
        self.failing = 0
        """So many dumps fail from now on."""
        self.rows_a_file = 100_000
        self.elsewhere = ""
        """Another host that files lie on."""
        self.files_gone = False
        present = int(time.time())
        for _ in range(events):
            self.happen(present - self.random.randrange(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    def between(self) -> None:
        for one in self.happened:
            one.hidden = max(0, one.hidden - 1)
        if self.lively and self.random.random() < 0.5:
            self.happen(int(time.time()) - self.random.randrange(2, 30), hidden=self.random.randrange(4))

    def happen(self, at: int, status: str | None = None, **fields: Any) -> Happened:
        status = status or self.random.choice(sorted(STATUSES))
        given: dict[str, Any] = {
            "job": f"1wAbCd-{self.random.randrange(6):06d}-Gh",
            "email": f"person{self.random.randrange(20)}@example.com",
        }
        if status in ("opened", "clicked"):
            given["ip"] = f"192.0.2.{self.random.randrange(1, 250)}"
        if status == "clicked":
            given["url"] = self.random.choice(URLS)
        one = Happened(at=at, status=status, **(given | fields))
        # Anything but an open or click happens to a recipient of a job once in a second.
        known = {(o.job, o.email, o.status, o.at) for o in self.happened if o.status not in ("opened", "clicked")}
        if (one.job, one.email, one.status, one.at) not in known:
            self.happened.append(one)
        return one

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted((STATUSES[one.status], one.job, one.email, one.at * 1000) for one in self.happened)

    def notices(self, batch: int = 5, *, info: bool = True) -> list[bytes]:
        """The webhooks that tell everything, so many events each."""
        found = [
            {"event_name": "transactional_email_status", "event_data": self._data(one, info)} for one in self.happened
        ]
        return [
            signed(printed({"auth": "0" * 32, "events_by_user": [{"user_id": 456, "events": found[n : n + batch]}]}))
            for n in range(0, len(found), batch)
        ]

    @staticmethod
    def _data(one: Happened, info: bool) -> dict[str, Any]:
        data: dict[str, Any] = {
            "job_id": one.job,
            "metadata": {"external_id": f"crm-{one.email[6:-12]}", "campaign_id": "spring"},
            "email": one.email,
            "status": one.status,
            "event_time": utc(one.at),
        }
        if info:
            data |= {"url": one.url} if one.url else {}
            data["delivery_info"] = {"delivery_status": "err_user_unknown", "user_agent": "", "ip": one.ip}
        return data

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("x-api-key") != KEY:
            return self._error(401, 102)
        if asked.path.startswith("/dumps/"):
            return self._file(asked)
        if asked.method != "POST":
            return self._error(405, 1)
        said = msgspec.json.decode(asked.body)
        match asked.path.removeprefix(f"{BASE}/event-dump/"):
            case "create.json":
                return self._create(said)
            case "get.json":
                return self._get(said)
            case "delete.json":
                return self._delete(said)
            case "list.json":
                return Said(body={"status": "success", "event_dumps": [{"dump_id": own} for own in self.dumps]})
        return self._error(404, 3)

    @staticmethod
    def _error(status: int, code: int) -> Said:
        return Said(status=status, body={"status": "error", "message": f"Error {code}", "code": code})

    def _create(self, said: dict[str, Any]) -> Said:
        since, until = seconds(said["start_time"]), seconds(said["end_time"])
        if since >= until:
            return self._error(400, 150)
        found = [one for one in self.happened if since <= one.at < until and not one.hidden][: said.get("limit", 50)]
        self.random.shuffle(found)
        files = [self._csv(found[n : n + self.rows_a_file]) for n in range(0, len(found), self.rows_a_file)]
        own = f"dump{len(self.dumps) + len(self.deleted)}-{self.random.randrange(10**6)}"
        self.dumps[own] = Dump(files=files, looks=self.latency, failed=self.failing > 0)
        self.failing = max(0, self.failing - 1)
        return Said(body={"status": "success", "dump_id": own})

    @staticmethod
    def _csv(found: list[Happened]) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in found:
            metadata = json.dumps({"external_id": f"crm-{one.email[6:-12]}", "campaign_id": "spring"})
            head = ("", utc(one.at), one.job, "shop@example.com", one.email, one.status)
            writer.writerow((*head, "err_user_unknown", metadata, "", "", one.url, one.ip, "news"))
        return out.getvalue().encode()

    def _get(self, said: dict[str, Any]) -> Said:
        dump = self.dumps.get(said["dump_id"])
        if dump is None:
            return self._error(404, 151)
        host = self.elsewhere or self.url.removesuffix(BASE)
        files = [
            {"url": f"{host}/dumps/{said['dump_id']}/{n}.csv", "size": len(body)} for n, body in enumerate(dump.files)
        ]
        state = "failed" if dump.failed else "ready"
        if dump.looks > 0:
            dump.looks -= 1
            state = "in_process" if dump.looks % 2 else "queued"
            # Files may be named before all of them are written.
            files = files[:1]
        return Said(
            body={
                "status": "success",
                "event_dump": {"dump_id": said["dump_id"], "dump_status": state, "files": files},
            }
        )

    def _file(self, asked: Asked) -> Said:
        _, _, own, name = asked.path.split("/")
        if own not in self.dumps or self.files_gone:
            return self._error(404, 3)
        body = self.dumps[own].files[int(name.removesuffix(".csv"))]
        return Said(body=body, headers={"Content-Type": "text/csv"})

    def _delete(self, said: dict[str, Any]) -> Said:
        if said["dump_id"] not in self.dumps:
            return self._error(400, 151)
        del self.dumps[said["dump_id"]]
        self.deleted.append(said["dump_id"])
        return Said(body={"status": "success"})
