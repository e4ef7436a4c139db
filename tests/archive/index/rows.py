"""Where the sessions of a test lie, and what an archive holds of them."""

from pathlib import Path

from sqlite_utils import Database


def roots(tmp_path: Path) -> list[Path]:
    return [tmp_path / "home" / "sessions"]


def texts(db: Database) -> list[str]:
    """In the order they were said."""
    return [text for (text,) in db.execute("SELECT text FROM utterances ORDER BY id DESC").fetchall()]
