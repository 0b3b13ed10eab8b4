"""``aftersend.toml`` and the environment as one typed, documented object. A leaf."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from aftersend.vocabulary import ConfigurationError

DAY = 86_400_000
DEMO = Path("data/sandbox/aftersend.toml")
"""The demo's configuration, written by `aftersend up` where there is no aftersend.toml."""
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY}
_SIZES = {"": 1, "B": 1, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000}
LEAST_HEADERS = 8192
"""The least that the web server can be told for ``max_headers``."""
Unit = Literal["second", "minute", "hour", "day"]
UNITS: tuple[Unit, ...] = ("second", "minute", "hour", "day")
"""Of a rate limit, the shortest first."""
LIMITS = {"v1": "6000/minute"}
"""The rate limit of our own API. A dialect's own stands in its module."""


def duration(text: str, name: str) -> int:
    """``2s``, ``5m``, ``1h``, ``7d`` in milliseconds. Raises :class:`ConfigurationError` naming the setting."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text.strip())
    if not found:
        raise ConfigurationError(f"{name} = '{text}' is not a duration; write 2s, 5m, 1h or 7d.")
    return int(float(found[1]) * _UNITS[found[2]])


def size(text: str, name: str) -> int:
    """``10MB`` in bytes. Raises :class:`ConfigurationError` naming the setting."""
    found = re.fullmatch(r"(\d+)\s*(B|KB|MB|GB)?", text.strip().upper())
    if not found:
        raise ConfigurationError(f"{name} = '{text}' is not a size; write 500KB or 10MB.")
    return int(found[1]) * _SIZES[found[2] or ""]


class Window(msgspec.Struct, frozen=True):
    """A rate limit: so many calls in any stretch of time that is one ``unit`` long."""

    calls: int
    unit: Unit


def windows(text: str, name: str) -> tuple[Window, ...]:
    """``100/minute;1000/hour`` as windows, the shortest first; none for ``off``. Raises :class:`ConfigurationError`
    naming the setting."""
    if text.strip() == "off":
        return ()
    found = [_window(part) for part in text.split(";")]
    known = [window for window in found if window is not None]
    if len(known) < len(found) or len({window.unit for window in known}) < len(known):
        units = ", ".join(UNITS)
        raise ConfigurationError(
            f"{name} = '{text}' is not a limit; write 100/minute, 100/minute;1000/hour or off. Units are {units}."
        )
    return tuple(sorted(known, key=lambda window: UNITS.index(window.unit)))


def _window(text: str) -> Window | None:
    found = re.fullmatch(r"\s*([1-9][0-9]{0,8})\s*/\s*([a-z]+)\s*", text, re.ASCII)
    unit = next((unit for unit in UNITS if found and unit == found[2]), None)
    return Window(int(found[1]), unit) if found and unit else None


_ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104 - to be shown, not listened on


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[server]`` table. Every field is documented in docs/configuration.md."""

    listen: str = "127.0.0.1:8000"
    database: str = "sqlite:///data/aftersend.db"
    redis: str = ""
    max_body: str = "10MB"
    body_timeout: str = "30s"
    max_headers: str = "64KB"
    header_timeout: str = "30s"
    keep_raw_days: float = 30
    web_workers: int = 2
    web_threads: int = 16
    web_waiting: int = 256
    web_connections: int = 2048
    workers: int = 1
    trusted_proxies: list[str] = []
    public_url: str = ""
    formulas: Literal["raw", "safe"] = "raw"
    log_level: str = "info"

    def __repr__(self) -> str:
        # Addresses of databases may hold a password.
        return f"Server(listen={self.listen!r})"

    @property
    def max_body_bytes(self) -> int:
        return size(self.max_body, "server.max_body")

    @property
    def max_headers_bytes(self) -> int:
        return size(self.max_headers, "server.max_headers")

    @property
    def body_timeout_ms(self) -> int:
        return duration(self.body_timeout, "server.body_timeout")

    @property
    def header_timeout_ms(self) -> int:
        return duration(self.header_timeout, "server.header_timeout")

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]") or "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def url(self) -> str:
        """Where people and platforms reach this installation; an address that can be opened also where it listens
        on every interface."""
        host, _, port = self.listen.rpartition(":")
        return self.public_url.rstrip("/") or f"http://{_ANYWHERE.get(host, host)}:{port}"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One ``[[sources]]`` entry: one account at a provider."""

    name: str
    provider: str
    time_zone: str = ""
    base_url: str = ""
    api_key: str = ""
    webhook_secrets: list[str] = []
    allowed_addresses: list[str] = []
    feeds: list[str] | None = None
    poll_every: str = "5m"
    backfill: str = "30d"
    overlap: str = "48h"
    max_rate: float | None = None
    """Requests per second of the credential; see :attr:`requests_per_second`."""
    budget: str = ""
    """How often the platform lets the credential ask, as :func:`windows` reads it; empty: as the provider knows."""
    options: dict[str, Any] = {}
    """Whatever else the entry has: the provider's own options, checked by the provider."""

    def __repr__(self) -> str:
        # Whatever is printed in a fault or by accident holds no secret: not these fields, and not the options.
        return f"Source(name={self.name!r}, provider={self.provider!r})"

    @property
    def requests_per_second(self) -> float:
        """``max_rate``; else one, which no platform minds, and for an API on this very machine (a sandbox, another
        Aftersend) as many as it answers."""
        if self.max_rate is not None:
            return self.max_rate
        return 10_000 if self.is_local else 1.0

    @property
    def is_local(self) -> bool:
        """Whether its API is on this very machine."""
        return urlsplit(self.base_url).hostname in ("127.0.0.1", "::1", "localhost")

    @property
    def poll_every_ms(self) -> int:
        return duration(self.poll_every, f"poll_every of source {self.name}")

    @property
    def backfill_ms(self) -> int:
        return duration(self.backfill, f"backfill of source {self.name}")

    @property
    def budget_windows(self) -> tuple[Window, ...] | None:
        """``budget`` as windows, none for ``off``; ``None`` where it isn't set."""
        return windows(self.budget, f"budget of source {self.name}") if self.budget else None

    @property
    def overlap_ms(self) -> int:
        return duration(self.overlap, f"overlap of source {self.name}")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an installation is told."""

    server: Server = Server()
    sources: list[Source] = []
    limits: dict[str, str] = {}
    """The ``[limits]`` table: ``v1`` or a dialect's name → how often a key may ask there, as :func:`windows` reads it.
    What it doesn't name has its default."""
    path: str = ""
    """The file it was read from; empty where there was none."""
    admin_key: str = ""
    """``AFTERSEND_ADMIN_KEY``; empty where unset."""

    def __repr__(self) -> str:
        return f"Settings(path={self.path!r}, server={self.server!r}, sources={self.sources!r})"

    def source(self, name: str) -> Source:
        """The source of that name. Raises :class:`ConfigurationError` listing those that exist."""
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(s.name for s in self.sources) or "none"
        raise ConfigurationError(f"There is no source '{name}'; configured: {known}.")

    @property
    def data_dir(self) -> Path:
        """Where an SQLite store's files lie; everything we keep beside the store goes here too."""
        if self.server.database.startswith("sqlite:///"):
            return Path(self.server.database.removeprefix("sqlite:///")).parent
        return Path("data")


