"""Query parameters into typed questions, strictly: what can't be understood is refused by name."""

from __future__ import annotations

from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from werkzeug.datastructures import MultiDict

from aftersend.vocabulary import BadInput

Q = TypeVar("Q", bound=msgspec.Struct)


def decode(args: MultiDict[str, str], kind: type[Q]) -> Q:
    """The query parameters as a struct, whose encoded field names are the parameters' names.

    A field that is a tuple may be repeated and may hold several values between commas. Raises BadInput naming
    the parameter: unknown, empty, given twice, or not of its type.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name, given in args.lists():
        if name not in fields:
            raise BadInput(f"There is no parameter '{name[:60]}'; this report has {', '.join(fields)}.", name[:60])
        field = fields[name]
        several = _is_list(field.type)
        if len(given) > 1 and not several:
            raise BadInput(f"'{name}' is given {len(given)} times; give it once.", name)
        parts = [part.strip() for text in given for part in text.split(",")] if several else given
        if "" in parts:
            raise BadInput(f"'{name}' is empty; leave it out or give it a value.", name)
        values[field.name] = _converted(parts if several else parts[0], field.type, name)
    for field in fields.values():
        if field.required and field.name not in values:
            raise BadInput(f"'{field.encode_name}' is missing.", field.encode_name)
    return kind(**values)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple or any(_is_list(part) for part in get_args(kind) if part is not str)


def _converted(value: Any, kind: Any, name: str) -> Any:
    if get_origin(kind) in (Union, UnionType) and type(None) in get_args(kind):
        # None says that a parameter may be left out, not that it may be the word "null".
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        reason = str(error).partition(" - at")[0].replace("`", "")
        raise BadInput(f"'{name}' is not valid: {reason[:120]}.", name) from None
