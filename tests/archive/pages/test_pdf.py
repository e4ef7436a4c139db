"""PDF: PDF/A-3b by what can be read of it here, the data inside, and signatures that fit the whole file."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from archive import pages
from archive.pages import pdf as drawing
from archive.pages.layout import Layout, PdfMissing, UndrawableText
from archive.pages.signature import UnsignedPdf, check_pdf, sign_pdf
from archive.record import read_record
from everyword import keys
from tests.archive.builders import Said, transcribed
from tests.archive.papers import long_record

JARS = ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api")
PREFLIGHT = [Path("/usr/share/java") / f"{name}.jar" for name in JARS]
"""PDFBox's validator and what it needs: libpdfbox2-java, libactivation-java, libjaxb-api-java."""

ALLOWED_IN_3B = {"1.2.9", "1.4.7", "2.1.6", "7.11.2"}
"""What a PDF/A-1b validator says against PDF/A-3b: files inside (twice), a newer colour profile, "part must be 1"."""

INVISIBLE = "5.3.1"
"""Against the signature: a field without a picture, which PDF/A-1 forbids and PDF/A-2 and 3 allow."""

XMP = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A layout of some pages in three languages."""
    return pages.lay_out(long_record(tmp_path_factory.mktemp("papers"), 40))


@pytest.fixture(scope="module")
def pdf(layout: Layout) -> bytes:
    """Its PDF."""
    return pages.draw(layout, "pdf")


@pytest.fixture(scope="module")
def signer() -> keys.KeySigner:
    """A reviewer's key."""
    return keys.KeySigner(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="module")
def signed(pdf: bytes, signer: keys.KeySigner) -> bytes:
    """The PDF with a signature."""
    return sign_pdf(pdf, signer=signer, certificate=keys.self_signed(signer, name="Anna Reed"), name="Anna Reed")


def test_the_same_layout_gives_the_same_bytes(layout: Layout, pdf: bytes) -> None:
    assert pdf == pages.draw(layout, "pdf")
    assert pages.draw(layout, "docx") == pages.draw(layout, "docx")


def trailer(data: bytes) -> Any:
    """What a PDF's objects hang on."""
    return PdfReader(io.BytesIO(data)).trailer


def all_pages(data: bytes) -> list[Any]:
    """The page objects."""
    return list(PdfReader(io.BytesIO(data)).pages)


@pytest.mark.parametrize("which", ["pdf", "signed"])
def test_it_says_and_keeps_what_pdf_a_3b_asks(which: str, request: pytest.FixtureRequest) -> None:
    data: bytes = request.getfixturevalue(which)
    document = trailer(data)
    root = document["/Root"]
    metadata = etree.fromstring(root["/Metadata"].get_object().get_data())
    assert ["3"] == metadata.xpath("//pdfaid:part/text() | //@pdfaid:part", namespaces=XMP)
    assert ["B"] == metadata.xpath("//pdfaid:conformance/text() | //@pdfaid:conformance", namespaces=XMP)
    assert "/Filter" not in root["/Metadata"].get_object()
    (intent,) = root["/OutputIntents"]
    assert intent.get_object()["/S"] == "/GTS_PDFA1"
    assert intent.get_object()["/DestOutputProfile"].get_object()["/N"] in (1, 3)
    assert "/ID" in document
    assert "/Encrypt" not in document
    assert not {"/JavaScript", "/OpenAction", "/AA"} & set(root)


