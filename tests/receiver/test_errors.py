"""One shape for every error, and a dialect's own below its paths."""

from __future__ import annotations

import pytest
from flask import Flask, Response, abort, redirect

from aftersend.receiver import errors
from aftersend.receiver.gate import LimitReached, Quota
from aftersend.vocabulary import BadInput, ConfigurationError, PermanentError, Rejected, TemporaryError, now


@pytest.fixture
def client():
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10
    errors.register(app)

    def raising(exception):
        def view():
            raise exception

        return view

    for prefix in ("/own", "/dialect", "/dialect/inner", "/patient"):
        for name, exception in {
            "bad": BadInput("'from' must be a date.", "from"),
            "rejected": Rejected("No."),
            "later": TemporaryError("The disk is full.", now() + 90_500),
            "permanent": PermanentError("Never."),
            "broken": ZeroDivisionError("dana@example.com"),
            "often": LimitReached(Quota(10, 0, now() + 40_000), 40, "minute"),
            "misconfigured": ConfigurationError("There is no store at /secret/place."),
        }.items():
            app.add_url_rule(f"{prefix}/{name}", f"{prefix}{name}", raising(exception))
    app.add_url_rule("/own/abort", "abort", lambda: abort(403, "The key lacks reports:read."))
    app.add_url_rule("/own/moved", "moved", lambda: redirect("/own/there"))
    app.add_url_rule("/own/whole", "whole", lambda: abort(Response("as it is", 418)))
    app.add_url_rule("/own/slash/", "slash", lambda: "there")

    def echo():
        from flask import request

        return request.get_data()

    app.add_url_rule("/own/body", "body", echo, methods=["POST"])

    def handler(label):
        return lambda status, message, _: Response(f"{label}|{status}|{message}", status)

    errors.register_dialect(app, "/dialect", handler("outer"))
    errors.register_dialect(app, "/dialect/inner/", handler("inner"))

    def patient(status, message, _):
        return Response(message, 404 if status == 405 else status, headers={"Retry-After": "7"})

    errors.register_dialect(app, "/patient", patient)
    return app.test_client()


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message", "field"),
    [
        ("GET", "/own/nothing", 404, "not_found", errors.SENTENCES[404], None),
        ("GET", "/", 404, "not_found", errors.SENTENCES[404], None),
        ("POST", "/own/bad", 405, "method_not_allowed", errors.SENTENCES[405], None),
        ("POST", "/own/body", 413, "too_large", errors.SENTENCES[413], None),
        ("GET", "/own/bad", 400, "bad_request", "'from' must be a date.", "from"),
        ("GET", "/own/rejected", 401, "unauthorized", "No.", None),
        ("GET", "/own/later", 503, "unavailable", "The disk is full.", None),
        ("GET", "/own/permanent", 400, "bad_request", "Never.", None),
        ("GET", "/own/often", 429, "too_many_requests", "Too many requests; ask again in 40 seconds.", None),
        ("GET", "/own/abort", 403, "forbidden", "The key lacks reports:read.", None),
        ("GET", "/own/broken", 500, "internal_error", errors.SENTENCES[500], None),
        ("GET", "/own/misconfigured", 500, "internal_error", errors.SENTENCES[500], None),
    ],
)
def test_every_error_of_our_own_has_the_one_shape(client, method, path, status, code, message, field):
    answer = client.open(path, method=method, data=b"more than ten bytes" if method == "POST" else None)
    assert answer.status_code == status
    assert answer.content_type == "application/json"
    assert answer.get_json() == {"error": {"code": code, "message": message, "field": field}}


def test_a_405_says_what_is_allowed(client):
    assert client.post("/own/bad").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert client.post("/dialect/bad").headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/own/later", "/dialect/later"])
def test_a_temporary_error_says_when_to_come_back(client, path):
    assert 80 <= int(client.get(path).headers["Retry-After"]) <= 91


@pytest.mark.parametrize("path", ["/own/often", "/dialect/often"])
def test_a_key_that_asked_too_often_is_told_when_to_come_back(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "40")


def test_what_a_dialect_says_of_coming_back_stands(client):
    for path, status in (("/patient/often", 429), ("/patient/later", 503)):
        answer = client.get(path)
        assert (answer.status_code, answer.headers.getlist("Retry-After")) == (status, ["7"])


def test_a_dialect_that_has_no_405_says_nothing_of_methods(client):
    answer = client.post("/patient/bad")
    assert answer.status_code == 404
    assert "Allow" not in answer.headers


def test_redirects_and_finished_answers_pass_through(client):
    assert client.get("/own/moved").headers["Location"] == "/own/there"
    assert client.get("/own/slash").status_code == 308
    answer = client.get("/own/whole")
    assert (answer.status_code, answer.data) == (418, b"as it is")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/dialect/bad", "outer|400|'from' must be a date."),
        ("GET", "/dialect", f"outer|404|{errors.SENTENCES[404]}"),
        ("GET", "/dialect/nothing", f"outer|404|{errors.SENTENCES[404]}"),
        ("PUT", "/dialect/bad", f"outer|405|{errors.SENTENCES[405]}"),
        ("GET", "/dialect/broken", f"outer|500|{errors.SENTENCES[500]}"),
        ("GET", "/dialect/inner/rejected", "inner|401|No."),
        ("GET", "/dialect/inner/nothing", f"inner|404|{errors.SENTENCES[404]}"),
        ("GET", "/dialect/innermost", f"outer|404|{errors.SENTENCES[404]}"),
    ],
)
def test_below_its_prefix_a_dialect_answers_and_the_longest_prefix_wins(client, method, path, body):
    answer = client.open(path, method=method)
    assert answer.text == body
    assert answer.status_code == int(body.split("|")[1])


def test_a_path_that_only_begins_like_a_dialect_is_ours(client):
    assert client.get("/dialects").get_json()["error"]["code"] == "not_found"
