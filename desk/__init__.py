"""The live page: a second front door, reading session folders only."""
