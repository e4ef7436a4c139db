"""The walk through a transcript: one stretch after another is shown, played, and decided by a person.

Nothing here touches the terminal: what is said and asked goes through `Desk`, so that a test or another front door can walk, too.
Every decision is on the disk before the next stretch is shown; a walk that is broken off goes on where it ended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from archive import corrections, naming
from archive.export.text import STRUCK, missing_label, one_line
from archive.record import Line, Record, clock_face, read_record
from archive.review import marks as review
from archive.review.coverage import Coverage, of, stretches
from archive.review.marks import Mark, Reviewable, Status
from archive.review.playback import Player
from everyword import labels
from everyword.clock import MICROSECONDS
from everyword.entries import place_of
from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from everyword.model import Span, Utterance

HELP = """\
a  accept: the text is what is heard          n  next, decide later
c  correct the text                           b  back
i  mark inaudible                             p  play again
s  name the speaker                           l  what is left
f  flag: somebody must look again             q  quit; everything decided is kept"""

INAUDIBLE = "[inaudible {}]"


@dataclass(frozen=True, slots=True)
class Item:
    """Something to decide: an utterance, or a stretch without words (then ``line`` is None)."""

    stretch: Reviewable
    line: Line | None
    position_us: int
    status: Status

    @property
    def text(self) -> str:
        """The text that is decided about."""
        return self.line.text if self.line else ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The person: `say` shows a line; `ask` puts a question with a text to begin from, and gives None when nobody is there."""

    say: Callable[[str], None]
    ask: Callable[[str, str], str | None]


@dataclass(slots=True)
class Walk:
    """One person's walk through one session."""

    folder: SessionFolder
    desk: Desk
    player: Player
    by: str
    key: EllipticCurvePrivateKey
    record: Record
    decided: int = 0
    _place: int = 0
    _items: list[Item] = field(default_factory=list)

    @classmethod
    def of(cls, folder: SessionFolder, desk: Desk, *, by: str, key: EllipticCurvePrivateKey, is_heard: bool) -> "Walk":
        """Raises what `read_record` raises."""
        record = read_record(folder)
        return cls(folder, desk, Player(record, is_wanted=is_heard), by, key, record)

    def run(self, *, everything: bool = False) -> None:
        """Walk over what is not accepted yet, or over everything, until it is done or the person quits."""
        self._items = [item for item in items(self.record) if everything or item.status != "accepted"]
        try:
            while self._place < len(self._items) and self._decide(self._items[self._place]):
                pass
        finally:
            self.player.stop()

    def _decide(self, item: Item) -> bool:
        """Ask about one item until it is decided or passed over; False when the person has had enough."""
        self._show(item)
        self.player.forget()  # what was heard of another stretch is no evidence for this one
        self.player.play(item.stretch)
        while True:
            answer = self.desk.ask(f"{self._place + 1}/{len(self._items)} [a c i s f n b p l q ?]", "")
            if answer is None or answer.strip() == "q":
                return False
            try:
                if self._obey(item, answer.strip()):
                    return True
            except EverywordError as error:  # what was typed cannot be: say so and ask again
                self.desk.say(f"{error.sentence} {error.hint}".rstrip())

    def _obey(self, item: Item, answer: str) -> bool:
        """True when the walk goes on to another item."""
        match answer:
            case "a":
                return self._accept(item, item.text)
            case "c":
                return self._correct(item)
            case "i":
                return self._mark_inaudible(item)
            case "s":
                return self._name(item)
            case "f":
                return self._flag(item)
            case "n":
                self._place += 1
                return True
            case "b":
                self._place = max(0, self._place - 1)
                self._refresh()  # it may have been corrected a moment ago
                return True
            case "p":
                self.player.play(item.stretch)
                self._say_trouble()
            case "l":
                for line in summary(of(read_record(self.folder))):
                    self.desk.say(line)
            case _:
                for line in HELP.splitlines():
                    self.desk.say(line)
        return False

    def _accept(self, item: Item, text: str) -> bool:
        self._mark(item, text, "accepted")
        return True

    def _correct(self, item: Item) -> bool:
        if item.line is None:
            self.desk.say("There are no words to correct here. Words that were missed go into the utterance before or after.")
            return False
        after = self.desk.ask("text:", item.text)
        reason = None if after is None else self.desk.ask("why:", "compared with the sound")
        if after is None or reason is None:
            return False
        return self._accept(item, self._replace(item.line, after, reason))

    def _mark_inaudible(self, item: Item) -> bool:
        if item.line is None:  # it is marked so already: the person agrees
            return self._accept(item, "")
        text = INAUDIBLE.format(clock_face(item.position_us))
        return self._accept(item, self._replace(item.line, text, "inaudible"))

    def _replace(self, line: Line, after: str, reason: str) -> str:
        """The text as it is then; nothing is written when it is that already."""
        if after.strip() == line.text:
            return line.text
        number = line.utterance.id
        entry = corrections.correct(self.folder, number, to=after, reason=reason, by=self.by, key=self.key, before=line.text)
        return entry.correction.after

    def _name(self, item: Item) -> bool:
        if item.line is None:
            self.desk.say("Nobody speaks here that could be named.")
            return False
        typed = self.desk.ask("who spoke:", item.line.speaker)
        if not typed or not typed.strip():
            return False
        speaker = labels.person_named(self.record.session, typed)
        others = self._like(item.line) if self._wants_all(item.line) else [item.line.utterance]
        run, before = self._run, item.line.utterance.person
        naming.name_speaker(
            self.folder, others, speaker, run=run, reason="heard in review", by=self.by, key=self.key, before=before
        )
        self.desk.say(f"{len(others)} utterance{'s' * (len(others) != 1)} named {one_line(speaker.name)}.")
        self._refresh()
        return True

    def _wants_all(self, line: Line) -> bool:
        """Whether everything else that is shown under this name so far is meant, too."""
        count = len(self._like(line))
        if count < 2:
            return False
        answer = self.desk.ask(f"all {count} utterances of {one_line(line.speaker)}? [y/N]", "")
        return (answer or "").strip().lower() in ("y", "yes")

    def _like(self, line: Line) -> list[Utterance]:
        return [other.utterance for other in self.record.lines if other.speaker == line.speaker]

    def _flag(self, item: Item) -> bool:
        note = self.desk.ask("what is wrong:", "")
        if note is None:
            return False
        self._mark(item, item.text, "flagged", note)
        return True

    def _mark(self, item: Item, text: str, decision: review.Decision, note: str = "") -> None:
        heard = self.player.forget()
        self._say_trouble()
        review.mark(
            self.folder,
            item.stretch,
            run=self._run,
            text=text,
            decision=decision,
            by=self.by,
            key=self.key,
            note=note,
            played=heard,
        )
        self.decided += 1
        self._place += 1

    @property
    def _run(self) -> str:
        assert self.record.transcript is not None  # noqa: S101  (there is no item without one)
        return self.record.transcript.run.run

    def _refresh(self) -> None:
        """Read names, texts and marks anew; places and order of the items stay."""
        self.record = read_record(self.folder)
        current = {place_of(item.stretch): item for item in items(self.record)}
        self._items = [current[place_of(item.stretch)] for item in self._items]

    def _show(self, item: Item) -> None:
        flag = self.record.marks.get(place_of(item.stretch))
        self.desk.say("")
        self.desk.say(f"{clock_face(item.position_us)}  {_about(item)}{_remark(item, flag)}")
        self.desk.say(f"  {_words(item)}")

    def _say_trouble(self) -> None:
        if self.player.trouble and self.player.is_wanted:
            self.desk.say(f"No sound: {self.player.trouble} You can go on without.")
            self.player.is_wanted = False


