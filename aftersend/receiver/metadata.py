"""``POST /v1/campaigns`` and ``POST /v1/contacts``: names for what reports speak of.

The items are checked, put into the inbox, and on disk before the answer; reports know them as soon as the
normalizer has read them. All or none of a request is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypedDict

import msgspec
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import NotFound

from aftersend.providers import told
from aftersend.queue import Nudger
from aftersend.receiver import auth
from aftersend.receiver.auth import ADMIN, Caller
from aftersend.receiver.gate import Gate
from aftersend.receiver.installation import installation
from aftersend.vocabulary import BadInput, Delivery, Door, now

MOST = 1000
"""Items of one request."""


class Accepted(TypedDict):
    """How many items were taken."""

    accepted: int


ROUTES = (
    (told.CAMPAIGNS, told.CampaignItem, "Tell names, statuses and dates of campaigns"),
    (told.CONTACTS, told.ContactItem, "Tell names and external ids of contacts"),
)
"""Path, what one item is, summary. The body is an item or a list of them; the answer :class:`Accepted`."""

_gate = Gate("v1", auth.secret_of)


def register(app: Flask) -> None:
    """Serve both routes."""
    here = app.extensions["aftersend"]
    nudger = Nudger(here.settings.server.redis)
    blueprint = Blueprint("metadata", __name__)
    for path, kind, _ in ROUTES:
        blueprint.add_url_rule(path, path, _view(path, kind, nudger), methods=["POST"])
    app.register_blueprint(blueprint)


def _view(path: str, kind: Any, nudger: Nudger) -> Callable[[], Response]:
    def view() -> Response:
        caller = _gate.enter(ADMIN)
        items = _items(kind)
        at = now()
        by_source: dict[str, list[Any]] = defaultdict(list)
        for place, item in enumerate(items):
            _checked(caller, place, item)
            by_source[item.source].append(item)
        deliveries = [
            Delivery(
                source=source,
                door=Door.WEBHOOK,
                received_at=at,
                body=msgspec.json.encode(some),
                content_type="application/json",
                context={"path": path},
            )
            for source, some in by_source.items()
        ]
        installation().store.append(deliveries)
        nudger.nudge()
        return Response(msgspec.json.encode(Accepted(accepted=len(items))), content_type="application/json")

    return view


def _items(kind: Any) -> list[Any]:
    """The items of the body. Raises BadInput naming the item and the field."""
    body = request.get_data()
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("The body is not JSON.", "body") from None
    listed = raw if isinstance(raw, list) else [raw]
    if not 1 <= len(listed) <= MOST:
        raise BadInput(f"Give 1 to {MOST} items; here are {len(listed)}.", "body")
    items = []
    for place, one in enumerate(listed):
        try:
            items.append(msgspec.convert(one, kind))
        except msgspec.ValidationError as error:
            said, _, where = str(error).replace("`", "").partition(" - at ")
            raise BadInput(
                f"Item {place}: {said[:160]}{f' (at {where})' if where else ''}.", _field(said, where)
            ) from None
    return items


def _field(said: str, where: str) -> str:
    """The field that a validation error speaks of: ``$.name``, or the one it says is missing or unknown."""
    if where.startswith("$."):
        return where.removeprefix("$.")
    return said.rpartition("field ")[2] if "field " in said else "body"


def _checked(caller: Caller, place: int, item: Any) -> None:
    """Raises BadInput, or 404 for a source that doesn't exist for this caller."""
    known = {source.name for source in installation().settings.sources}
    if item.source not in known or (caller.sources is not None and item.source not in caller.sources):
        error = NotFound(f"Item {place}: there is no such source.")
        error.field = "source"  # type: ignore[attr-defined]
        raise error
    try:
        item.info()
    except BadInput as error:
        raise BadInput(f"Item {place}: {error}", error.field) from None
