"""What speaks for and against words and silence: checks of readings, doubts, and what every frame counts as."""
