"""SparkPost's webhooks: who may call, and what a batch says (Webhook).

Nothing is signed. A batch is a list of ``{"msys": {"<class>": {…}}}``, retried as a whole.
"""

from __future__ import annotations

from typing import Any

from aftersend.providers import marks
from aftersend.providers.contract import Handshake, Malformed, Request
from aftersend.providers.items import problem, unreadable
from aftersend.providers.proofs import verify_shared
from aftersend.providers.sparkpost.events import event
from aftersend.providers.sparkpost.words import PASSING_CLASSES
from aftersend.providers.values import decoded
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Reading

PING = b'[{"msys":{}}]'
"""What SparkPost sends when a webhook is made, changed or validated: to be answered and not to be stored."""
TOKEN = "x-messagesystems-webhook-token"  # noqa: S105 - the name of a header
"""Where webhooks of old carry their secret."""


def verify(request: Request, source: Source, header: str) -> Handshake | None:
    """One of the source's secrets must come along: in the path, by basic auth, as a bearer token, in the ``header`` of
    that name, or in the one of old. A 401 makes SparkPost fetch a new token where it got one by OAuth."""
    if asked := verify_shared(request, source, "SparkPost", headers=(header.strip().lower(), TOKEN)):
        return asked
    if len(request.body) < 100 and b"".join(request.body.split()) == PING:
        return Handshake()
    return None


def read(delivery: Delivery, options: marks.Options) -> Reading:
    """The events of a batch; each item for itself."""
    try:
        batch = decoded(delivery.body, what="The webhook")
    except Malformed as error:
        return unreadable(delivery, error)
    if not isinstance(batch, list):
        reason = "A webhook's JSON must be a list of events."
        return unreadable(delivery, reason)
    reading = Reading()
    for number, item in enumerate(batch):
        for told in _unwrapped(item):
            try:
                if found := event(told, delivery, options):
                    reading.events.append(found)
            except BadInput as error:
                reading.problems.append(problem(number, told, error))
    return reading


def _unwrapped(item: Any) -> list[Any]:
    """What an item of a batch wraps: an event, or nothing where it is a ping. What wraps none stands for itself."""
    msys = item.get("msys") if isinstance(item, dict) else None
    if not isinstance(msys, dict):
        return [item]
    return [told for name, told in msys.items() if name not in PASSING_CLASSES]
