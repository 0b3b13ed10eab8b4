"""``/openapi.json`` and ``/docs``: everything this receiver answers, described from the code that answers it.

Our own reports are described by their questions and answers (:data:`aftersend.receiver.v1.ROUTES`), a dialect's by its
table of endpoints, the doors for webhooks and health by the few lines here. The page at ``/docs`` reads the
description; it needs nothing from the internet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal, NotRequired, TypedDict, get_args, get_type_hints, is_typeddict

import msgspec
from flask import Blueprint, Flask, Response

import aftersend
from aftersend.receiver import export, metadata, v1, webhooks
from aftersend.receiver.auth import ADMIN
from aftersend.receiver.dialects import DIALECTS
from aftersend.receiver.dialects.endpoint import Endpoint
from aftersend.receiver.pages import page

_JSON, _TEXT, _HTML = "application/json", "text/plain", "text/html"
_STRING = {"type": "string"}

_FAILURES = {
    400: "A parameter can't be understood; it is named",
    401: "No API key, or one that is unknown, expired or revoked",
    403: "The key lacks a scope",
    404: "There is no such thing, or not for this key",
    405: "This address doesn't answer that method",
    413: "The body is too large",
    415: "The body is of no type that is understood here",
    422: "A parameter can't be understood; it is named",
    429: "The key has asked too often",
    503: "The store can't be read or written now",
}
_REPORT_FAILURES = (400, 401, 403, 404, 429, 503)
_TELLING_FAILURES = (400, 401, 403, 404, 413, 429, 503)
_WEBHOOK_FAILURES = (400, 401, 404, 405, 413, 415, 429, 503)


def _described(headers: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": about, "schema": _STRING} for name, about in headers.items()}


_QUOTA = _described(
    {
        "X-RateLimit-Limit": "Calls that the key may make in the window, where it has a limit",
        "X-RateLimit-Remaining": "Calls that are left",
        "X-RateLimit-Reset": "When the oldest call leaves the window, in Unix seconds",
    }
)
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Whole seconds to wait",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_OWN_HEADERS = {
    401: _described({"WWW-Authenticate": "How to give a key"}),
    429: {**_RETRY_AFTER, **_QUOTA},
    503: _RETRY_AFTER,
}


class ErrorBody(TypedDict):
    code: str
    message: str
    field: str | None


class Error(TypedDict):
    """Every error of our own."""

    error: ErrorBody


class Trouble(TypedDict):
    """Something that needs attention."""

    source: str
    feed: NotRequired[str]
    lane: NotRequired[str]
    state: str
    message: str | None
    until: NotRequired[str]


class Ready(TypedDict):
    """Deliveries can be taken in."""

    ready: Literal[True]
    unprocessed: int
    oldest_unprocessed_seconds: float | None
    quarantined: int
    problems: list[Trouble]


class Unready(TypedDict):
    """Deliveries can't be taken in."""

    ready: Literal[False]
    reason: str


