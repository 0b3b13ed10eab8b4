"""What providers say of their webhooks is what their fixtures show."""

from __future__ import annotations

from importlib.resources import files

import pytest

from aftersend.providers import PROVIDERS
from aftersend.providers.contract import Provider
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Delivery, Door, Event, Kind, Machine

RECEIVED = 1_790_000_000_000
TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
UNSHOWN: dict[str, set[Kind | BounceClass]] = {
    "inwise": {Kind.WEB_VIEWED, Kind.PRINTED, Kind.COMPLAINED, BounceClass.SOFT},
    "coldsend": {Kind.SENT, Kind.DELIVERED, Kind.OPENED, Kind.CLICKED},
    "hogsend": {BounceClass.SOFT, BounceClass.UNDETERMINED},
}
"""What is understood without a fixture of its own: words of a table whose payload is that of their neighbours."""

PUSHING = [provider for provider in PROVIDERS.values() if provider.pushes]


def shown(provider: Provider) -> list[list[Event]]:
    """The events of each fixture of a webhook."""
    source = Source(name="acme", provider=provider.name)
    found = []
    for file in files(f"aftersend.providers.{provider.name}").joinpath("fixtures").iterdir():
        stem, _, ending = file.name.rpartition(".")
        if stem.startswith("webhook_"):
            delivery = Delivery(
                source="acme",
                door=Door.WEBHOOK,
                received_at=RECEIVED,
                body=file.read_bytes(),
                content_type=TYPES[ending],
            )
            found.append(provider.read(delivery, source).events)
    return found


@pytest.mark.parametrize("provider", PUSHING, ids=lambda p: p.name)
def test_a_provider_tells_what_its_fixtures_show(provider):
    says, fixtures = provider.webhooks, shown(provider)
    events = [event for fixture in fixtures for event in fixture]
    kinds = {event.kind for event in events} - {Kind.OTHER}
    classes = {event.bounce_class for event in events if event.kind is Kind.BOUNCED and event.bounce_class}
    assert (kinds | classes) | UNSHOWN.get(provider.name, set()) == says.kinds | says.bounce_classes
    assert any(len(fixture) > 1 for fixture in fixtures) == says.batch
    assert any(event.machine is Machine.MACHINE for event in events) == says.machines
    assert any(event.external_id for event in events) == bool(says.external_id)


def test_only_who_pushes_has_webhooks():
    assert {p.name for p in PROVIDERS.values() if p.webhooks} == {p.name for p in PUSHING}
