"""What is heard: sound of a track as the engine wants it, and where it is cut."""
