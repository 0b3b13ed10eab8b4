"""Webhooks that aren't the platform's, at the door itself and for every platform.

What a provider's own tests call genuine is let in where it belongs and nowhere else.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest
from receivers import stored

import tests.providers
from aftersend.providers import PROVIDERS, sns
from aftersend.providers.contract import Request
from aftersend.receiver import create_app
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from tests.providers.security import FIRST, SECOND, WebhookSecurity
from tests.providers.topics import Keeper

OTHER = "secret-of-the-other-source-01"


def schemes() -> Iterator[type[WebhookSecurity]]:
    """Every way of proving a webhook that a provider's tests know."""
    for package in pkgutil.iter_modules(tests.providers.__path__, "tests.providers."):
        if package.ispkg:
            for module in pkgutil.iter_modules(importlib.import_module(package.name).__path__, f"{package.name}."):
                if ".test_" in module.name:
                    importlib.import_module(module.name)
    found = [WebhookSecurity]
    for one in found:
        found += one.__subclasses__()
    for one in dict.fromkeys(found):
        if one.__name__.startswith("Test") and hasattr(one, "provider"):
            yield one


SCHEMES = list(schemes())


class Platform:
    """A way of proving, and a source of its own for whoever has a secret."""

    def __init__(self, scheme: type[WebhookSecurity], number: int, keeper: Keeper):
        self.test = scheme()
        if any("keeper" in inspect.get_annotations(one) for one in scheme.__mro__):
            self.test.keeper = keeper  # where certificates lie, for those that are fetched
        self.label = f"{scheme.provider.name} {scheme.__name__}"
        # Mandrill signs the address, in which the source is named.
        self.name = "acme" if scheme.provider.name == "mandrill" else f"one-{number}"
        self.other = f"other-{number}"

    def source(self, name: str, *secrets: str) -> Source:
        return msgspec.structs.replace(self.test.source(*secrets), name=name)

    def genuine(self, secret: str) -> Request:
        # What lies at the address of a certificate never changes, but here it does.
        sns.FETCHED._kept.clear()
        return self.test.genuine(secret)


class Doors:
    """The webhook doors of an installation that is started again with other sources."""

    def __init__(self, database: str):
        self.store = open_store(database)
        self.store.migrate()
        self._database = database
        self._seen = 0

    def configure(self, *sources: Source) -> None:
        settings = Settings(
            server=Server(database=self._database, public_url="https://aftersend.example.com"), sources=list(sources)
        )
        self.client = create_app(settings, self.store).test_client()

    def post(self, request: Request, source: str) -> int:
        """The status of what answers a request that is sent to a source."""
        address = request.url.partition("/webhooks/")[2].partition("?")[0].partition("/")[2] or request.token
        answer = self.client.open(
            f"/webhooks/{source}{'/' if address else ''}{address}",
            method=request.method,
            query_string=request.query,
            data=request.body,
            headers={name: value for name, value in request.headers.items() if name != "content-length"},
            environ_base={"REMOTE_ADDR": request.address},
        )
        return answer.status_code

    def kept(self) -> list[str]:
        """The sources of everything that was taken in since this was asked last."""
        before, found = self._seen, stored(self.store)
        self._seen = len(found)
        return [delivery.source for delivery in found[before:]]


@pytest.fixture
def doors(tmp_path):
    made = Doors(f"sqlite:///{tmp_path}/store.db")
    yield made
    made.store.close()


@pytest.fixture
def platforms():
    with Keeper() as keeper:
        yield [Platform(scheme, number, keeper) for number, scheme in enumerate(SCHEMES)]


def test_every_platform_that_pushes_is_among_them():
    assert {scheme.provider.name for scheme in SCHEMES} == {p.name for p in PROVIDERS.values() if p.pushes}
    assert len(SCHEMES) > 30


def test_what_is_genuine_for_one_source_opens_no_other_of_its_platform(doors, platforms):
    doors.configure(*(one.source(one.name, FIRST) for one in platforms), *(p.source(p.other, OTHER) for p in platforms))
    found = {
        one.label: (doors.post(one.genuine(FIRST), one.other), doors.post(one.genuine(FIRST), one.name))
        for one in platforms
    }
    assert found == {one.label: (401, 200) for one in platforms}
    assert doors.kept() == [one.name for one in platforms]


def test_a_secret_that_was_rotated_out_opens_nothing_and_either_of_two_does(doors, platforms):
    def statuses() -> dict[str, list[int]]:
        return {
            one.label: [doors.post(one.genuine(secret), one.name) for secret in (FIRST, SECOND)] for one in platforms
        }

    doors.configure(*(one.source(one.name, FIRST, SECOND) for one in platforms))
    assert statuses() == {one.label: [200, 200] for one in platforms}
    doors.configure(*(one.source(one.name, SECOND) for one in platforms))
    assert statuses() == {one.label: [401, 200] for one in platforms}
    assert len(doors.kept()) == 3 * len(platforms)


def test_the_secrets_of_a_source_that_was_removed_open_nothing(doors, platforms):
    doors.configure(*(one.source(one.name, FIRST) for one in platforms))
    doors.configure(*(one.source(one.other, OTHER) for one in platforms))
    found = {one.label: [doors.post(one.genuine(FIRST), name) for name in (one.name, one.other)] for one in platforms}
    assert found == {one.label: [404, 401] for one in platforms}
    assert doors.kept() == []


def test_what_is_forged_or_too_old_is_refused_and_nothing_of_it_is_kept(doors, platforms):
    doors.configure(*(one.source(one.name, FIRST) for one in platforms))
    stale = 0
    for one in platforms:
        genuine = one.genuine(FIRST)
        forged = [one.test.tampered(genuine), one.test.unproven(genuine)]
        if replayed := one.test.replayed(FIRST):
            forged.append(replayed)
            stale += 1
        assert [(one.label, doors.post(request, one.name)) for request in forged] == [(one.label, 401)] * len(forged)
    assert stale > 5
    assert doors.kept() == []


def test_a_proof_of_one_platform_is_none_for_another(doors, platforms):
    doors.configure(*(one.source(one.other, OTHER) for one in platforms))
    for one in platforms:
        request = one.genuine(FIRST)
        assert {doors.post(request, another.other) for another in platforms} <= {400, 401, 405, 415}
    assert doors.kept() == []