_SOURCE_FIELDS = {f for f in Source.__struct_fields__ if f != "options"}


def load(path: str | os.PathLike[str] | None = None, env: dict[str, str] | None = None) -> Settings:
    """Read the configuration.

    ``path``, else ``AFTERSEND_CONFIG``, else ``aftersend.toml`` in the working directory, else the demo's
    (:data:`DEMO`); a named file must exist, the others may not. ``PORT``, ``HOST``, ``DATABASE_URL``, ``REDIS_URL`` and
    ``AFTERSEND_ADMIN_KEY`` in the environment win. Raises :class:`ConfigurationError`, whose message names
    the setting and never contains its value if that came from the environment.
    """
    env = dict(os.environ) if env is None else env
    named = str(path) if path else env.get("AFTERSEND_CONFIG", "")
    file = Path(named or "aftersend.toml")
    if not named and not file.exists():
        file = DEMO
    raw: dict[str, Any] = {}
    if file.exists():
        try:
            raw = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file} is not valid TOML: {error}.") from None
    elif named:
        raise ConfigurationError(f"There is no configuration file {file}.")
    if unknown := set(raw) - {"server", "limits", "sources"}:
        raise ConfigurationError(
            f"{file}: unknown table [{sorted(unknown)[0]}]; known are [server], [limits] and [[sources]]."
        )
    return Settings(
        server=_server(_expanded(raw.get("server", {}), env, "server"), env),
        sources=_sources(raw.get("sources", []), env),
        limits=_limits(_expanded(raw.get("limits", {}), env, "limits")),
        path=str(file.resolve()) if file.exists() else "",
        admin_key=env.get("AFTERSEND_ADMIN_KEY", ""),
    )


