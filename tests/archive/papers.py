"""Long transcripts for documents, and what poppler reads out of a PDF."""

import random
import re
import subprocess
from pathlib import Path

from archive.record import Record, read_record
from everyword.folder import SessionFolder
from everyword.model import Speaker
from tests.archive.builders import Said, transcribed

WORDS = {
    "en": "we discussed the exchange of prisoners and what was promised in Geneva, nothing else; that isn't “all” of it.",
    "ru": "мы всё ещё ждём гарантий безопасности, а объявление — не подъезд: ничего не обещали «никому» вообще.",
    "uk": "ми говорили про обмін полонених, їхні сім'ї чекають; ґанок і єдність, щоб не було інакше — «завжди».",
}
PEOPLE = (
    Speaker("anna-reed", "Anna Reed", role="mediator", delegation="UN", language="en", track=1),
    Speaker("olena-koval", "Олена Коваль", role="delegate", delegation="Ukraine", language="uk", track=2),
    Speaker("ivan-petrov", "Иван Петров", role="delegate", delegation="Russia", language="ru", track=1),
)
SECONDS = 0.25


def talk(utterances: int, *, seed: int = 1) -> list[Said]:
    """Utterances in three languages, some of them mixed, of 3 to 40 words; the same ones every time."""
    chance = random.Random(seed)
    said = []
    for number in range(utterances):
        language = chance.choice(("en", "ru", "uk"))
        vocabulary = WORDS[language].split() + (WORDS["en"].split() if chance.random() < 0.2 else [])
        text = " ".join(chance.choices(vocabulary, k=chance.randint(3, 40)))
        person = {"en": PEOPLE[0], "uk": PEOPLE[1], "ru": PEOPLE[2]}[language]
        said.append(Said(text, language, number * SECONDS, SECONDS, person.track or 1, person.person))
    return said


def long_session(tmp_path: Path, utterances: int) -> SessionFolder:
    """A session with that many utterances."""
    return transcribed(tmp_path, talk(utterances), roster=PEOPLE, seconds=utterances * SECONDS + 1)


def long_record(tmp_path: Path, utterances: int) -> Record:
    """The same, read."""
    return read_record(long_session(tmp_path, utterances))


def pdf_pages(pdf: bytes, tmp_path: Path) -> list[list[str]]:
    """The text lines of each page as poppler finds them, with single spaces; empty lines left out."""
    path = tmp_path / "read.pdf"
    path.write_bytes(pdf)
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True).stdout.decode()
    return [lines(page) for page in text.split("\f")[:-1]]


def lines(page: str) -> list[str]:
    """The lines of a page of text with single spaces; empty lines left out."""
    return [squeezed for line in page.splitlines() if (squeezed := re.sub(r"\s+", " ", line).strip())]