def test_every_font_is_embedded_and_can_be_read_back(signed: bytes) -> None:
    fonts = [font.get_object() for page in all_pages(signed) for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        assert "/ToUnicode" in font
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_no_transparency_no_action_and_no_unknown_annotation(signed: bytes) -> None:
    for page in all_pages(signed):
        assert page.get("/Group", DictionaryObject()).get_object().get("/S") != "/Transparency"
        for annotation in page.get("/Annots", []):
            one = annotation.get_object()
            assert (one["/Subtype"], int(one["/F"]) & 0b110, one.get("/A")) == ("/Widget", 4, None)


def test_the_data_is_inside_as_an_associated_file(layout: Layout, signed: bytes, tmp_path: Path) -> None:
    (file,) = trailer(signed)["/Root"]["/AF"]
    spec = file.get_object()
    assert (spec["/AFRelationship"], spec["/UF"]) == ("/Source", "transcript.json")
    stream = spec["/EF"]["/F"].get_object()
    assert stream["/Subtype"] == "/application/json"
    (tmp_path / "signed.pdf").write_bytes(signed)
    subprocess.run(["pdfdetach", "-saveall", "-o", tmp_path, tmp_path / "signed.pdf"], check=True, capture_output=True)
    assert hashlib.sha256((tmp_path / "transcript.json").read_bytes()).digest() == hashlib.sha256(layout.source).digest()


needs_validator = pytest.mark.skipif(
    not all(path.exists() for path in PREFLIGHT) or not shutil.which("java"), reason="no PDF/A validator on this computer"
)


@needs_validator
def test_an_independent_validator_accepts_the_same_pages_as_pdf_a_1b(layout: Layout, tmp_path: Path) -> None:
    """PDFBox's preflight knows only PDF/A-1b, which cannot carry the data: it is shown the same drawing without it."""
    assert "is a valid PDF/A-1b file" in validated(drawing.draw(layout, standard="a-1b"), tmp_path)


@needs_validator
def test_a_1b_validator_has_nothing_against_the_file_itself_but_what_3b_allows(signed: bytes, pdf: bytes, tmp_path: Path) -> None:
    for data in (pdf, signed):
        codes = set(re.findall(r"^([0-9.]+) :", validated(data, tmp_path), re.MULTILINE))
        assert {"7.11.2"} <= codes <= ALLOWED_IN_3B | ({INVISIBLE} if data == signed else set())


def validated(data: bytes, tmp_path: Path) -> str:
    """What preflight says."""
    path = tmp_path / "checked.pdf"
    path.write_bytes(data)
    command = ["java", "-cp", ":".join(map(str, PREFLIGHT)), "org.apache.pdfbox.preflight.Validator_A1b", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_missing_glyph_is_an_error_that_names_character_and_place(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, [Said("fine"), Said("a smile 😀 here", at_s=1)]))
    with pytest.raises(UndrawableText) as raised:
        pages.draw(pages.lay_out(record), "pdf")
    assert "'😀' (U+1F600), which stands in utterance 2, 1:3" in raised.value.sentence


def test_a_missing_glyph_in_the_title_is_an_error_too(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, title="漢字"))
    with pytest.raises(UndrawableText, match=r"U\+6F22"):
        pages.draw(pages.lay_out(record), "pdf")


@pytest.mark.parametrize("text", ["абвгґєіїйъыэюяё", "ЄІЇҐЁЪЫЭ — «» № …", "àéîõüß œ“”‘’–—", "ЂЈЉЊЋЏ ўќ ѣѳ"])
def test_cyrillic_and_latin_have_glyphs_and_are_read_back(tmp_path: Path, text: str) -> None:
    record = read_record(transcribed(tmp_path, [Said(text)]))
    (tmp_path / "read.pdf").write_bytes(pages.draw(pages.lay_out(record), "pdf"))
    read = subprocess.run(["pdftotext", "-layout", tmp_path / "read.pdf", "-"], capture_output=True, check=True)
    assert text in re.sub(r" +", " ", read.stdout.decode())


def test_the_bytes_before_the_signature_stay_as_they_are(pdf: bytes, signed: bytes) -> None:
    assert signed.startswith(pdf)


def test_the_metadata_is_the_same_before_and_after_signing(pdf: bytes, signed: bytes) -> None:
    before, after = (trailer(one)["/Root"]["/Metadata"].get_object().get_data() for one in (pdf, signed))
    assert before == after


def test_the_signature_is_read_back_and_covers_the_file(signed: bytes, signer: keys.KeySigner) -> None:
    read = check_pdf(signed)
    assert (read.fingerprint, read.is_intact, read.covers_file, read.stamped_at) == (
        keys.fingerprint(signer.pem),
        True,
        True,
        None,
    )


