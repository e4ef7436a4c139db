"""Session folders → search, corrections, exports.  The database is an index; the folders are the record."""
