"""What sessions and speakers are called, read once for all the rows they have in common."""

from typing import NamedTuple

from sqlite_utils import Database


class SessionLabel(NamedTuple):
    """A session as answers show it; ``started_at_us`` is None when nobody knows when it was recorded."""

    session: str
    title: str
    run: str
    started_at_us: int | None


class SpeakerLabel(NamedTuple):
    """A speaker as answers show them; an utterance of nobody knows whom has none of it."""

    name: str | None
    person: str | None
    role: str
    delegation: str


NOBODY = SpeakerLabel(None, None, "", "")


class Labels:
    """The tables ``sessions`` and ``speakers``, as far as they were asked for: ``sessions[id]``, ``speakers[id]``.

    A row and its labels have to be read in one transaction (`archive.index.schema.reading`): another process may index the
    session anew in between, and a number then belongs to another session.
    """

    def __init__(self, db: Database) -> None:
        self.sessions = _Sessions(db)
        self.speakers = _Speakers(db)

    def forget(self) -> None:
        """Nothing that was remembered counts any more."""
        self.sessions.clear()
        self.speakers.clear()


class _Sessions(dict[int, SessionLabel]):
    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    def __missing__(self, number: int) -> SessionLabel:
        found = "SELECT session, title, run, started_at_us FROM sessions WHERE id = ?"
        label = self[number] = SessionLabel(*self._db.conn.execute(found, [number]).fetchone())
        return label


class _Speakers(dict[int | None, SpeakerLabel]):
    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    def __missing__(self, number: int | None) -> SpeakerLabel:
        found = "SELECT coalesce(renamed, name), coalesce(same_as, person), role, delegation FROM speakers WHERE id = ?"
        row = self._db.conn.execute(found, [number]).fetchone()  # nobody has the number NULL
        label = self[number] = SpeakerLabel(*row) if row else NOBODY
        return label
