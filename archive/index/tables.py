"""The tables, views and triggers of the archive database, as SQL with a note for each column.

docs/reference/archive-schema.md is written from this module.  Nothing here is beyond plain ``sqlite3``: no function of ours
stands in a table, trigger or view.  FTS5 itself can check the index against the view it is made of, and make it anew.
"""

import re

from archive.index.forms import SPELLINGS

TABLES = """
-- Session folders the archive has looked at, so that it reads only what has changed.
CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,  -- a name that is not UTF-8 is written with escapes
    fingerprint TEXT NOT NULL,  -- versions of the index, sizes and times of `session.json`, `seal.sig` and `ledger.jsonl`
    session TEXT,  -- whose folder it is
    problem TEXT  -- why it could not be indexed; NULL if it could
);
-- One row a session.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,  -- its id (ULID)
    title TEXT NOT NULL,  -- from `session.json`, as the next four
    place TEXT NOT NULL,
    languages TEXT NOT NULL,
    origin TEXT NOT NULL,
    operator TEXT NOT NULL,
    created_at TEXT NOT NULL,  -- when the folder was made
    created_at_us INTEGER NOT NULL,
    started_at TEXT,  -- when its first frame was heard; NULL if nobody knows
    started_at_us INTEGER,
    duration_us INTEGER,  -- from the first frame to the last; NULL while it is being recorded
    gap_us INTEGER,  -- sound that was never delivered, all streams together
    is_sealed INTEGER NOT NULL,  -- 0 while it is being recorded
    seal TEXT,  -- digest of `seal.json`
    run TEXT,  -- the current transcription; NULL if there is none
    is_reviewed INTEGER NOT NULL DEFAULT 0,  -- a person has reviewed the current run
    path TEXT NOT NULL,  -- the session folder when it was indexed
    first_id INTEGER,  -- the smallest and the largest `utterances.id` of the session
    last_id INTEGER
);
-- People as the rosters name them: one row for each combination, shared by all sessions.
CREATE TABLE speakers (
    id INTEGER PRIMARY KEY,
    person TEXT NOT NULL,  -- the key that stays the same in every session
    name TEXT NOT NULL,  -- only a label
    role TEXT NOT NULL,
    delegation TEXT NOT NULL,
    language TEXT NOT NULL,
    renamed TEXT,  -- what `people.jsonl` calls the person now; NULL if it does not
    same_as TEXT,  -- the key of the person that `people.jsonl` says this is; NULL if it does not
    UNIQUE (person, name, role, delegation, language)
);
-- Who sits where in which session.
CREATE TABLE seats (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    speaker_id INTEGER NOT NULL REFERENCES speakers(id),
    track INTEGER  -- may be NULL
);
CREATE INDEX seats_by_session ON seats (session_id);
CREATE INDEX seats_by_speaker ON seats (speaker_id);
-- One row a channel of a stream.
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    number INTEGER NOT NULL,  -- as in the roster
    stream INTEGER NOT NULL,  -- where its sound is, with `channel`
    channel INTEGER NOT NULL,
    rate_hz INTEGER NOT NULL,
    sample_format TEXT NOT NULL,
    frame_count INTEGER NOT NULL,
    input TEXT NOT NULL,  -- what the system calls the input
    UNIQUE (session_id, stream, channel)
);
-- One row a finished transcription.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    run TEXT NOT NULL,  -- `r001`, `r002` …
    is_current INTEGER NOT NULL,  -- 1 for the one that is searched
    started_at TEXT NOT NULL,  -- when it was made
    started_at_us INTEGER NOT NULL,
    engine TEXT NOT NULL,  -- `name=value, …`, as the next two
    model TEXT NOT NULL,
    settings TEXT NOT NULL,
    windows INTEGER NOT NULL,  -- how many it decoded
    flagged_windows INTEGER NOT NULL,  -- how many of them it doubts
    UNIQUE (session_id, run)
);
-- The utterances of every session's current run.
CREATE TABLE utterances (
    id INTEGER PRIMARY KEY,  -- minus the time, so that newest stands first, see above
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    speaker_id INTEGER REFERENCES speakers(id),  -- who spoke; NULL if nobody knows
    stream INTEGER NOT NULL,
    track INTEGER NOT NULL,
    number INTEGER NOT NULL,  -- within its run, as `everyword show` prints it
    language TEXT NOT NULL,
    language_ppm INTEGER NOT NULL,  -- how sure the machine was of the language
    position_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,  -- where in the stream, with `frame_count`
    frame_count INTEGER NOT NULL,
    flags TEXT NOT NULL,  -- what the machine doubts
    text TEXT NOT NULL,  -- as it stands now, corrections included
    recorded TEXT,  -- the machine's text; NULL where it is the same
    form_ids TEXT  -- numbers of the dictionary forms (`forms.id`) of its words where they differ from the words, with commas
);
CREATE INDEX utterances_corrected ON utterances (id) WHERE recorded IS NOT NULL;
-- How much of each track is in which state.
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    track INTEGER NOT NULL,
    state TEXT NOT NULL,  -- `spoken`, `silent`, `inaudible`, `gap`, `uncertain`, `withheld` or `failed`
    spans INTEGER NOT NULL,  -- how many stretches
    duration_us INTEGER NOT NULL,  -- and how long they are together
    UNIQUE (session_id, track, state)
);
-- What the operator wrote down.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,  -- the journal line
    at TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    position_us INTEGER NOT NULL,  -- what had been heard by then, as `stream` and `frame` say, too
    stream INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    text TEXT NOT NULL,
    by TEXT NOT NULL,
    UNIQUE (session_id, seq)
);
-- The history of every text; nothing is ever taken out of it.
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id),
    utterance INTEGER,  -- number of the utterance of the current run it fits; NULL for a proposal from an earlier run
    seq INTEGER NOT NULL,  -- the ledger line
    at TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    by TEXT NOT NULL,
    run TEXT NOT NULL,  -- what it was made on, with the next four
    stream INTEGER NOT NULL,
    track INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    frame_count INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_applied INTEGER NOT NULL,  -- 0 if the text had changed already, or belongs to another run
    UNIQUE (session_id, seq)
);
-- Dictionary forms that some word of an utterance has.
CREATE TABLE forms (
    id INTEGER PRIMARY KEY,
    form TEXT NOT NULL UNIQUE
);
-- Every word that was ever said, in one spelling; words of sessions that are gone stay until `everyword rebuild`.
CREATE TABLE vocabulary (
    word TEXT NOT NULL,
    language TEXT NOT NULL,  -- empty for a piece of a word, where FTS5 divides it or drops its accents
    form_ids TEXT,  -- its dictionary forms where they differ from it, as in `utterances`
    PRIMARY KEY (word, language)
) WITHOUT ROWID;
"""

