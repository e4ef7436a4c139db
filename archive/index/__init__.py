"""Session folders → rows of the archive database, each word with its dictionary forms."""
