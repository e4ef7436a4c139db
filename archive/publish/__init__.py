"""The commands of people who review, quote and publish."""
