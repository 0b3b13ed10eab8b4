"""Bodies that cost more than they should. Work is counted, never timed.

Three ways of making a small body dear: a pattern that backtracks, a reader whose work grows faster than what it reads,
and an object that is built larger than it was sent.
"""

from __future__ import annotations

import ast
import gc
import re
import re._constants as op
import re._parser as parser
import sys
import tracemalloc
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path

import msgspec
import pytest

import aftersend
from aftersend.providers import PROVIDERS, agents
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door

# -- patterns ------------------------------------------------------------------------------------------------

MANY = 64
"""Repeats up to here are no danger, whatever follows them."""
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)
CHARACTERS = [chr(code) for code in (*range(256), 0x2028, 0x05D0, 0x0660)]
ARGUED = {
    r"(?:^|;)\s*p\s*=\s*([A-Za-z0-9+/=\s]+)": "a DNS record in the operator's own configuration",
    r"https://([a-z0-9-]+\.)+(?:scw\.cloud|scaleway\.com)/?(?:[A-Za-z0-9_-][A-Za-z0-9._/-]*)?"
    r"\?([A-Za-z0-9_.~!$&'()*+,;=:@/?%-]+)": "longer addresses than 2,000 characters are not looked at",
}
"""Patterns that the rule below would refuse, and why they are harmless."""


def patterns() -> dict[str, str]:
    """Every pattern that is written down in the product → where."""
    root = Path(aftersend.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                pattern = node.args[0].value
                text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
                found[text] = str(path.relative_to(root))
    return found


@cache
def holds(pattern: str, flags: int) -> frozenset[str]:
    return frozenset(c for c in CHARACTERS if re.fullmatch(pattern, c, flags))


def alphabet(items: list) -> set[str]:
    """All characters that a piece of a pattern may take, anywhere in it."""
    found: set[str] = set()
    for kind, value in items:
        if kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.NOT_LITERAL:
            found |= set(CHARACTERS) - {chr(value)}
        elif kind is op.ANY:
            found |= set(CHARACTERS)
        elif kind is op.IN:
            found |= of_class(value)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            found |= alphabet(list(value[2]))
        elif kind is op.SUBPATTERN:
            found |= alphabet(list(value[3]))
        elif kind is op.BRANCH:
            for branch in value[1]:
                found |= alphabet(list(branch))
    return found


def of_class(items: list) -> set[str]:
    found: set[str] = set()
    negated = False
    named = {op.CATEGORY_DIGIT: r"\d", op.CATEGORY_SPACE: r"\s", op.CATEGORY_WORD: r"\w"}
    named |= {op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_NOT_SPACE: r"\S", op.CATEGORY_NOT_WORD: r"\W"}
    for kind, value in items:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.RANGE:
            found |= {c for c in CHARACTERS if value[0] <= ord(c) <= value[1]}
        elif kind is op.CATEGORY:
            found |= holds(named[value], 0)
    return set(CHARACTERS) - found if negated else found


def least(items: list) -> int:
    """The fewest characters a piece takes."""
    total = 0
    for kind, value in items:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            total += 1
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            total += value[0] * least(list(value[2]))
        elif kind is op.SUBPATTERN:
            total += least(list(value[3]))
        elif kind is op.BRANCH:
            total += min(least(list(branch)) for branch in value[1])
    return total


def dangers(items: list) -> Iterator[str]:
    """Two unbounded repeats that can share out the same characters between them, one in the other or side by side."""
    for way in ways(items):
        for place, (kind, value) in enumerate(way):
            if kind not in REPEATS:
                continue
            body = list(value[2])
            if value[1] <= MANY:
                yield from dangers(body)
                continue
            for inner in ways(body):
                yield from ambiguous(inner)
            taken, between = alphabet(body), []
            for one in way[place + 1 :]:
                if one[0] in REPEATS and one[1][1] > MANY:
                    both = taken & alphabet([one])
                    if both and fits(between, both) and any(fits(inner, taken) for inner in ways(list(one[1][2]))):
                        yield "two repeats of the same characters"
                between.append(one)
                if not fits(between, taken):
                    break


def fits(items: list, taken: set[str]) -> bool:
    """Whether a repeat that takes these characters may take the place of all that, each of which must be there."""
    return all(taken & alphabet([one]) for one in items if least([one]))


def ambiguous(body: list) -> Iterator[str]:
    """A repeat within a repeated body, unless something in the body that the inner one can't take keeps turns apart."""
    for place, (kind, value) in enumerate(body):
        if kind in REPEATS and value[1] > MANY:
            taken = alphabet(list(value[2]))
            others = body[:place] + body[place + 1 :]
            if not any(least([one]) and not taken & alphabet([one]) for one in others):
                yield "a repeat within a repeat"
    yield from dangers(body)


def ways(items: list) -> Iterator[list]:
    """Every sequence that a pattern may stand for: with and without what is optional, one for each branch."""
    for place, (kind, value) in enumerate(items):
        before, after = items[:place], items[place + 1 :]
        if kind is op.SUBPATTERN:
            choices = [list(value[3])]
        elif kind is op.BRANCH:
            choices = [list(branch) for branch in value[1]]
        elif kind in REPEATS and value[:2] == (0, 1):
            choices = [[], list(value[2])]
        else:
            continue
        for choice in choices:
            yield from ways(before + choice + after)
        return
    yield items


def judged(pattern: str) -> list[str]:
    return list(dangers(list(parser.parse(pattern))))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(a|a)*b*a*c",
        r"<\s*([^<>\s]+@[^<>\s]+)\s*>$",
        r"\d+\.?\d*x",
        r"(\d+\.?\d*|\.\d+)(e\d+)?",
        r"\s*\s*$",
    ],
)
def test_a_pattern_that_backtracks_is_recognised(pattern):
    assert judged(pattern)


