"""Reviewing: what a person has compared with the sound, how much of it, and the walk through a transcript."""
