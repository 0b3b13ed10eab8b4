"""`aftersend sandbox`: the sandbox provider alone, with the faults that are asked for."""

from __future__ import annotations

import click

from aftersend import logs
from aftersend.providers import PROVIDERS
from aftersend.sandbox import demo_provider
from aftersend.sandbox.faults import Fault, FaultPlan
from aftersend.sandbox.pusher import Network
from aftersend.sandbox.run import SandboxOptions, run
from aftersend.sandbox.server import DEFAULT_KEY

CHANCE = click.FloatRange(0, 1)


class FaultRate(click.ParamType[tuple[Fault, float]]):
    """A fault and its chance, as error=0.1."""

    name = "fault"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Fault, float]:
        name, _, chance = value.partition("=")
        try:
            return Fault(name), float(CHANCE(chance, param, ctx))
        except ValueError:
            self.fail(f"there is no fault '{name}'; there are {', '.join(Fault)}", param, ctx)


@click.command()
@click.option("--provider", type=click.Choice(list(PROVIDERS)), default=demo_provider, help="Platform to play.")
@click.option("--directory", default="data/sandbox", show_default=True, help="Where its memory lies.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of its feeds; default: a free one.")
@click.option("--api-key", default=DEFAULT_KEY, envvar="AFTERSEND_SANDBOX_API_KEY", help="Key that opens its feeds.")
@click.option("--webhook", default="", envvar="AFTERSEND_SANDBOX_WEBHOOK", help="Address its webhooks are pushed to.")
@click.option("--time-zone", default="", help="Zone of the times it tells; default: the platform's.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed is the same truth.")
@click.option("--campaigns", type=click.IntRange(0), default=6, show_default=True, help="Campaigns of its history.")
@click.option("--contacts", type=click.IntRange(1), default=150, show_default=True, help="Its contacts.")
@click.option("--days", type=click.FloatRange(0), default=3, show_default=True, help="Length of its history.")
@click.option("--rate", type=click.FloatRange(0), default=5, show_default=True, help="Live facts per second.")
@click.option("--loss", type=CHANCE, default=0.2, show_default=True, help="Chance that a webhook is lost.")
@click.option("--duplication", type=CHANCE, default=0, show_default=True, help="Chance that one comes twice.")
@click.option("--reorder", type=CHANCE, default=0, show_default=True, help="Chance that one changes places.")
@click.option("--delay", type=click.FloatRange(0), default=0, show_default=True, help="Most seconds one is late.")
@click.option("--insist", is_flag=True, help="Repeat a webhook until it is answered with 200.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=FaultRate(),
    metavar="NAME=CHANCE",
    help=f"What goes wrong with requests to the feeds; may be repeated. Names: {', '.join(Fault)}.",
)
def sandbox(
    *,
    loss: float,
    duplication: float,
    reorder: float,
    delay: float,
    insist: bool,
    faults: tuple[tuple[Fault, float], ...],
    **options: object,
) -> None:
    """Run the sandbox provider alone.

    It serves feeds and pushes webhooks, as its platform does, until Ctrl-C. What happened in a directory goes
    on when it is started there again.
    """
    logs.configure("info")
    network = Network(loss=loss, duplication=duplication, reorder=reorder, delay=delay, insist=insist)
    run(SandboxOptions(network=network, faults=FaultPlan(rates=dict(faults)), **options))  # type: ignore[arg-type]