@pytest.mark.parametrize(
    "pattern", [r"a+b", r"[a-z]+\d+", r"\d+(\.\d*)?x", r"([a-z]+)@([^@]+)", r"\s*a\s*", r"a{1,64}a*"]
)
def test_a_pattern_that_does_not_is_not(pattern):
    assert not judged(pattern)


def test_no_pattern_of_ours_shares_characters_between_two_repeats():
    found = patterns()
    assert len(found) > 60
    assert {pattern: where for pattern, where in found.items() if judged(pattern)}.keys() == ARGUED.keys()


# -- readers -------------------------------------------------------------------------------------------------

PUSHING = [provider for provider in PROVIDERS.values() if provider.pushes]
TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
SMALL, LARGE = 40, 160
GROWTH = 6
"""Four times as much may cost six times the work; work that grows with the square would be sixteen times."""


def work(provider, body: bytes, content_type: str) -> int:
    """Calls made while a body is read, of Python's functions and of C's."""
    source = Source(name="acme", provider=provider.name)
    delivery = Delivery(
        source="acme", door=Door.WEBHOOK, received_at=1_790_000_000_000, body=body, content_type=content_type
    )
    calls = 0

    def seen(_frame, _event, _argument) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(seen)
    try:
        provider.read(delivery, source)
    finally:
        sys.setprofile(None)
    return calls


def grown(body: bytes, ending: str, size: int) -> Iterator[tuple[str, bytes]]:
    """A genuine body made larger in every way that a sender could think of."""
    if ending == "form":
        yield "fields", body + b"".join(b"&x%d[a][b]=%d" % (n, n) for n in range(size))
        yield "the same field", body + b"&" + b"&".join([body.split(b"&")[0]] * size)
        return
    told = msgspec.json.decode(body)
    yield "items", msgspec.json.encode((told if isinstance(told, list) else [told]) * size)
    if isinstance(told, dict):
        yield "fields", msgspec.json.encode({f"x{n}": n for n in range(size)} | told)
        yield "lists", msgspec.json.encode({name: _longer(value, size) for name, value in told.items()})
    yield "depth", b"[" * size + body + b"]" * size


