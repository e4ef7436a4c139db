"""What people type → utterances: the language of queries, where they are met, and in what order they come."""
