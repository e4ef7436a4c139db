"""Device → session folder."""
