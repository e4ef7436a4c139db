"""Session folder → transcript in the session folder: every frame of every track ends in exactly one state."""
