"""A MailerSend that keeps the truth: the activities of its domains, told by webhook and by the list, as the provider
file documents them. It shares no code with the reading.

Its traps: the first open and the first click are told twice, under one id or two; rows appear late and shift pages; the
page size may be ignored; both ends of a range are wanted, at most 7 days apart and within what the plan keeps (422);
webhooks come in either version. ``lively`` makes things happen between two requests.
"""

from __future__ import annotations

import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

TOKEN = "mlsn.0123456789"
SECRET = "ms_secret_of_the_first_domain"
HOUR, DAY = 3600, 86_400
LINKS = ("https://shop.example.com/o/4711", "https://shop.example.com/b")
HTML = "<p>for your eyes only</p>"
CLASSES = {"soft_bounced": "soft", "hard_bounced": "hard"}
KINDS = {"soft_bounced": "bounced", "hard_bounced": "bounced", "spam_complaints": "complained"}
Fact = tuple[str, str, str, int]
"""Kind, email, class of a bounce, and the second."""


class Mail(msgspec.Struct, frozen=True):
    domain: str
    id: str
    message: str
    to: str


class Happened(msgspec.Struct, frozen=True):
    mail: Mail
    id: str
    what: str
    """As the list calls it."""
    at: int
    shown: int
    """When the list shows it first."""
    url: str = ""


