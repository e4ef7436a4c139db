"""The certificate: a named person's signed statement about one exact text of one sealed recording."""
