"""Bodies: whole or refused, whatever comes."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.receiver.body import TooLarge, Unreadable, inflate, read_body

PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}


def request(body: bytes, encoding: str, *, chunked: bool) -> dict[str, object]:
    environ: dict[str, object] = {"wsgi.input": io.BytesIO(body), "HTTP_CONTENT_ENCODING": encoding}
    return environ | ({"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": str(len(body))})


@given(st.binary(max_size=300), st.sampled_from(sorted(PACKERS)), st.booleans(), st.integers(0, 300))
def test_a_body_comes_whole_or_is_too_large(body, encoding, chunked, limit):
    packed = PACKERS[encoding](body)
    environ = request(packed, encoding, chunked=chunked)
    if len(packed) > limit or len(body) > limit:
        with pytest.raises(TooLarge):
            read_body(environ, limit)
    else:
        assert read_body(environ, limit) == body


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "identity", "br"]))
def test_whatever_claims_to_be_compressed_is_inflated_or_refused(body, encoding):
    # Any other exception fails the test.
    with suppress(TooLarge, Unreadable):
        assert len(inflate(body, encoding, 1000)) <= 1000


def test_a_declared_length_above_the_limit_is_refused_before_a_byte_is_read_by_a_client_that_asks():
    environ = request(b"x" * 11, "", chunked=False) | {"HTTP_EXPECT": "100-continue"}
    with pytest.raises(TooLarge):
        read_body(environ, 10)
    assert environ["wsgi.input"].tell() == 0


def test_without_a_length_and_without_an_end_there_is_no_body():
    # Reading would wait for ever on a server that leaves the connection open behind the request.
    assert read_body({"wsgi.input": io.BytesIO(b"x")}, 10) == b""