def test_an_independent_reader_finds_the_signature_valid(signed: bytes, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed)
    done = subprocess.run(["pdfsig", "-nocert", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False)
    assert "Signature is Valid" in done.stdout
    assert "Total document signed" in done.stdout
    assert "ETSI.CAdES.detached" in done.stdout


def test_bytes_behind_the_signature_are_noticed(signed: bytes) -> None:
    assert check_pdf(signed + b"\n% more").covers_file is False


@pytest.mark.parametrize("place", [0.1, 0.4, 0.7, 0.9])
def test_a_flipped_bit_under_the_signature_is_noticed(pdf: bytes, signed: bytes, place: float) -> None:
    data = bytearray(signed)
    data[int(len(pdf) * place)] ^= 1
    assert not is_accepted(bytes(data))


def is_accepted(data: bytes) -> bool:
    """Whether a PDF passes as signed and whole."""
    try:
        read = check_pdf(data)
    except UnsignedPdf:
        return False
    return read.is_intact and read.covers_file


def test_an_unsigned_file_and_no_pdf_at_all_are_refused(pdf: bytes) -> None:
    for data in (pdf, b"", b"%PDF-1.7", b"\0" * 1000):
        with pytest.raises(UnsignedPdf):
            check_pdf(data)


def test_a_time_stamp_is_bound_to_the_signature(pdf: bytes, signer: keys.KeySigner, authority: Callable[[bytes], bytes]) -> None:
    certificate = keys.self_signed(signer, name="Anna Reed")
    stamped = sign_pdf(pdf, signer=signer, certificate=certificate, name="Anna Reed", tsa=authority)
    read = check_pdf(stamped)
    assert read.is_intact
    assert read.covers_file
    assert read.stamped_at is not None
    other = sign_pdf(pdf, signer=signer, certificate=certificate, name="Anna Reed", tsa=lambda _: authority(bytes(32)))
    assert check_pdf(other).stamped_at is None


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], bytes]:
    """A time-stamp authority made with openssl alone: SHA-256 digest → token."""
    home = tmp_path_factory.mktemp("tsa")
    (home / "tsa.cnf").write_text(TSA)
    (home / "serial").write_text("01")
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out tsa.pem -config tsa.cnf"
    subprocess.run(request.split(), cwd=home, check=True, capture_output=True)

    def stamp(digest: bytes) -> bytes:
        query = ["openssl", "ts", "-query", "-digest", digest.hex(), "-sha256", "-cert", "-out", "query.tsq"]
        subprocess.run(query, cwd=home, check=True, capture_output=True)
        reply = "openssl ts -reply -queryfile query.tsq -config tsa.cnf -token_out -out token.der"
        subprocess.run(reply.split(), cwd=home, check=True, capture_output=True)
        return (home / "token.der").read_bytes()

    return stamp


TSA = """
[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = Test Authority
[extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = tsa.pem
signer_key = key.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
"""


DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.mark.skipif(not DEJAVU.exists(), reason="no second font on this computer")
def test_a_font_of_the_users_draws_what_ours_lacks(tmp_path: Path) -> None:
    layout = pages.lay_out(read_record(transcribed(tmp_path, [Said("a smile 😀 here")])))
    (tmp_path / "read.pdf").write_bytes(pages.draw(layout, "pdf", font=DEJAVU))
    read = subprocess.run(["pdftotext", "-layout", tmp_path / "read.pdf", "-"], capture_output=True, check=True)
    assert "a smile 😀 here" in re.sub(r" +", " ", read.stdout.decode())


@pytest.mark.parametrize(("format_", "library"), [("pdf", "typst"), ("docx", "docx")])
def test_without_its_library_a_format_is_refused_with_the_command_that_installs_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, format_: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(PdfMissing) as raised:
        pages.draw(layout, format_)
    assert raised.value.hint == "pip install 'everyword[pdf]'"


def test_without_pyhanko_nothing_is_signed_or_checked(
    pdf: bytes, signer: keys.KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyhanko", None)
    for name in [name for name in sys.modules if name.startswith("pyhanko.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PdfMissing):
        sign_pdf(pdf, signer=signer, certificate=b"", name="Anna Reed")
    with pytest.raises(PdfMissing):
        check_pdf(pdf)