def items(record: Record) -> list[Item]:
    """Everything there is to decide, in the order of the session axis."""
    found = [
        Item(line.utterance, line, line.moment.position_us, review.status(record.marks.get(place_of(line.utterance)), line.text))
        for line in record.lines
    ]
    found += [
        Item(span, None, record.of_span(span).position_us, review.status(record.marks.get(place_of(span)), ""))
        for span in stretches(record)
    ]
    return sorted(found, key=lambda item: (item.position_us, item.line is None))


def summary(coverage: Coverage) -> Iterator[str]:
    """What is done and what is left, in a few lines."""
    yield (
        f"{coverage.reviewed} of {coverage.utterances} utterances reviewed ({coverage.percent} % of speech time), "
        f"{coverage.stretches_heard} of {coverage.stretches} stretches without words listened to"
    )
    yield (
        f"{coverage.open_flags} open flags, {coverage.corrections} corrections, {coverage.inaudible} passages inaudible, "
        f"{coverage.played_us / MICROSECONDS:.0f} s played back; verbatim style: {coverage.verbatim}"
    )


def _about(item: Item) -> str:
    if item.line:
        return f"{one_line(item.line.speaker)}, utterance {item.line.utterance.id}"
    assert isinstance(item.stretch, Span)  # noqa: S101  (what has no line is a stretch of the coverage ledger)
    return f"track {item.stretch.track}, {missing_label(item.stretch)}"


def _words(item: Item) -> str:
    if item.line is None:
        return "(no words)"
    return one_line(item.line.text) or STRUCK


def _remark(item: Item, mark: Mark | None) -> str:
    if item.status == "flagged" and mark:
        return f"  FLAGGED by {one_line(mark.by)}: {one_line(mark.note)}"
    return {"stale": "  changed since it was reviewed", "accepted": "  accepted"}.get(item.status, "")