def register(app: Flask) -> None:
    """Serve the description and the page that shows it, to anybody: they hold no data."""
    blueprint = Blueprint("openapi", __name__)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(msgspec.json.encode(description()), content_type=_JSON)

    @blueprint.get("/docs")
    def docs() -> Response:
        return page("docs.html")

    app.register_blueprint(blueprint)


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    own = _Schemas("", _own_types())
    paths: dict[str, dict[str, Any]] = {}
    for route in v1.ROUTES:
        paths.setdefault(route.path, {})["get"] = _report(route, own)
    paths[export.PATH] = {"get": _export(own)}
    for path, item, summary in metadata.ROUTES:
        paths.setdefault(path, {})["post"] = _telling(item, summary, own)
    components = own.components
    for dialect in DIALECTS:
        schemas = _Schemas(f"{dialect.NAME}.", _types_of(dialect.ENDPOINTS))
        components |= schemas.components
        for endpoint in dialect.ENDPOINTS:
            paths.setdefault(endpoint.path, {})["get"] = _endpoint(dialect, endpoint, schemas)
    for path, about in webhooks.ROUTES.items():
        paths[path] = _webhook(path, about, own)
    paths |= _pages(own)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aftersend",
            "version": aftersend.__version__,
            "description": "What happened to every email after it was sent.",
        },
        "tags": [{"name": name, "description": about} for name, about in _tags().items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _tags() -> dict[str, str]:
    return {
        "Reports": "Our own API. The key goes into either header.",
        **{_tag(dialect): f"Reports as {dialect.NAME} answers them, about any source." for dialect in DIALECTS},
        "Webhooks": "Where platforms deliver. No API key: each has its own signature or token.",
        "Installation": "Whether it is well, and its pages. No key, and no data.",
    }


def _tag(dialect: ModuleType) -> str:
    return f"Dialect: {dialect.NAME}"


# -- schemas -------------------------------------------------------------------------------------------------


class _Schemas:
    """The JSON schemas of the types that belong together; ``prefix`` keeps them apart from those of others."""

    def __init__(self, prefix: str, types: Iterable[Any]):
        kinds = list(dict.fromkeys(types))
        reference = f"#/components/schemas/{prefix}{{name}}"
        schemas, components = msgspec.json.schema_components(kinds, ref_template=reference)
        self._of: dict[Any, dict[str, Any]] = dict(zip(kinds, schemas, strict=True))
        orders = _orders(kinds)
        self.components = {
            f"{prefix}{name}": _ordered(schema, orders.get(name, [])) for name, schema in components.items()
        }

    def of(self, kind: Any) -> dict[str, Any]:
        return self._of[kind]


def _orders(kinds: Iterable[Any]) -> dict[str, list[str]]:
    """The keys of every TypedDict in these types, by its name, in the order in which they are printed: msgspec sorts
    them."""
    found: dict[str, list[str]] = {}

    def walk(kind: Any) -> None:
        if is_typeddict(kind) and kind.__name__ not in found:
            found[kind.__name__] = list(kind.__annotations__)
            for inner in get_type_hints(kind).values():
                walk(inner)
        for inner in get_args(kind):
            walk(inner)

    for kind in kinds:
        walk(kind)
    return found


def _ordered(schema: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {**schema, "properties": {key: properties[key] for key in keys}} if set(keys) == set(properties) else schema


def _own_types() -> Iterable[Any]:
    yield from (Error, metadata.Accepted, Ready, Unready)
    for _, item, _ in metadata.ROUTES:
        yield item
    for route in v1.ROUTES:
        yield route.answer


def _types_of(endpoints: Iterable[Endpoint]) -> Iterable[Any]:
    for endpoint in endpoints:
        yield from (endpoint.answer, *endpoint.errors.values())


# -- operations ----------------------------------------------------------------------------------------------


def _report(route: v1.Route, schemas: _Schemas) -> dict[str, Any]:
    return {
        "summary": route.summary,
        **_asked(route.path, route.question, route.scopes),
        "responses": {
            "200": _response("The report", {_JSON: schemas.of(route.answer)}, _QUOTA),
            **_failures(_REPORT_FAILURES, _OWN_HEADERS, schemas),
        },
    }


def _export(schemas: _Schemas) -> dict[str, Any]:
    return {
        "summary": export.SUMMARY,
        **_asked(export.PATH, export.ExportQuestion, export.SCOPES),
        "responses": {
            "200": _response("The file", dict.fromkeys(export.MEDIA, _STRING), _QUOTA),
            **_failures(_REPORT_FAILURES, _OWN_HEADERS, schemas),
        },
    }


def _telling(item: type[msgspec.Struct], summary: str, schemas: _Schemas) -> dict[str, Any]:
    one = schemas.of(item)
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": metadata.MOST}
    return {
        "summary": summary,
        "description": f"Needs {ADMIN}. One, or a list of them: all or none are taken.",
        "tags": ["Reports"],
        "security": [{"key": []}, {"bearer": []}],
        "parameters": [],
        "requestBody": {"required": True, "content": {_JSON: {"schema": {"anyOf": [one, several]}}}},
        "responses": {
            "200": _response("They are on disk", {_JSON: schemas.of(metadata.Accepted)}, _QUOTA),
            **_failures(_TELLING_FAILURES, _OWN_HEADERS, schemas),
        },
    }


def _asked(path: str, question: type[msgspec.Struct], scopes: Iterable[str]) -> dict[str, Any]:
    """Who may ask our own API, and what."""
    _, components = msgspec.json.schema_components([question], ref_template="{name}")
    asked = components[question.__name__]
    schemas = {name: _inlined(schema, components) for name, schema in asked["properties"].items()}
    return {
        "description": f"Needs {' and '.join(scopes)}.",
        "tags": ["Reports"],
        "security": [{"key": []}, {"bearer": []}],
        "parameters": _parameters(path, schemas, asked.get("required", ())),
    }


def _inlined(schema: Any, components: Mapping[str, Any]) -> Any:
    """A parameter's schema that stands on its own: one reads the choices where they can be made."""
    if isinstance(schema, list):
        return [_inlined(part, components) for part in schema]
    if not isinstance(schema, dict):
        return schema
    named = components[schema["$ref"]] if "$ref" in schema else {}
    found = {key: value for key, value in named.items() if key not in ("title", "description")}
    return found | {key: _inlined(value, components) for key, value in schema.items() if key != "$ref"}


def _endpoint(dialect: ModuleType, endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    return {
        "summary": endpoint.summary,
        "tags": [_tag(dialect)],
        "security": [{dialect.SCHEME: []}],
        "parameters": _parameters(endpoint.path, endpoint.parameters, endpoint.required),
        "responses": {
            "200": _response(
                "As the platform answers", {endpoint.media: schemas.of(endpoint.answer)}, _described(endpoint.headers)
            ),
            **{
                str(status): _response(
                    _FAILURES.get(status, "It failed"),
                    {_JSON: schemas.of(body)},
                    _RETRY_AFTER if status in (429, 503) else {},
                )
                for status, body in endpoint.errors.items()
            },
        },
    }


def _webhook(path: str, about: str, schemas: _Schemas) -> dict[str, Any]:
    def operation(summary: str) -> dict[str, Any]:
        return {
            "summary": summary,
            "tags": ["Webhooks"],
            "security": [],
            "parameters": _parameters(path, dict.fromkeys(_parts(path), _STRING), ()),
            "responses": {
                "200": _response("It is on disk, or the handshake's answer", {_TEXT: _STRING}),
                **_failures(_WEBHOOK_FAILURES, dict.fromkeys((429, 503), _RETRY_AFTER), schemas),
            },
        }

    anything = {"required": True, "content": {"*/*": {"schema": {}}}}
    return {
        "post": {**operation(about), "requestBody": anything},
        "get": operation("The handshake of platforms that ask before they deliver."),
    }


def _parts(path: str) -> list[str]:
    """The names that stand in a path."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _pages(schemas: _Schemas) -> dict[str, Any]:
    pages = {
        "/healthz": ("Whether the process answers", {"200": _response("It does", {_TEXT: _STRING})}),
        "/readyz": (
            "Whether deliveries can be taken in, what waits, and what needs attention",
            {
                "200": _response("They can", {_JSON: schemas.of(Ready)}),
                "503": _response("They can't", {_JSON: schemas.of(Unready)}),
            },
        ),
        "/metrics": ("Everything measured, for Prometheus", {"200": _response("The metrics", {_TEXT: _STRING})}),
        "/openapi.json": ("This description", {"200": _response("OpenAPI 3.1", {_JSON: {"type": "object"}})}),
        "/docs": ("The page to read it", {"200": _response("The page", {_HTML: _STRING})}),
        "/": ("The dashboard", {"200": _response("The page", {_HTML: _STRING})}),
    }
    return {
        path: {
            "get": {
                "summary": summary,
                "tags": ["Installation"],
                "security": [],
                "parameters": [],
                "responses": responses,
            }
        }
        for path, (summary, responses) in pages.items()
    }


# -- their parts ---------------------------------------------------------------------------------------------


def _parameters(path: str, schemas: Mapping[str, Any], required: Iterable[str]) -> list[dict[str, Any]]:
    parts, must = _parts(path), set(required)
    return [_parameter(name, schema, in_path=name in parts, required=name in must) for name, schema in schemas.items()]


def _parameter(name: str, schema: dict[str, Any], *, in_path: bool, required: bool) -> dict[str, Any]:
    """A parameter from a field's schema: a field that may be left out has ``null`` nowhere in it."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **choices[0]}
    if schema.get("default", "") is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    return {
        "name": name,
        "in": "path" if in_path else "query",
        "required": in_path or required,
        "description": schema.get("description", ""),
        "schema": {key: value for key, value in schema.items() if key != "description"},
    }


def _failures(statuses: Iterable[int], headers: Mapping[int, Mapping[str, Any]], schemas: _Schemas) -> dict[str, Any]:
    """Errors in our own shape, by status. ``headers``: those that some of them have."""
    body = {_JSON: schemas.of(Error)}
    return {str(status): _response(_FAILURES[status], body, headers.get(status)) for status in statuses}


def _response(
    text: str, bodies: Mapping[str, Mapping[str, Any]], headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """``bodies``: media type → schema."""
    said = {"description": text, "content": {media: {"schema": schema} for media, schema in bodies.items()}}
    return {**said, "headers": headers} if headers else said
