"""Readings → what stays: words, utterances, and a run in the making."""
