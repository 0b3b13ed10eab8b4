"""The installation a receiver serves: its settings and its store, and who is speaking to it.

Every view finds it with :func:`installation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from flask import current_app

from aftersend.providers import provider_of
from aftersend.receiver.limiter import Limiter
from aftersend.settings import LIMITS, Settings, Source, windows
from aftersend.storage.contract import Store
from aftersend.vocabulary import BadInput, ConfigurationError
from aftersend.zones import zone


class Installation:
    """Settings that were found to be right, with the store they name."""

    def __init__(self, settings: Settings, store: Store):
        """Raises ConfigurationError, naming the setting and what to write instead."""
        for source in settings.sources:
            _check(source)
        self.settings = settings
        self.store = store
        self.limits = {name: windows(text, f"limits.{name}") for name, text in (LIMITS | settings.limits).items()}
        """Rate limits by the name of their gate; a dialect that isn't here has its own default."""
        self.limiter = Limiter(settings.server.redis)
        self._trusted = _networks(settings.server.trusted_proxies, "server.trusted_proxies")

    def client_address(self, environ: Mapping[str, Any]) -> str:
        """The address a WSGI request came from.

        It is the peer's, unless the peer is one of ``trusted_proxies``: then ``X-Forwarded-For`` is walked
        from the right, past every trusted proxy, to the first address that is none of them. What a trusted
        proxy wrote there that is no address is returned as it stands: it will match no allow list.
        """
        address = _bare(environ.get("REMOTE_ADDR") or "")
        if not self._trusted:
            return address
        hops = [hop for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if (hop := _bare(part))]
        while hops and self._trusts(address):
            address = hops.pop()
        return address

    def _trusts(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._trusted)


def installation() -> Installation:
    """The installation of the app that is answering."""
    found: Installation = current_app.extensions["aftersend"]
    return found


def _check(source: Source) -> None:
    provider = provider_of(source)
    provider.configured(source)
    try:
        zone(provider.zone(source))
    except BadInput as error:
        raise ConfigurationError(f"Source '{source.name}': {error}") from None
    _networks(source.allowed_addresses, f"allowed_addresses of source '{source.name}'")


def _networks(texts: Sequence[str], setting: str) -> list[IPv4Network | IPv6Network]:
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            raise ConfigurationError(
                f"{setting}: '{text}' is neither an address nor a network; write 192.0.2.7 or 192.0.2.0/24."
            ) from None
    return networks


def _bare(text: str) -> str:
    """An address without the port some proxies add, and IPv4 as IPv4 also on a socket that speaks both."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if ":" not in text:
        return text
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
