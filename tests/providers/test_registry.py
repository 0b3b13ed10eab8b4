"""Providers by the names that people give them."""

from __future__ import annotations

import pytest

from aftersend.providers import PROVIDERS, provider_of
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *((name, name) for name in PROVIDERS),
        ("constant-contact", "constant_contact"),
        ("benchmark-email", "benchmark"),
        ("ses", "amazon_ses"),
    ],
)
def test_a_provider_is_found_by_each_of_its_names(given, meant):
    assert provider_of(Source(name="acme", provider=given)) is PROVIDERS[meant]


@pytest.mark.parametrize("name", ["", "nobody", "Inwise", "constant contact"])
def test_another_name_is_an_error_that_lists_those_there_are(name):
    with pytest.raises(ConfigurationError, match=f"known: {', '.join(sorted(PROVIDERS))}"):
        provider_of(Source(name="acme", provider=name))
