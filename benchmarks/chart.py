"""The ratios that have a goal, as a picture: ``python -m benchmarks.chart FIGURES MACHINE PNG SVG``.

Inside the peers' environment (:mod:`benchmarks.environment`), because what draws is needed for nothing else.
``FIGURES`` and ``MACHINE`` are the files that :mod:`benchmarks.sheet` writes. What is met is a full circle, what is
missed a hollow cross, and a word says so; the goal is a bar with an arrow that shows which way is better; whiskers are
the spread.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]

mpl.use("Agg")
mpl.rcParams |= {
    "svg.hashsalt": "aftersend",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
}

from matplotlib import pyplot as plt  # noqa: E402 - wants the backend
from matplotlib.lines import Line2D  # type: ignore[import-not-found] # noqa: E402

MET, MISSED, GOAL, BAND = "#0b62a4", "#c2410c", "#111111", "#f3f4f6"
CARETLEFT, CARETRIGHT = 8, 9
"""matplotlib's markers that begin where they stand."""
ROW_IN, WIDTH_IN, EDGES_IN = 0.23, 13.0, 2.3


def main(figures: Path, machine: Path, png: Path, svg: Path) -> None:
    """Draw both files."""
    told: list[dict[str, Any]] = json.loads(figures.read_text())
    about: dict[str, Any] = json.loads(machine.read_text())
    rows = _rows(told, about["parts"])
    if not rows:
        return
    height = EDGES_IN + ROW_IN * len(rows)
    drawing, axes = plt.subplots(figsize=(WIDTH_IN, height))
    drawing.subplots_adjust(left=0.44, right=0.83, top=1 - 1.25 / height, bottom=0.95 / height)
    axes.set_xscale("log")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(*_span(rows))
    for y, row in enumerate(rows):
        _draw(axes, y, row)
    axes.axvline(1, color="#9ca3af", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.set_yticks([])
    axes.tick_params(axis="x", which="both", top=True, labeltop=True)
    axes.grid(visible=True, axis="x", which="major", color="#e5e7eb", linewidth=0.7, zorder=0)
    for side in ("left", "right"):
        axes.spines[side].set_visible(False)
    axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    _words(drawing, axes, told, rows, about["header"], height)
    drawing.savefig(png, dpi=110)
    drawing.savefig(svg, metadata={"Date": None})


def _rows(figures: list[dict[str, Any]], parts: dict[str, list[str]]) -> list[dict[str, Any] | str]:
    """The names of the parts, each with those of its figures that have a goal."""
    by_name = {figure["name"]: figure for figure in figures if figure["goal"]}
    rows: list[dict[str, Any] | str] = []
    for part, names in parts.items():
        if found := [by_name[name] for name in names if name in by_name]:
            rows += [part, *found]
    return rows


def _goal(figure: dict[str, Any]) -> tuple[str, float]:
    sign, bound = figure["goal"].split()
    return sign, float(bound)


def _whiskers(figure: dict[str, Any]) -> tuple[float, float]:
    """Half of the spread on either side: the figure says no more of its rounds."""
    half = figure["ratio"] * figure["spread"] / 2
    return max(figure["ratio"] - half, figure["ratio"] / 20), figure["ratio"] + half


def _span(rows: list[dict[str, Any] | str]) -> tuple[float, float]:
    points = [1.0]
    for row in rows:
        if isinstance(row, dict):
            points += [*_whiskers(row), _goal(row)[1]]
    return min(points) / 1.5, max(points) * 1.5


def _draw(axes: Any, y: int, row: dict[str, Any] | str) -> None:
    if isinstance(row, str):
        axes.axhspan(y - 0.5, y + 0.5, color=BAND, zorder=0, linewidth=0)
        axes.text(-1.1, y, row, transform=axes.get_yaxis_transform(), va="center", weight="bold", size=10)
        return
    met, (sign, bound), (low, high) = row["met"], _goal(row), _whiskers(row)
    colour = MET if met else MISSED
    axes.plot([bound, row["ratio"]], [y, y], color=colour, alpha=0.3, linewidth=3, solid_capstyle="butt", zorder=2)
    axes.plot([low, high], [y, y], color=colour, linewidth=1.3, marker="|", markersize=5, zorder=3)
    if met:
        axes.plot(row["ratio"], y, marker="o", color=colour, markersize=6, zorder=4)
    else:
        axes.plot(row["ratio"], y, marker="X", color=colour, markerfacecolor="white", markersize=7, zorder=4)
    axes.plot(bound, y, marker="|", color=GOAL, markersize=11, markeredgewidth=1.8, zorder=3)
    arrow = CARETRIGHT if sign == "≥" else CARETLEFT
    axes.plot(bound, y, marker=arrow, color=GOAL, markersize=4.5, zorder=3)
    across = axes.get_yaxis_transform()
    axes.text(-1.08, y, row["name"], transform=across, va="center", size=8.5)
    axes.text(1.07, y, _number(row["ratio"]), transform=across, va="center", ha="right", color=colour, weight="bold")
    axes.text(1.21, y, f"{sign} {_number(bound)}", transform=across, va="center", ha="right")
    axes.text(1.24, y, "met" if met else "MISSED", transform=across, va="center", color=colour, weight="bold")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _words(
    drawing: Any, axes: Any, told: list[dict[str, Any]], rows: list[Any], header: dict[str, Any], height: float
) -> None:
    """Title, legend, heads of the columns of numbers, and what it was measured on."""
    goals = [row for row in rows if isinstance(row, dict)]
    met = sum(bool(row["met"]) for row in goals)
    drawing.text(0.015, 1 - 0.32 / height, "Aftersend: ours by other, in the same run", size=15, weight="bold")
    drawing.text(
        0.015,
        1 - 0.62 / height,
        f"{met} of {len(goals)} goals met. {len(told) - len(goals)} figures without a goal are not drawn.",
        size=10,
    )
    for x, name in ((1.07, "ratio"), (1.21, "goal"), (1.24, "")):
        axes.text(
            x, -1.0, name, transform=axes.get_yaxis_transform(), ha="right", va="bottom", size=8.5, style="italic"
        )
    handles = [
        Line2D([], [], marker="o", color=MET, linestyle="", label="met"),
        Line2D([], [], marker="X", color=MISSED, markerfacecolor="white", linestyle="", label="missed"),
        Line2D([], [], marker=CARETRIGHT, color=GOAL, linestyle="", label="goal: at least"),
        Line2D([], [], marker=CARETLEFT, color=GOAL, linestyle="", label="goal: at most"),
        Line2D([], [], marker="|", color=MET, label="spread of the rounds"),
    ]
    drawing.legend(handles=handles, loc="upper right", ncols=5, frameon=False, bbox_to_anchor=(0.99, 1 - 0.1 / height))
    versions = ", ".join(f"{name} {number}" for name, number in header["versions"].items())
    sizes = "" if header["sizes"] == "full" else "  TINY SIZES: these say nothing about speed."
    drawing.text(
        0.015,
        0.2 / height,
        f"{header['date']}  ·  {header['cores']} cores, {header['model']}  ·  {header['system']}, "
        f"{header['filesystem']}, load before {header['load_before']:g}{sizes}\n{versions}",
        size=8.5,
        color="#374151",
        linespacing=1.5,
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
