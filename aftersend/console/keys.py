"""API keys: making, listing and revoking them."""

from __future__ import annotations

import click
from rich.markup import escape

from aftersend.console.opening import ready_store, settings
from aftersend.console.tables import Form, clock, console, json_option, print_json, table
from aftersend.receiver.auth import REPORTS, mint
from aftersend.receiver.dialects import scopes_named
from aftersend.settings import duration
from aftersend.storage.contract import KeyRow
from aftersend.vocabulary import BadInput, ConfigurationError, Instant, now
from aftersend.zones import isoformat


@click.group()
def keys() -> None:
    """Manage API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What the key opens: reports:read, contacts:read, admin, or a platform's own name of a scope; may be "
    "repeated. Default: reports:read.",
)
@click.option("--source", "sources", multiple=True, help="Limit the key to this source; may be repeated.")
@click.option("--expires", metavar="TIME", help="How long the key lives, as in 30d or 12h. Default: for ever.")
@click.option("--quiet", is_flag=True, help="Print the secret and nothing else.")
def create(name: str, scopes: tuple[str, ...], sources: tuple[str, ...], expires: str | None, *, quiet: bool) -> None:
    """Make a key for NAME and print its secret, once."""
    found = settings()
    for source in sources:
        found.source(source)
    opened, expires_at = _scopes(scopes or (REPORTS,)), _expiry(expires)
    with ready_store(found) as store:
        row, secret = mint(store, name, opened, sources or None, expires_at)
    if quiet:
        click.echo(secret)
        return
    click.echo(f"Key {row.id} for {name}: {_opens(row)}; {_life(row, now())}.")
    click.echo("Its secret is shown this once; send it as X-API-Key or as Authorization: Bearer.\n")
    click.echo(f"  {secret}")


@keys.command("list")
@json_option
def list_keys(form: Form) -> None:
    """List all keys, revoked ones too; secrets are not kept."""
    with ready_store(settings()) as store:
        rows = store.keys()
    if form == "json":
        print_json([_as_json(row) for row in rows])
        return
    at = now()
    shown = table("API keys", "id", "name", "opens", "state", "made")
    for row in rows:
        shown.add_row(row.id, escape(row.name), _opens(row), _life(row, at), clock(row.created_at))
    console().print(shown)


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke the key ID, at once."""
    with ready_store(settings()) as store:
        if not store.revoke_key(key_id, now()):
            raise ConfigurationError(f"There is no key '{key_id}': `aftersend keys list` shows their ids.")
    click.echo(f"Key {key_id} is revoked.")


def _scopes(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return scopes_named(names)
    except BadInput as error:
        raise click.BadParameter(str(error), param_hint="'--scope'") from None


def _expiry(text: str | None) -> Instant | None:
    if text is None:
        return None
    try:
        return now() + duration(text, "--expires")
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="'--expires'") from None


def _opens(row: KeyRow) -> str:
    scopes = ", ".join(row.scopes)
    return f"{scopes} of {', '.join(row.sources)}" if row.sources is not None else f"{scopes} of all sources"


def _life(row: KeyRow, at: Instant) -> str:
    if row.revoked_at is not None:
        return f"revoked {clock(row.revoked_at)}"
    if row.expires_at is None:
        return "valid for ever"
    return f"{'expired' if row.expires_at <= at else 'valid until'} {clock(row.expires_at)}"


def _as_json(row: KeyRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": list(row.scopes),
        "sources": None if row.sources is None else list(row.sources),
        "created_at": isoformat(row.created_at),
        "expires_at": isoformat(row.expires_at),
        "revoked_at": isoformat(row.revoked_at),
    }
