"""Cursors: opaque outside; inside, what they are a cursor of, and in which version.

A cursor holds a bookmark together with the name of its list and a digest of the question. One that belongs to
another list, another question or another release is refused with a sentence of its own: none of them may
silently answer from the wrong place.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from aftersend.vocabulary import BadInput

VERSION = 1

Whole = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
"""Whole numbers that every store can hold."""
Mark = tuple[Whole | str, ...]


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    version: int
    list: str
    question: bytes
    mark: Mark


def question(*parts: Any) -> bytes:
    """A digest of what was asked, without where in the list: equal for equal questions."""
    return blake2b(msgspec.msgpack.encode(parts), digest_size=8).digest()


def write(list_name: str, asked: bytes, mark: Mark) -> str:
    """A cursor for going on behind ``mark``."""
    raw = msgspec.msgpack.encode(_Cursor(VERSION, list_name, asked, mark))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(text: str, list_name: str, asked: bytes, shape: Any) -> Any:
    """The bookmark in a cursor, as ``shape`` (a tuple type). Raises BadInput saying what is wrong with it."""
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        # The version comes first, so that a cursor of another release is known before its shape is.
        version = msgspec.msgpack.decode(raw)[0]
        if version != VERSION:
            raise BadInput("'cursor' comes from another release of Aftersend; begin without it.", "cursor")
        cursor = msgspec.msgpack.decode(raw, type=_Cursor)
        if cursor.list != list_name:
            raise BadInput(f"'cursor' belongs to the list '{cursor.list[:40]}', not to '{list_name}'.", "cursor")
        if cursor.question != asked:
            raise BadInput("'cursor' belongs to a question with other filters; begin without it.", "cursor")
        return msgspec.convert(cursor.mark, shape)
    except (binascii.Error, msgspec.DecodeError, ValueError, TypeError, LookupError) as error:
        raise BadInput("'cursor' is not a cursor of ours; give one as it was answered.", "cursor") from error
