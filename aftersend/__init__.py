"""Aftersend: what happened to every email after it was sent."""

__version__ = "0.1.0"
