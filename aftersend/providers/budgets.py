"""What limits the requests of a source: under which name they are counted, how many, and how close together."""

from __future__ import annotations

from hashlib import blake2b

from aftersend.providers import provider_of
from aftersend.settings import DAY, Source
from aftersend.vocabulary import Rate

PERIODS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": DAY}


def budget(source: Source) -> str:
    """The name of what limits requests with this source's credentials, at its address. Says nothing about either.
    Raises ConfigurationError where a credential is missing."""
    provider = provider_of(source)
    told = f"{provider.url(source)}\x1f{provider.account(source)}"
    return f"requests/{blake2b(told.encode(), digest_size=16).hexdigest()}"


def account(source: Source) -> str:
    """The name under which the tokens of a source are kept. Raises ConfigurationError."""
    provider = provider_of(source)
    oauth = provider.oauth(source)
    application = oauth.client_id if oauth else ""
    return blake2b(f"{source.name}\x1f{provider.url(source)}\x1f{application}".encode(), digest_size=16).hexdigest()


def rates(source: Source) -> tuple[Rate, ...]:
    """The limits that requests of a source keep to: those of its configuration, else its platform's."""
    windows = source.budget_windows
    if windows is None:
        return provider_of(source).rates
    return tuple(Rate(window.calls, PERIODS[window.unit]) for window in windows)


def pace_ms(source: Source) -> int:
    """Milliseconds between two requests of a credential: as ``max_rate`` says, else as the platform's finest limit
    does if that is of a second, else one."""
    seconds = [rate for rate in rates(source) if rate.period == 1000]
    if source.max_rate is None and seconds and not source.is_local:
        return -(-1000 // seconds[0].calls)
    return int(1000 / source.requests_per_second)