def _server(table: Any, env: dict[str, str]) -> Server:
    server: Server = _convert(table, Server, "server")
    host, port = env.get("HOST") or server.host, env.get("PORT") or server.listen.rpartition(":")[2]
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"server.listen needs a port between 1 and 65535, as in 127.0.0.1:8000; got '{port}'.")
    server = msgspec.structs.replace(
        server,
        listen=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        database=env.get("DATABASE_URL") or server.database,
        redis=env.get("REDIS_URL") or server.redis,
    )
    _ = server.max_body_bytes
    if server.max_headers_bytes < LEAST_HEADERS:
        raise ConfigurationError(f"server.max_headers = '{server.max_headers}' must be {LEAST_HEADERS} bytes or more.")
    for name, milliseconds in (
        ("header_timeout", server.header_timeout_ms),
        ("body_timeout", server.body_timeout_ms),
    ):
        if milliseconds <= 0:
            raise ConfigurationError(f"server.{name} must be longer than nothing.")
    for name in ("web_workers", "web_threads", "web_waiting", "web_connections"):
        if getattr(server, name) < 1:
            raise ConfigurationError(f"server.{name} must be 1 or more.")
    return server


def _limits(table: Any) -> dict[str, str]:
    limits: dict[str, str] = _convert(table, dict[str, str], "limits")
    for name, text in limits.items():
        windows(text, f"limits.{name}")
    return limits


def _sources(tables: Any, env: dict[str, str]) -> list[Source]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError("Write sources as [[sources]], with two brackets.")
    sources: list[Source] = []
    for number, table in enumerate(tables, 1):
        where = f"sources[{number}]"
        values = _expanded(table, env, where)
        own = {k: v for k, v in values.items() if k in _SOURCE_FIELDS}
        own["options"] = {k: v for k, v in values.items() if k not in _SOURCE_FIELDS}
        source: Source = _convert(own, Source, where)
        if not re.fullmatch(r"[a-z0-9-]+", source.name):
            raise ConfigurationError(f"{where}.name = '{source.name}' may hold only a-z, 0-9 and '-'.")
        if any(s.name == source.name for s in sources):
            raise ConfigurationError(f"Two sources are named '{source.name}'; give each its own name.")
        if source.max_rate is not None and source.max_rate <= 0:
            raise ConfigurationError(f"{where}.max_rate must be above 0 requests per second.")
        _ = (source.poll_every_ms, source.backfill_ms, source.overlap_ms, source.budget_windows)
        try:
            _ = source.requests_per_second
        except ValueError:
            raise ConfigurationError(f"{where}.base_url is not an address, as https://api.example.com/v1 is.") from None
        sources.append(source)
    return sources


def _convert(table: Any, kind: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}.") from None


def _expanded(value: Any, env: dict[str, str], where: str) -> Any:
    """``${NAME}`` replaced by the environment's value, in every string of the table."""
    if isinstance(value, dict):
        return {k: _expanded(v, env, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [_expanded(v, env, where) for v in value]
    if not isinstance(value, str):
        return value

    def look_up(found: re.Match[str]) -> str:
        if found[1] not in env:
            raise ConfigurationError(f"{where} needs the environment variable {found[1]}, which is not set.")
        return env[found[1]]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", look_up, value)
