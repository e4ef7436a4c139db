"""One spelling for each value, or none."""

import hashlib
import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from everyword.digest import DIGEST, canonical, digest, file_digest, parse_canonical
from everyword.errors import CorruptFolder

SMALL = st.integers(-(2**53) + 1, 2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | SMALL | TEXT, lambda part: st.lists(part) | st.dictionaries(TEXT, part), max_leaves=8
)


def test_a_digest_names_its_algorithm() -> None:
    assert "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" == digest(b"")
    assert DIGEST.fullmatch(digest(b""))


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "file").write_bytes(data)
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == file_digest(tmp_path / "file")


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_canonical_json_reads_back_as_itself(value: dict[str, object]) -> None:
    data = canonical(value)
    assert value == parse_canonical(data, what="it") == json.loads(data)


@settings(deadline=None, max_examples=300)
@given(JSON | st.dictionaries(st.text(st.characters(max_codepoint=127)), JSON, max_size=4) | st.integers())
def test_the_quick_way_spells_everything_as_the_standard_does(value: object) -> None:
    try:
        expected = rfc8785.dumps(value)  # type: ignore[arg-type]
    except rfc8785.IntegerDomainError:
        with pytest.raises(ValueError, match=r"exceeds|range|integer|domain"):
            canonical(value)
    else:
        assert expected == canonical(value)


def test_half_a_pair_of_surrogates_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\\ud800|surrogate|UTF-8"):
        canonical({"text": "\ud800"})


def test_keys_are_sorted_and_nothing_is_escaped_that_need_not_be() -> None:
    assert '{"a":[1,true,null],"é":"Слово\\n\\u001b","б":{}}'.encode() == canonical(
        {"б": {}, "é": "Слово\n\x1b", "a": (1, True, None)}
    )


@pytest.mark.parametrize("value", [1.0, float("nan"), {"a": [0.5]}, ({"b": 1e300},)])
def test_a_float_is_refused_wherever_it_stands(value: object) -> None:
    with pytest.raises(TypeError, match="float"):
        canonical(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**30, {"a": [2**53]}])
def test_an_integer_that_a_reader_could_round_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="exceeds"):
        canonical(value)


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, ["a\ud83d"]])
def test_a_lone_surrogate_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"codepoints|surrogates"):
        canonical(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1",
        b"[]",
        b"null",
        b'{"a":1}\n',
        b' {"a":1}',
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1}\0',
    ],
    ids=range(26),
)
def test_any_other_spelling_is_refused_and_named(data: bytes) -> None:
    with pytest.raises(CorruptFolder, match="the file is not canonical JSON"):
        parse_canonical(data, what="the file")
