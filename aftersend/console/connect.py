"""`aftersend connect`: connect a source to its platform by OAuth."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import click
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from aftersend import logs
from aftersend.console.opening import ready_store, settings
from aftersend.providers import provider_of
from aftersend.providers.contract import OAuth
from aftersend.settings import Source
from aftersend.storage.contract import Store
from aftersend.vocabulary import AftersendError, ConfigurationError
from aftersend.worker import connecting

HERE = ("127.0.0.1", "localhost", "::1")
PATIENCE_S = 600.0
"""How long the answer of the browser is waited for."""


@click.command()
@click.argument("source")
@click.option("--device", "by_device", is_flag=True, help="Type a short code on another device.")
@click.option("--paste", is_flag=True, help="Paste the address the browser ends at, where it can't reach this machine.")
def connect(source: str, *, by_device: bool, paste: bool) -> None:
    """Connect SOURCE to its platform by OAuth.

    Somebody approves once, in a browser; the token is kept in the store and renewed by itself.
    """
    logs.configure("critical")
    found = settings()
    account = found.source(source)
    oauth = provider_of(account).oauth(account)
    if oauth is None:
        raise ConfigurationError(f"{provider_of(account).title} wants a key and no connection: set api_key.")
    with ready_store(found) as store:
        if by_device:
            _by_device(store, account, oauth)
        else:
            _by_code(store, account, oauth, paste=paste)
    click.echo(f"Source '{source}' is connected. Look with `aftersend check {source}`.")


def _by_code(store: Store, account: Source, oauth: OAuth, *, paste: bool) -> None:
    approval = connecting.authorize(oauth)
    told = f"Open this address and approve:\n\n  {approval.url}\n"
    if paste or urlsplit(oauth.redirect_uri).hostname not in HERE:
        click.echo(told)
        address = click.prompt("Then paste the whole address the browser was sent to", type=str)
    else:
        with _Listener(oauth.redirect_uri) as listener:
            click.echo(f"{told}\nWaiting for the browser to come back; Ctrl-C ends.")
            address = listener.address()
    connecting.redeem(store, account, oauth, connecting.code_of(address, approval.state))


def _by_device(store: Store, account: Source, oauth: OAuth) -> None:
    begun = connecting.device(account, oauth)
    click.echo(f"Open {begun.url} on any device and type {begun.user_code}.")
    click.echo("Waiting until that is done; Ctrl-C ends.")
    connecting.wait_for(store, account, oauth, begun)


class _Quiet(WSGIRequestHandler):
    """Writes no line per request: it would hold the code."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class _Listener:
    """Listens where the browser is sent back to."""

    def __init__(self, redirect_uri: str):
        """Raises AftersendError where that isn't possible."""
        self._came: list[str] = []
        target = urlsplit(redirect_uri)

        @Request.application
        def answer(request: Request) -> Response:
            if request.path != (target.path or "/"):
                return Response("Not here.", 404)
            self._came.append(request.url)
            return Response("Aftersend has been told. You may close this window.")

        try:
            listening = socket.create_server((target.hostname or "", target.port or 80))
        except OSError:
            raise AftersendError(
                f"Cannot listen at {target.netloc} for the browser. Use --paste, or another redirect_uri."
            ) from None
        with listening:
            host, port = target.hostname or "", target.port or 80
            self._server = make_server(host, port, answer, request_handler=_Quiet, fd=listening.fileno())
        self._server.timeout = 1.0

    def __enter__(self) -> _Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def address(self) -> str:
        """The address to which the browser is sent back, once it comes. Raises ConfigurationError if it doesn't."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._came and time.monotonic() < deadline:
            self._server.handle_request()
        if not self._came:
            raise ConfigurationError(
                "The browser did not come back in ten minutes: run it again, perhaps with --paste."
            )
        return self._came[0]
