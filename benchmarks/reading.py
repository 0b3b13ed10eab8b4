"""Reading webhooks, platform by platform: bytes → events in our vocabulary, on one core.

Against the standard library's decoding of the same bytes, which everybody needs and which makes nothing of them; and
against django-anymail's reading, for the platforms that it knows too (:mod:`benchmarks.anymail_run`). What is read are
the fixtures of the providers, each equally often; verification isn't part of it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from aftersend.providers import PROVIDERS
from aftersend.providers.contract import Provider
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door
from benchmarks import environment
from benchmarks.measure import Figure, Measured, figure, in_turns
from benchmarks.processes import environment as variables

TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
MOST_S = 300
Seconds = dict[str, dict[str, float]]
"""Platform → fixture → what one reading took."""


class Size(msgspec.Struct, frozen=True):
    """How often each fixture is read in a round."""

    times: int = 100
    rounds: int = 5


QUICK = Size(times=5, rounds=2)


class Run(msgspec.Struct, frozen=True):
    """One round of anymail's, as it says itself."""

    seconds: Seconds
    version: str


def run(size: Size, where: Path) -> Measured:  # noqa: ARG001 - nothing is written
    """Measure, against decoding alone."""
    requests = _all_requests()
    told = in_turns(
        size.rounds,
        lambda: _each(requests, lambda name: _ours(PROVIDERS[name]), size.times),
        lambda: _each(requests, lambda _: _decoded, size.times),
    )
    return Measured([_figure(f"{_title(name)}: webhooks read vs decoded only", name, told) for name in requests], [])


def against_anymail(size: Size, where: Path) -> Measured:  # noqa: ARG001 - nothing is written
    """Measure, against django-anymail."""
    requests = _all_requests()
    try:
        python = environment.python()
    except environment.NotThere as why:
        return Measured([], [f"Not compared with django-anymail. {why}"])
    told = in_turns(
        size.rounds,
        lambda: _each(requests, lambda name: _ours(PROVIDERS[name]), size.times),
        lambda: read_by_anymail(python, requests, size.times),
    )
    pairs = [(ours, theirs.seconds) for ours, theirs in told]
    known = [name for name in requests if pairs[0][1].get(name)]
    return Measured(
        [_figure(f"{_title(name)}: webhooks read vs django-anymail", name, pairs) for name in known],
        [f"django-anymail {told[0][1].version}; only what both read is compared."],
    )


def _all_requests() -> dict[str, dict[str, bytes]]:
    return {provider.name: _requests(provider) for provider in PROVIDERS.values() if provider.webhooks}


def _title(name: str) -> str:
    return PROVIDERS[name].title


def _requests(provider: Provider) -> dict[str, bytes]:
    """The bodies of its fixtures, by the names of their files."""
    fixtures = files(f"aftersend.providers.{provider.name}").joinpath("fixtures")
    return {file.name: file.read_bytes() for file in fixtures.iterdir() if file.name.startswith("webhook_")}


def _each(
    requests: dict[str, dict[str, bytes]], how: Callable[[str], Callable[[str, bytes], object]], n: int
) -> Seconds:
    return {
        name: {file: _seconds(how(name), file, body, n) for file, body in them.items()}
        for name, them in requests.items()
    }


def _seconds(read: Callable[[str, bytes], object], file: str, body: bytes, times: int) -> float:
    read(file, body)
    began = time.perf_counter()
    for _ in range(times):
        read(file, body)
    return (time.perf_counter() - began) / times


def _ours(provider: Provider) -> Callable[[str, bytes], object]:
    source = Source(name="acme", provider=provider.name)

    def read(file: str, body: bytes) -> object:
        kind = TYPES[file.rpartition(".")[2]]
        delivery = Delivery(source="acme", door=Door.WEBHOOK, received_at=0, body=body, content_type=kind)
        return provider.read(delivery, source)

    return read


def _decoded(file: str, body: bytes) -> object:
    return parse_qsl(body.decode()) if file.endswith(".form") else json.loads(body)


def read_by_anymail(python: Path, requests: dict[str, dict[str, bytes]], times: int) -> Run:
    """Each request of each platform so many times, by django-anymail's view."""
    asked = json.dumps(
        {
            name: {file: base64.b64encode(body).decode() for file, body in them.items()}
            for name, them in requests.items()
        }
    )
    done = subprocess.run(
        [python, "-m", "benchmarks.anymail_run", str(times)],
        input=asked.encode(),
        check=True,
        capture_output=True,
        timeout=MOST_S,
        env=variables(),
    )
    return msgspec.json.decode(done.stdout, type=Run)


def _figure(title: str, name: str, rounds: list[tuple[Seconds, Seconds]]) -> Figure:
    """Requests a second over the fixtures that both read."""
    return figure(
        title,
        "requests/s",
        [(_speed(ours[name], theirs[name]), _speed(theirs[name], theirs[name])) for ours, theirs in rounds],
    )


def _speed(seconds: dict[str, float], both: dict[str, float]) -> float:
    return len(both) / sum(seconds[file] for file in both)
