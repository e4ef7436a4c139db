"""The processes of a recording: capture, writer and supervisor, what starts and replaces them, what they do for each other."""
