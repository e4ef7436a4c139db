"""Excerpts and redacted copies: what is chosen, how it is drawn, and the proof that it stands in the sealed original."""
