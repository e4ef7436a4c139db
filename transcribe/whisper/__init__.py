"""The real engine: Whisper, its files, and what it is told before it writes."""