class FakeMailerSend(FakePlatform):
    def __init__(self, seed: int = 1, *, mails: int = 0, spread: int = 5 * DAY, domains: int = 2):
        super().__init__(seed)
        self.domains = [f"dom{number}ain" for number in range(domains)]
        self.happened: list[Happened] = []
        self.calls: list[bytes] = []
        """Webhooks, in order."""
        self.keeps = 30 * DAY
        self.ignores_size = self.lively = False
        for _ in range(mails):
            self.send(self.now() - self.random.randrange(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return int(time.time())

    def own(self, at: int) -> str:
        return f"{at:08x}{self.random.getrandbits(64):016x}"

    def between(self) -> None:
        if self.lively and self.random.random() < 0.4:
            self.send(self.now() - self.random.randrange(90, 240), late=self.random.choice([0, 0, DAY]))

    def appear(self) -> None:
        """What is late is shown now."""
        self.happened = [msgspec.structs.replace(one, shown=0) for one in self.happened]

    def mail(self, at: int, domain: str = "") -> Mail:
        to = f"person{self.random.randrange(1000)}@example.com"
        return Mail(domain or self.random.choice(self.domains), self.own(at), self.own(at), to)

    def send(self, at: int, late: int = 0) -> None:
        """An email and what becomes of it, none of it later than now."""
        mail = self.mail(at)
        self.happen(mail, "queued", at, late)
        if self.random.random() < 0.1:
            self.happen(mail, "suppressed", at, late)
            return
        self.happen(mail, "sent", at + 1, late)
        if self.random.random() < 0.2:
            self.happen(mail, "soft_bounced", at + 2, late)
            self.happen(mail, self.random.choice(["soft_bounced", "hard_bounced"]), at + 3, late)
            return
        self.happen(mail, "delivered", at + 2, late)
        for n in range(self.random.randrange(5)):
            what = self.random.choice(["opened", "opened", "clicked", "clicked", "unsubscribed", "spam_complaints"])
            self.happen(mail, what, at + 3 + n, late)

    def happen(self, mail: Mail, what: str, at: int, late: int = 0) -> None:
        at = min(at, self.now())
        url = self.random.choice(LINKS) if what == "clicked" else ""
        first = not [one for one in self.happened if one.mail == mail and one.what == what]
        one = Happened(mail, self.own(at), what, at, self.now() + late, url)
        self.happened.append(one)
        self._tell(one, what)
        if first and what in ("opened", "clicked"):
            own = one.id if self.random.random() < 0.5 else self.own(at)
            unique = msgspec.structs.replace(one, id=own, what=f"{what}_unique")
            self.happened.append(unique)
            self._tell(unique, unique.what)

    def _tell(self, one: Happened, what: str) -> None:
        if what == "queued":  # in the list only
            return
        word = "activity." + {"spam_complaints": "spam_complaint"}.get(what, what)
        said = self.random.choice([self._version_1, self._version_2])(one, what.removesuffix("_unique"))
        body = {"type": word, "webhook_id": "7z3m5jgrn0x4dpyo"} | said
        self.calls.append(json.dumps(body, separators=(",", ":")).replace("/", r"\/").encode())

    def _version_2(self, one: Happened, what: str) -> dict[str, Any]:
        meta: Any = {"url": one.url, "ip": "192.0.2.25", "user_agent": "Mozilla/5.0"} if one.url else []
        if what in CLASSES:
            meta = {"bounce_type": CLASSES[what], "bounce_code": 550, "bounce_reason": "No such user"}
        data = {
            "id": one.id,
            "domain_id": one.mail.domain,
            "message_id": one.mail.message,
            "email_id": one.mail.id,
            "type": what,
            "subject": "Your receipt",
            "recipient": one.mail.to,
            "tags": ["receipt"],
            "meta": meta,
        }
        return {"created_at": iso(one.at), "data": data}

    def _version_1(self, one: Happened, what: str) -> dict[str, Any]:
        morph: Any = {"object": "click", "url": one.url, "ip": "192.0.2.25"} if one.url else None
        if what in CLASSES:
            morph = {"object": "recipient_bounce", "reason": "No such user"}
        email = {
            "object": "email",
            "id": one.mail.id,
            "subject": "Your receipt",
            "status": "rejected",
            "tags": ["receipt"],
            "message": {"object": "message", "id": one.mail.message},
            "recipient": {"object": "recipient", "email": one.mail.to},
        }
        data = {
            "object": "activity",
            "id": one.id,
            "type": what,
            "created_at": iso(one.at),
            "email": email,
            "morph": morph,
            "template_id": "",
        }
        return {"domain_id": one.mail.domain, "created_at": iso(one.at + 1), "data": data}

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted: nothing twice."""
        return sorted(fact(one) for one in self.happened if not one.what.endswith("_unique"))

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Said(status=401, body={"message": "Unauthenticated."})
        if asked.path == "/v1/domains":
            rows = [{"id": own, "name": f"{own}.example.com"} for own in self.domains]
            return self._paged(rows, asked, 10)
        domain = asked.path.removeprefix("/v1/activity/")
        if domain not in self.domains:
            return Said(status=404, body={"message": "Resource not found."})
        since, until = int(asked.query.get("date_from", 0)), int(asked.query.get("date_to", 0))
        if not (since < until <= since + 7 * DAY and since >= self.now() - self.keeps):
            return invalid("date_from")
        found = [one for one in self.happened if one.mail.domain == domain and since <= one.at <= until]
        found = [one for one in found if one.shown <= self.now()]
        found.sort(key=lambda one: one.at, reverse=True)
        return self._paged([self._row(one) for one in found], asked, 10)

    def _paged(self, rows: list[Any], asked: Asked, least: int) -> Said:
        page, limit = int(asked.query.get("page", 1)), int(asked.query.get("limit", 25))
        if not least <= limit <= 100 or page < 1:
            return invalid("limit")
        size = 25 if self.ignores_size else limit
        after = f"{self.url}{asked.path}?page={page + 1}" if page * size < len(rows) else None
        links = {"first": f"{self.url}{asked.path}?page=1", "last": None, "prev": None, "next": after}
        meta = {"current_page": page, "per_page": size, "path": f"{self.url}{asked.path}"}
        return Said(body={"data": rows[(page - 1) * size : page * size], "links": links, "meta": meta})

    @staticmethod
    def _row(one: Happened) -> dict[str, Any]:
        plain = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        recipient = {"id": "69a0bb1965d98aa98c07d6b7", "email": one.mail.to, "deleted_at": ""}
        email = {
            "id": one.mail.id,
            "from": "shop@example.com",
            "subject": "Your receipt",
            "text": HTML,
            "html": HTML,
            "status": "delivered",
            "tags": ["receipt"],
            "recipient": recipient,
        }
        return {"id": one.id, "created_at": plain if one.at % 3 else iso(one.at), "type": one.what, "email": email}


def fact(one: Happened) -> Fact:
    kind = KINDS.get(one.what, {"suppressed": "dropped"}.get(one.what, one.what))
    return (kind, one.mail.id, CLASSES.get(one.what, ""), one.at)


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def invalid(field: str) -> Said:
    return Said(status=422, body={"message": "The given data was invalid.", "errors": {field: ["is invalid"]}})


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a call."""
    return {"Content-Type": "application/json", "Signature": hmac.new(secret.encode(), body, "sha256").hexdigest()}
