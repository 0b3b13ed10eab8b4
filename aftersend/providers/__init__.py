"""The registry: one line a provider."""

from __future__ import annotations

from aftersend.providers.benchmark import Benchmark
from aftersend.providers.coldsend import ColdSend
from aftersend.providers.constant_contact import ConstantContact
from aftersend.providers.contract import Provider
from aftersend.providers.hogsend import Hogsend
from aftersend.providers.inwise import Inwise
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError

PROVIDERS: dict[str, Provider] = {
    p.name: p
    for p in (
        Inwise(),
        Hogsend(),
        ConstantContact(),
        ColdSend(),
        Benchmark(),
    )
}


ALSO = {"benchmark_email": "benchmark"}
"""Other names of providers."""


def provider_named(name: str) -> Provider | None:
    """The provider of that name, hyphens being underscores; ``None`` if there is none."""
    plain = name.replace("-", "_")
    return PROVIDERS.get(ALSO.get(plain, plain))


def provider_of(source: Source) -> Provider:
    """The provider of a source. Raises ConfigurationError listing those that exist."""
    found = provider_named(source.provider)
    if found is None:
        known = ", ".join(sorted(PROVIDERS))
        raise ConfigurationError(f"Source '{source.name}': there is no provider '{source.provider}'; known: {known}.")
    return found
