"""``/openapi.json`` and ``/docs``: what can be read here, described from the code that answers.

Our own routes are described by their questions and answers (:data:`aftersend.receiver.v1.ROUTES`), a dialect's
by its table of endpoints. The page at ``/docs`` reads that description; it needs nothing from the internet.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

import msgspec
from flask import Blueprint, Flask, Response

import aftersend
from aftersend.receiver import v1
from aftersend.receiver.dialects import DIALECTS

_REFERENCE = "#/components/schemas/{name}"
_PAGE = Path(__file__).parent / "templates" / "docs.html"
_FAILURES = {
    "400": "A parameter can't be understood; it is named",
    "401": "No API key, or one that is unknown, expired or revoked",
    "404": "There is no such thing, or not for this key",
    "503": "The store can't be read now",
}


class ErrorBody(TypedDict):
    code: str
    message: str
    field: str | None


class Error(TypedDict):
    error: ErrorBody


def register(app: Flask) -> None:
    """Serve the description and the page that shows it, to anybody: they hold no data."""
    blueprint = Blueprint("openapi", __name__)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(msgspec.json.encode(description()), content_type="application/json")

    @blueprint.get("/docs")
    def docs() -> Response:
        return Response(_PAGE.read_text(encoding="utf-8"), content_type="text/html; charset=utf-8")

    app.register_blueprint(blueprint)


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    dialects = [answer for dialect in DIALECTS for _, _, answer in dialect.ENDPOINTS.values()]
    types = [route.question for route in v1.ROUTES] + [route.answer for route in v1.ROUTES] + [Error]
    _, components = msgspec.json.schema_components([*types, *dialects], ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aftersend",
            "version": aftersend.__version__,
            "description": "What happened to every email after it was sent.",
        },
        "paths": {**_own_paths(components), **_dialect_paths()},
        "components": {
            "schemas": _without_questions(components),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _own_paths(components: dict[str, Any]) -> dict[str, Any]:
    paths = {}
    for route in v1.ROUTES:
        path = route.path.replace("<", "{").replace(">", "}")
        question = components[route.question.__name__]
        parameters = [_parameter(name, schema) for name, schema in question["properties"].items()]
        for parameter in parameters:
            if f"{{{parameter['name']}}}" in path:
                parameter |= {"in": "path", "required": True}
        paths[path] = {
            "get": {
                "summary": route.summary,
                "description": f"Needs {' and '.join(route.scopes)}.",
                "tags": ["Aftersend"],
                "security": [{"key": []}, {"bearer": []}],
                "parameters": parameters,
                "responses": {
                    "200": _response("The report", _schema(route.answer)),
                    **{
                        status: _response(text, _schema(Error))
                        for status, text in {**_FAILURES, "403": "The key lacks a scope"}.items()
                    },
                },
            }
        }
    return paths


def _dialect_paths() -> dict[str, Any]:
    return {
        f"{dialect.BASE}/{name}": {
            "get": {
                "summary": summary,
                "tags": [f"Dialect: {dialect.NAME}"],
                "security": [{"key": []}],
                "parameters": [_parameter(key, schema) for key, schema in parameters.items()],
                "responses": {
                    "200": _response("As the platform answers", _schema(answer)),
                    **{status: _response(text, {"type": "string"}) for status, text in _FAILURES.items()},
                },
            }
        }
        for dialect in DIALECTS
        for name, (summary, parameters, answer) in dialect.ENDPOINTS.items()
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter from a field's schema: a field that may be left out has ``null`` nowhere in it."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    schema = {**{k: v for k, v in schema.items() if k != "anyOf"}, **(choices[0] if choices else {})}
    if schema.get("default", "") is None:
        del schema["default"]
    about = schema.pop("description", "")
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


def _response(text: str, schema: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _schema(kind: Any) -> Any:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return schema


def _without_questions(components: dict[str, Any]) -> dict[str, Any]:
    asked = {route.question.__name__ for route in v1.ROUTES}
    return {name: schema for name, schema in components.items() if name not in asked}
