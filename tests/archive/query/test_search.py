"""Finding utterances by word, form, person, language and time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive.index import update
from archive.index.schema import FILE_NAME, open_archive
from archive.query.filters import Filters, read_time
from archive.query.hits import Answer
from archive.query.search import search
from everyword.errors import InvalidOption, InvalidQuery
from tests.archive.builders import NOON_US, Said, imported, transcribed

DAY_US = 86_400_000_000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    transcribed(tmp_path)
    transcribed(
        tmp_path,
        [Said("The prisoners are a guarantee.", person="anna-reed")],
        title="A day later",
        started_at_us=NOON_US + DAY_US,
    )
    transcribed(tmp_path, [Said("prisoner, nobody knows when")], title="Unknown", started_at_us=None, roster=())
    imported(tmp_path, title="Silent")
    with open_archive(tmp_path / "home" / FILE_NAME) as database:
        update.index(database, [tmp_path / "home" / "sessions"])
        yield database


def texts(answer: Answer) -> list[str]:
    return [hit.passage.text for hit in answer.hits]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("полонений", "Ми говорили про обмін полонених."),
        ("обміну", "Ми говорили про обмін полонених."),
        ("гарантия ждать", "Мы всё ещё ждём гарантий безопасности."),
        ("еще", "Мы всё ещё ждём гарантий безопасности."),
        ("promising", "That is not what was promised, Minister."),
    ],
)
def test_any_form_of_a_word_finds_every_other(db: Database, query: str, text: str) -> None:
    assert texts(search(db, query)) == [text]


def test_what_is_left_out_is_left_out_of_a_prefix_of_many_words_too(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.index.lexicon.MOST_BEGINNING", 0)
    assert ["prisoner, nobody knows when"] == texts(search(db, "pris* -guarantee -exchange"))


def test_a_date_typed_and_one_given_as_an_option_both_count(db: Database) -> None:
    before = Filters(before_us=read_time("2026-11-22", option="--before", is_end=True))
    assert ["We discussed the exchange of prisoners."] == texts(search(db, "prisoner after:2026-11-22", filters=before))


def test_the_exact_word_finds_nothing_else(db: Database) -> None:
    assert texts(search(db, '="prisoner"')) == ["prisoner, nobody knows when"]


def test_a_hit_says_everything_needed_to_cite_it(db: Database) -> None:
    (hit,) = search(db, "полонений").hits
    passage = hit.passage
    assert (passage.title, passage.utterance, passage.track, passage.run) == ("Round three", 2, 2, "r001")
    assert (passage.speaker, passage.person, passage.language) == ("Олена Коваль", "olena-koval", "uk")
    assert (passage.time, passage.position_us, passage.duration_us) == ("2026-11-22T12:00:02.000Z", 2_000_000, 2_000_000)
    assert [passage.text[start:end] for start, end in hit.matches] == ["полонених"]


def test_the_newest_comes_first(db: Database) -> None:
    assert [hit.passage.title for hit in search(db, "prisoner", filters=Filters(after_us=0)).hits] == [
        "A day later",
        "Round three",
    ]


def test_by_relevance_the_word_as_typed_comes_before_its_other_forms(db: Database, tmp_path: Path) -> None:
    exact = "We will, as was agreed in the long talks of last summer, speak of every prisoner by name, one after the other."
    transcribed(tmp_path, [Said(exact), Said("Prisoners!", at_s=2)], title="Relevance")
    update.index(db, [tmp_path / "home" / "sessions"])
    found = texts(search(db, "prisoner", order="relevance"))
    assert found.index(exact) < found.index("Prisoners!")


def test_by_relevance_of_the_same_words_the_newest_stand_first(db: Database, tmp_path: Path) -> None:
    for number in (2, 1, 3):
        transcribed(tmp_path, [Said("equal words")], title=f"Session {number}", started_at_us=NOON_US + number * DAY_US)
    update.index(db, [tmp_path / "home" / "sessions"])
    found = [hit.passage.title for hit in search(db, "equal", order="relevance").hits]
    assert ["Session 3", "Session 2", "Session 1"] == found


def test_a_limit_says_that_there_is_more(db: Database) -> None:
    answer = search(db, "prisoner", limit=2)
    assert (len(answer.hits), answer.more) == (2, True)
    assert not search(db, "prisoner", limit=3).more


@pytest.mark.parametrize("name", ["anna-reed", "ANNA REED", "anna"])
def test_a_speaker_is_meant_by_key_name_or_part_of_it(db: Database, name: str) -> None:
    assert len(search(db, "prisoner", filters=Filters(speakers=(name,))).hits) == 2


def test_a_speaker_nobody_knows_is_told_with_those_who_are(db: Database) -> None:
    with pytest.raises(InvalidOption) as caught:
        search(db, "prisoner", filters=Filters(speakers=("Nobody",)))
    assert "Anna Reed" in caught.value.hint


def test_languages_and_sessions_narrow_an_answer(db: Database) -> None:
    assert texts(search(db, "про*", filters=Filters(languages=("en",)))) == []
    (hit,) = search(db, "prisoner", limit=1).hits
    assert {other.passage.session for other in search(db, "prisoner", filters=Filters(sessions=(hit.passage.session,))).hits} == {
        hit.passage.session
    }
    assert texts(search(db, "prisoner", filters=Filters(sessions=("no such id",)))) == []


def test_times_narrow_an_answer_and_leave_out_recordings_of_unknown_time(db: Database) -> None:
    def found(after: str | None = None, before: str | None = None) -> list[str]:
        after_us = read_time(after, option="--after") if after else None
        before_us = read_time(before, option="--before", is_end=True) if before else None
        answer = search(db, "prisoner", filters=Filters(after_us=after_us, before_us=before_us))
        return [hit.passage.title for hit in answer.hits]

    assert found(after="2026-11-23") == ["A day later"]
    assert found(before="2026-11-22") == ["Round three"]
    assert found(before="2026-11-22T12:00:00") == []
    assert found(before="2026-11-22T12:00:00.000001Z") == ["Round three"]
    assert found(after="2026-11-22T14:00:00+02:00") == ["A day later", "Round three"]
    assert found(after="0001-01-01", before="9999-12-30") == ["A day later", "Round three"]


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "", "9999-12-31"])
def test_a_date_that_cannot_be_understood_is_told(value: str) -> None:
    with pytest.raises(InvalidOption, match="--before"):
        read_time(value, option="--before", is_end=True)


def test_context_is_of_the_same_session_in_the_order_it_was_said(db: Database) -> None:
    (hit,) = search(db, "полонений", context=50).hits
    assert [passage.utterance for passage in hit.before] == [1]
    assert [passage.utterance for passage in hit.after] == [3, 4]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("prisoner speaker:reed", ["A day later", "Round three"]),
        ('prisoner speaker:"Anna Reed" before:2026-11-22', ["Round three"]),
        ("prisoner after:2026-11-23", ["A day later"]),
        ("prisoner after:2026-11-22 after:2026-11-23", ["A day later"]),
        ("prisoner role:mediator", ["A day later", "Round three"]),
        ("prisoner role:delegate", []),
        ("prisoner role:DELEGATE role:mediat", ["A day later", "Round three"]),
        ("гарантия flag:echo", ["Round three"]),
        ("обмін flag:echo", []),
        ("обмін flag:ech", []),
        ("обмін OR гарантия lang:uk", ["Round three"]),
        ("exchange NEAR/1 prisoner", ["Round three"]),
        ("exchange NEAR/0 prisoner", []),
    ],
)
def test_fields_in_the_query_narrow_an_answer(db: Database, query: str, titles: list[str]) -> None:
    assert titles == [hit.passage.title for hit in search(db, query).hits]


def test_a_session_is_meant_by_the_beginning_of_its_id_or_folder(db: Database) -> None:
    (hit, *_) = search(db, "prisoner").hits
    session = hit.passage.session
    assert {session} == {hit.passage.session for hit in search(db, f"prisoner session:{session.lower()}").hits}
    with pytest.raises(InvalidQuery, match=r"position 10.*fits 4 sessions"):
        search(db, "prisoner session:0")
    with pytest.raises(InvalidQuery, match="fits no session"):
        search(db, "prisoner session:%")


def test_a_date_in_a_query_that_cannot_be_understood_is_told_its_place(db: Database) -> None:
    with pytest.raises(InvalidQuery, match=r"position 10.*not a date"):
        search(db, "prisoner before:tomorrow")


def test_options_and_fields_of_a_query_must_both_fit(db: Database) -> None:
    assert [] == texts(search(db, "prisoner speaker:reed", filters=Filters(speakers=("koval",))))


def test_a_role_nobody_has_is_told_with_those_there_are(db: Database) -> None:
    with pytest.raises(InvalidOption) as caught:
        search(db, "prisoner role:king")
    assert "mediator" in caught.value.hint


def test_a_limit_counts_only_words_that_are_near(db: Database) -> None:
    answer = search(db, "exchange NEAR/1 prisoner OR prisoner NEAR/0 nobody", limit=1)
    assert (1, True) == (len(answer.hits), answer.more)


def test_every_word_of_every_utterance_finds_it(db: Database, tmp_path: Path) -> None:
    from archive.index.forms import tokens

    everything = [(row_id, text) for row_id, text in db.execute("SELECT id, text FROM utterances").fetchall()]
    for _, text in everything:
        for token in tokens(text):
            assert text in texts(search(db, token.word)), token
            assert text in texts(search(db, f'"{token.word}"')), token


def test_newest_first_never_sorts(db: Database) -> None:
    """Its cost must not grow with the number of hits, so SQLite has to walk the index backwards."""
    statements: list[str] = []
    db.conn.set_trace_callback(statements.append)
    search(db, "prisoner", filters=Filters(after_us=0, languages=("en",)))
    db.conn.set_trace_callback(None)
    (statement,) = [one for one in statements if "CROSS JOIN" in one]
    plans = [str(row[3]) for row in db.conn.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert not [step for step in plans if "TEMP B-TREE" in step]
    assert "SCAN utterances_fts" in plans[0]


def test_accents_of_latin_letters_do_not_matter_in_the_query_or_in_the_text(db: Database, tmp_path: Path) -> None:
    transcribed(tmp_path, [Said("the cafes and a résumé")], title="Accents")
    update.index(db, [tmp_path / "home" / "sessions"])
    for query in ("cafés", "cafes", "resume", "résumé", "café*", "resu*"):
        assert ["the cafes and a résumé"] == texts(search(db, query)), query


def test_a_prefix_of_more_words_than_can_be_listed_is_looked_for_in_the_texts(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = texts(search(db, "pr*"))
    monkeypatch.setattr("archive.index.lexicon.MOST_BEGINNING", 0)
    assert expected == texts(search(db, "pr*"))
    assert ["We discussed the exchange of prisoners."] == texts(search(db, "exchange pr*"))
    assert [] == texts(search(db, "exchange -pr*"))
    assert ["That is not what was promised, Minister."] == texts(search(db, "pr* -priso*"))
