"""Everyword: record, transcribe, archive and prove what was said."""

__version__ = "0.1.0"
