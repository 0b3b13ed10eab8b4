"""What senders attach to their emails."""

from __future__ import annotations

import pytest

from aftersend.providers.marks import flat, told


@pytest.mark.parametrize(
    ("marks", "names", "found"),
    [
        ({"external_id": "crm-1"}, "external_id", "crm-1"),
        ({"external_id": 17}, "external_id", "17"),
        ({"External_ID": "crm-1"}, "external_id", "crm-1"),
        ({"External_ID": "loose", "external_id": "exact"}, "external_id", "exact"),
        ({"customer": "c", "user": "u"}, "user, customer", "u"),
        ({"customer": "c", "user": " "}, "user,customer", "c"),
        ({"customer": "c", "user": None}, " user ,, customer ", "c"),
        ({"user": {"id": 1}}, "user", None),
        ({"user": True}, "user", None),
        ({}, "user", None),
        ({"": "x"}, "", None),
    ],
)
def test_a_mark_is_found_by_its_names(marks, names, found):
    assert told(marks, names) == found


def test_what_is_attached_becomes_one_level_of_text():
    assert flat(
        {"a": {"b": 1, "c": {"d": " x "}}, "e": ["p", 2, None, {}], "f": True, "g": None, "h": "", "i": []}
    ) == {
        "a.b": "1",
        "a.c.d": "x",
        "e": "p, 2",
        "f": "true",
    }
    assert flat(["news", "welcome"], "tags") == {"tags": "news, welcome"}
    assert flat("plain", "tag") == {"tag": "plain"}
    assert flat("plain") == flat(None) == flat({"": 1}) == {}


def test_what_is_nested_without_end_is_left_out():
    deep: dict[str, object] = {"x": "bottom"}
    for _ in range(500):
        deep = {"x": deep}
    assert flat({"deep": deep, "flat": "yes"}) == {"flat": "yes"}