def _longer(value, size: int):
    if isinstance(value, list):
        return value * size
    if isinstance(value, dict):
        return {name: _longer(inner, size) for name, inner in value.items()} | {f"x{n}": n for n in range(size)}
    return value


@pytest.mark.parametrize("provider", PUSHING, ids=lambda provider: provider.name)
def test_four_times_the_body_is_about_four_times_the_work(provider):
    grows = {}
    for file in files(f"aftersend.providers.{provider.name}").joinpath("fixtures").iterdir():
        stem, _, ending = file.name.rpartition(".")
        if not stem.startswith("webhook_"):
            continue
        body = file.read_bytes()
        for (way, small), (_, large) in zip(grown(body, ending, SMALL), grown(body, ending, LARGE), strict=True):
            before, after = work(provider, small, TYPES[ending]), work(provider, large, TYPES[ending])
            if after > GROWTH * before:
                grows[file.name, way] = (before, after)
    assert grows == {}


def test_of_a_user_agent_only_the_beginning_is_looked_at(monkeypatch):
    looked_at = []
    monkeypatch.setattr(agents, "_agent", lambda text: looked_at.append(len(text)) or agents.Agent())
    agents.agent("Mozilla/5.0 " + "(" * 1_000_000)
    assert looked_at == [512]


LONG, TIMES = 50_000, 3


def leaves(told, path=()) -> Iterator[tuple]:
    """Where in a decoded body a text stands."""
    if isinstance(told, dict | list):
        for name, inner in told.items() if isinstance(told, dict) else enumerate(told):
            yield from leaves(inner, (*path, name))
    elif isinstance(told, str):
        yield path


def lengthened(told, path, by: str):
    if not path:
        return told + by
    name, *rest = path
    copy = dict(told) if isinstance(told, dict) else list(told)
    copy[name] = lengthened(told[name], rest, by)
    return copy


def long_ones(body: bytes, ending: str) -> Iterator[bytes]:
    """A genuine body with one long text in it that no other has: each value in its turn, and each name of a form."""
    numbers = count()
    if ending == "form":
        fields = body.split(b"&")
        for place, field in enumerate(fields):
            for _ in range(TIMES):
                more = b"%d" % next(numbers) + b"x" * LONG
                for longer in (field + more, more + field):
                    yield b"&".join([*fields[:place], longer, *fields[place + 1 :]])
        return
    told = msgspec.json.decode(body)
    for path in leaves(told):
        for _ in range(TIMES):
            yield msgspec.json.encode(lengthened(told, path, f"{next(numbers)}{'x' * LONG}"))


@pytest.mark.parametrize("provider", PUSHING, ids=lambda provider: provider.name)
def test_no_reader_remembers_long_texts(provider):
    source = Source(name="acme", provider=provider.name)

    def read(body: bytes, ending: str) -> None:
        delivery = Delivery(
            source="acme", door=Door.WEBHOOK, received_at=1_790_000_000_000, body=body, content_type=TYPES[ending]
        )
        provider.read(delivery, source)

    bodies = [
        (file.read_bytes(), ending)
        for file in files(f"aftersend.providers.{provider.name}").joinpath("fixtures").iterdir()
        for stem, _, ending in [file.name.rpartition(".")]
        if stem.startswith("webhook_")
    ]
    for body, ending in bodies:
        read(body, ending)  # what is loaded once is no matter
    tracemalloc.start()
    try:
        for body, ending in bodies:
            for longer in long_ones(body, ending):
                read(longer, ending)
        del longer
        agents._agent.cache_clear()  # it remembers beginnings, see above
        gc.collect()
        remembered, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert remembered < TIMES * LONG / 2
