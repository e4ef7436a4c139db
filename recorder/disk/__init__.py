"""What is written: tapes, journal and seal, on one path or several, each slow or broken in its own way."""
