"""What the tests of the Hogsend dialect stand on: a small story of sends, and a client that asks with Bearer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from aftersend.storage.contract import LogFilter
from aftersend.vocabulary import BounceClass, Kind
from tests.receiver.reading_world import World, event

BASE = "/v1/admin"


class HogsendWorld(World):
    def ask(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> TestResponse:
        headers = {"Authorization": "Bearer the-admin-key"} if headers is None else headers
        return self.client.get(f"{BASE}/{path}", query_string=query or None, headers=headers)

    def told(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.ask(path, **query)
        assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.text
        return answer.json

    def issues(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """What a refused question was told of its parameters."""
        answer = self.ask(path, **query)
        assert answer.status_code == 400, answer.text
        body = answer.json
        assert body == {"success": False, "error": {"name": "ZodError", "message": body["error"]["message"]}}
        found = json.loads(body["error"]["message"])
        assert body["error"]["message"] == json.dumps(found, indent=2, ensure_ascii=False)
        return found

    def bearer(self, *scopes: str, **more: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key(*scopes, **more)['X-API-Key']}"}

    def id_of(self, contact: str, **more: Any) -> str:
        """The public id of a contact's only message."""
        (row,) = self.store.log(LogFilter(contact_id=contact, **more), limit=2)
        return f"61667465-7273-8000-8000-{row.number:012x}"


def mail(kind: Kind, at: str, contact: str, template: str | None = "spring-news", **more: Any):
    """An event of a source that has templates."""
    return event(kind, at, contact, template=template, **{"campaign": "c-1", **more})


def story(directory: Path) -> HogsendWorld:
    """Five messages of one template in two weeks with one between them, one suppressed, one of another campaign."""
    world = HogsendWorld(directory)
    known = {
        "41": ("Nora@Example.com", "user_41"),
        "42": ("ivo@example.com", None),
        "43": ("mia@example.com", "user_43"),
    }

    def of(kind: Kind, at: str, contact: str, **more: Any):
        email, external_id = known.get(contact, (f"c{contact}@example.com", None))
        return mail(kind, at, contact, email=email, external_id=external_id, **more)

    world.tell(
        of(Kind.QUEUED, "2026-04-30 23:59:00", "41"),
        of(Kind.SENT, "2026-05-01 00:00:10", "41", message_id="prov-0041"),
        of(Kind.DELIVERED, "2026-05-01 00:00:20", "41"),
        of(Kind.OPENED, "2026-05-21 09:00:00", "41", row="o1"),
        of(Kind.OPENED, "2026-05-22 09:00:00", "41", row="o2"),
        of(Kind.SENT, "2026-05-01 08:00:00", "42"),
        of(Kind.BOUNCED, "2026-05-01 08:00:09", "42", bounce_class=BounceClass.SOFT),
        of(Kind.DELIVERED, "2026-05-01 08:30:00", "42"),
        of(Kind.SENT, "2026-05-11 08:00:00", "43"),
        of(Kind.DELIVERED, "2026-05-11 08:00:05", "43"),
        of(Kind.OPENED, "2026-05-11 10:00:00", "43"),
        of(Kind.CLICKED, "2026-05-11 10:01:00", "43", url="https://shop.example.com/a?x=1", ip="192.0.2.7", row="k1"),
        of(Kind.CLICKED, "2026-05-11 10:02:00", "43", url="https://shop.example.com/b", user_agent="Probe/1", row="k2"),
        of(Kind.CLICKED, "2026-05-12 10:02:00", "43", url="https://shop.example.com/a?x=1", row="k3"),
        of(Kind.SENT, "2026-05-12 08:00:00", "44"),
        of(Kind.BOUNCED, "2026-05-12 08:00:30", "44", bounce_class=BounceClass.HARD),
        of(Kind.DROPPED, "2026-05-13 08:00:00", "45", reason="suppressed"),
        of(Kind.SENT, "2026-06-01 08:00:00", "41", template=None, campaign="c-2"),
        of(Kind.COMPLAINED, "2026-06-02 08:00:00", "41", template=None, campaign="c-2"),
    )
    return world
