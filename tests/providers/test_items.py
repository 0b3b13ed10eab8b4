"""What is kept of an item that can't be understood."""

from __future__ import annotations

import pytest

from aftersend.providers.items import MOST, problem
from aftersend.vocabulary import Problem


@pytest.mark.parametrize(
    ("item", "raw"),
    [
        ({"event": "open", "at": None, "tags": ["a", 1.5, True]}, b'{"event":"open","at":null,"tags":["a",1.5,true]}'),
        ("Żółć", '"Żółć"'.encode()),
        (b"\xff as it came", b"\xff as it came"),
        ({"half": "\ud83d"}, b"{'half': '\\ud83d'}"),
    ],
)
def test_an_item_is_kept_as_json_or_as_it_came(item, raw):
    assert problem(3, item, ValueError("no time")) == Problem(item=3, reason="no time", raw=raw)


def test_of_an_item_that_never_ends_the_beginning_is_kept():
    assert problem(0, "x" * 10 * MOST, "long").raw == b'"' + b"x" * (MOST - 1)


def test_an_item_that_nests_deep_is_kept_too():
    item = []
    for _ in range(900):
        item = [item]
    assert problem(0, item, "deep").raw == b"[" * 901 + b"]" * 901