TRANSCRIPT = """
CREATE VIEW transcript AS
SELECT
    utterances.id,
    sessions.session,
    sessions.title,
    CASE WHEN sessions.started_at_us IS NOT NULL THEN
        strftime('%Y-%m-%dT%H:%M:%fZ', (-utterances.id >> 16) / 1000.0, 'unixepoch')
    END AS started_at,
    printf(
        '%d:%02d:%02d', utterances.position_us / 3600000000, utterances.position_us / 60000000 % 60,
        utterances.position_us / 1000000 % 60
    ) AS position,
    coalesce(speakers.renamed, speakers.name, 'Track ' || utterances.track) AS speaker,
    speakers.role,
    speakers.delegation,
    utterances.track,
    utterances.language,
    utterances.text,
    coalesce(utterances.recorded, utterances.text) AS recorded,
    utterances.flags,
    sessions.run,
    utterances.number
FROM utterances
JOIN sessions ON sessions.id = utterances.session_id
LEFT JOIN speakers ON speakers.id = utterances.speaker_id"""

_SPELLING = "text"
for _letter, _instead in SPELLINGS:
    _SPELLING = "replace({}, '{}', '{}')".format(_SPELLING, _letter, _instead.replace("'", "''"))

SEARCHED = f"""
CREATE VIEW searched AS
SELECT
    id,
    {_SPELLING} AS spelling,
    (
        WITH RECURSIVE part (id, rest) AS (
            SELECT NULL, utterances.form_ids || ','
            UNION ALL
            SELECT cast(substr(rest, 1, instr(rest, ',') - 1) AS INTEGER), substr(rest, instr(rest, ',') + 1)
            FROM part WHERE rest <> ''
        )
        SELECT group_concat(replace(forms.form, '''', ''), ' ') FROM part CROSS JOIN forms ON forms.id = part.id
    ) AS forms,
    's' || speaker_id AS speaker,
    language,
    flags
FROM utterances"""  # noqa: S608  (ours)

SEARCH = """
CREATE VIRTUAL TABLE utterances_fts USING fts5 /* content="utterances" tells Datasette and sqlite-utils whose rows these are */ (
    spelling, forms, speaker, language, flags,
    content="searched", content_rowid="id", columnsize=0, tokenize='unicode61 remove_diacritics 1'
)"""

UNSEARCH = """
CREATE TRIGGER utterances_bd BEFORE DELETE ON utterances BEGIN
    INSERT INTO utterances_fts (utterances_fts, rowid, spelling, forms, speaker, language, flags)
    SELECT 'delete', id, spelling, forms, speaker, language, flags FROM searched WHERE id = old.id;
END"""

FORGET = """
CREATE TRIGGER sessions_bd BEFORE DELETE ON sessions BEGIN
    DELETE FROM utterances WHERE id BETWEEN old.first_id AND old.last_id AND session_id = old.id;
    DELETE FROM corrections WHERE session_id = old.id;
    DELETE FROM notes WHERE session_id = old.id;
    DELETE FROM coverage WHERE session_id = old.id;
    DELETE FROM runs WHERE session_id = old.id;
    DELETE FROM tracks WHERE session_id = old.id;
    DELETE FROM seats WHERE session_id = old.id;
END"""

SETTINGS = """
INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('hashsize', 16777216), ('pgsz', 1000)"""
"""Bytes FTS5 gathers before it writes a piece of the index: few large pieces are merged less often than many small ones.

And bytes of one of its pages, of which four fill one of the database's: for a rare word beside a common one FTS5 reads a page of
the common one's list for every place of the rare one, and looks at half of what is in it.
"""

_NOTES = re.compile(r"  -- .*$|^-- .*$", re.MULTILINE)

STATEMENTS = (
    *(statement.strip() for statement in _NOTES.sub("", TABLES).split(";\n") if statement.strip()),
    *(statement.strip() for statement in (TRANSCRIPT, SEARCHED, SEARCH, UNSEARCH, FORGET, SETTINGS)),
)
"""What makes an empty archive, one after the other."""
