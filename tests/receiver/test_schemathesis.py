"""A running receiver against its own description: whatever is asked, no 500, no status, header, media type or shape
that ``/openapi.json`` doesn't tell of."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
import requests
import schemathesis
from receivers import FORM, OPENED, TOKEN, Receiver
from schemathesis.config import SchemathesisConfig

from aftersend.providers import PROVIDERS
from aftersend.providers.speaker import speaker_of
from aftersend.receiver.auth import mint
from aftersend.receiver.dialects import DIALECTS
from aftersend.receiver.openapi import description
from aftersend.sandbox.truth import Scenario, Truth
from aftersend.settings import Source
from aftersend.storage.contract import Store
from aftersend.vocabulary import Delivery, Door, now

PROVIDER = "inwise"
EXAMPLES = 12
"""Of what fits the description and of what doesn't, for each operation: less than a minute for all of them."""
CHECKS = [
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
]
UNLIMITED = "\n[limits]\n" + "\n".join(f'{name} = "off"' for name in ["v1", *(d.NAME for d in DIALECTS)])
FRAMING = ("Connection", "Content-Length", "Expect", "Host", "Transfer-Encoding", "Upgrade")
"""Headers that frame a request: what makes no sense there never gets to us, since granian answers it."""
TRUTH = Truth(Scenario(until=now(), campaigns=2, contacts=20, days=1))
KNOWN = {
    r"sources?": "acme",
    r".*(campaign|template|activity_id).*": TRUTH.campaign_ids[0],
    r".*contact_?id": TRUTH.contacts[0].id,
    r"email": TRUTH.contacts[0].email,
    r"(date_?)?from(_?date)?": "2020-01-01",
    r"time_?zone": "Asia/Kathmandu",
}
"""Parameters by their names, and what makes an answer that isn't empty."""


def described_with_what_is_there() -> dict:
    """The description, in which parameters may also have a value that exists: random ids find nothing."""
    api = json.loads(json.dumps(description()))
    operations = [operation for path in api["paths"].values() for operation in path.values()]
    for parameter in (parameter for operation in operations for parameter in operation["parameters"]):
        for pattern, value in KNOWN.items():
            if re.fullmatch(pattern, parameter["name"], re.IGNORECASE):
                known = [value] if parameter["schema"].get("type") == "array" else value
                parameter["schema"] = {"anyOf": [{"const": known}, parameter["schema"]]}
    return api


schema = schemathesis.openapi.from_dict(
    described_with_what_is_there(),
    config=SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "generation": {"max-examples": EXAMPLES, "database": "none"},
            "phases": {"stateful": {"enabled": False}, "coverage": {"unexpected-methods": []}},
            "checks": {"enabled": False} | {check: {"enabled": True} for check in CHECKS},
        }
    ),
)

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with Receiver(tmp_path_factory.mktemp("described"), server=UNLIMITED) as running:
        play(running.store)
        yield running


@pytest.fixture(scope="module")
def key(receiver):
    """The headers of a key that opens everything, as every dialect wants them."""
    _, secret = mint(receiver.store, "schemathesis", ["admin"])
    return {"X-API-Key": secret, "Authorization": f"Bearer {secret}"}


def play(store: Store) -> None:
    """What a sandbox shows of the truth, read as its provider reads it."""
    source, speaker = Source(name="acme", provider=PROVIDER, time_zone="Asia/Jerusalem"), speaker_of(PROVIDER)
    rows: dict[str, list] = {}
    for fact in TRUTH.facts:
        feed, row = speaker.row(fact, source.time_zone)
        rows.setdefault(feed, []).append(row)
    store.append(
        [
            Delivery(source="acme", door=Door.FEED, feed=feed, received_at=now(), body=msgspec.json.encode(page))
            for feed, page in rows.items()
        ]
    )
    while store.work_off(lambda delivery: PROVIDERS[PROVIDER].read(delivery, source)):
        pass


def test_what_is_served_is_what_is_tested(receiver):
    assert requests.get(f"{receiver.url}/openapi.json", timeout=5).json() == description()


@schema.parametrize()
def test_every_answer_is_one_that_is_described(case, receiver, key):
    for name in FRAMING:
        case.headers.pop(name, None)
    case.call_and_validate(base_url=receiver.url, headers=key)


def test_an_event_and_what_it_came_from_are_described(receiver, key):
    rows = requests.get(f"{receiver.url}/v1/activities", headers=key, timeout=5).json()["rows"]
    assert len({row["kind"] for row in rows}) > 3
    for row in rows:
        answer = schema["/v1/events/{id}"]["GET"].Case(path_parameters={"id": row["id"]})
        assert answer.call_and_validate(base_url=receiver.url, headers=key).status_code == 200


def test_a_webhook_and_its_answer_are_described(receiver):
    door = schema["/webhooks/{source}/{token}"]["POST"]
    for token, status in ((TOKEN, 200), ("wrong", 401)):
        told = door.Case(path_parameters={"source": "acme", "token": token}, body=OPENED, media_type=FORM)
        assert told.call_and_validate(base_url=receiver.url).status_code == status


def test_a_refusal_for_asking_too_often_is_described(tmp_path):
    # One process: without Redis each counts alone.
    with Receiver(tmp_path, server=f'web_workers = 1\n[limits]\nv1 = "3/minute"\n{PROVIDER} = "3/minute"') as receiver:
        _, secret = mint(receiver.store, "hasty", ["admin"])
        for path in ("/v1/sources", "/rest/v1/campaigns/email/activitiesSummary"):
            asked = schema[path]["GET"].Case(headers={"X-API-Key": secret})
            answers = [asked.call_and_validate(base_url=receiver.url) for _ in range(5)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
