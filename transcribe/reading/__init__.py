"""Windows → readings: attempts, their languages, second looks."""
