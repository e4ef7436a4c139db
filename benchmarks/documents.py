"""How long documents take, whether they are the same every time, and whether page and line agree everywhere.

Usage: python benchmarks/documents.py [--pages 300] [--runs 5]

A session of invented talk in English, Russian and Ukrainian is laid out, drawn as PDF/A-3b, signed, drawn as text and DOCX; each
printed line of text, PDF (as poppler's pdftotext reads it) and line map is compared.  Then a session of one hour is written to
disk with a transcript, and ``everyword export --format pdf`` and ``everyword statement`` are run on it as a user would, in
processes of their own: the time from a transcript to a machine draft, and to a statement, in hand.

Wants ``pip install -e '.[dev,pdf]'`` and poppler-utils.
"""

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

from archive import pages  # noqa: E402
from archive.pages.layout import Layout  # noqa: E402
from archive.record import Record, read_record  # noqa: E402
from archive.statement import marks as statement_marks  # noqa: E402
from everyword import keys  # noqa: E402
from tests.archive.papers import lines, long_session, pdf_pages  # noqa: E402

UTTERANCES_A_PAGE = 8.6
WORDS_AN_HOUR = 9_000
"""150 words a minute."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="everyword-benchmark-") as place:
        home = Path(place)
        layout, record = laid_out(home / "long", options.pages)
        print(f"{len(layout.sheets)} pages, {sum(1 for line in layout.lines if line.text)} printed lines")
        drawing_times(layout, record, options.runs)
        agreement(layout, home)
        an_hour(home / "hour", options.runs)
    names = ("typst", "pyhanko", "python-docx")
    load = os.getloadavg()[0]
    print(f"median of {options.runs}; {os.cpu_count()} cores, {processor()}, load {load:.1f}, Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in names))


def laid_out(home: Path, wanted: int) -> tuple[Layout, Record]:
    """A layout of about that many pages."""
    home.mkdir()
    record = read_record(long_session(home, round(wanted * UTTERANCES_A_PAGE)))
    return pages.lay_out(record), record


def drawing_times(layout: Layout, record: Record, runs: int) -> None:
    """Seconds and bytes of every step, and whether the bytes repeat."""
    signer = keys.KeySigner(ec.generate_private_key(ec.SECP256R1()))
    certificate = keys.self_signed(signer, name="Benchmark")
    steps: dict[str, Callable[[], bytes]] = {
        "lay out": lambda: pages.lay_out(record).source,
        "PDF/A-3b": lambda: pages.draw(layout, "pdf"),
        "PDF/A-3b, laid out, drawn and signed": lambda: signed(pages.draw(pages.lay_out(record), "pdf"), signer, certificate),
        "text": lambda: pages.draw(layout, "txt"),
        "DOCX": lambda: pages.draw(layout, "docx"),
    }
    for name, step in steps.items():
        step()  # the first time loads libraries
        taken, busy, results = zip(*(timed(step) for _ in range(runs)), strict=True)
        same = len({hashlib.sha256(result).digest() for result in results}) == 1
        size, repeats = len(results[0]) / 1000, "the same bytes every time" if same else ""
        print(f"{name:40}{median(taken):8.2f} s{median(busy):8.2f} s of processor{size:8.0f} kB  {repeats}")
    print(f"{'data inside the PDF':40}{len(layout.source) / 1000:40.0f} kB")


def signed(pdf: bytes, signer: keys.KeySigner, certificate: bytes) -> bytes:
    """With an invisible PAdES B-B signature."""
    return pages.sign_pdf(pdf, signer=signer, certificate=certificate, name="Benchmark")


def timed(step: Callable[[], bytes]) -> tuple[float, float, bytes]:
    """Seconds by the clock, seconds of all processors (others may be running, too), and what came out."""
    start_s, busy_s = time.perf_counter(), time.process_time()
    result = step()
    return time.perf_counter() - start_s, time.process_time() - busy_s, result


def agreement(layout: Layout, home: Path) -> None:
    """Printed lines that are the same in text and PDF, and lines of the line map that stand there with their words."""
    text = [lines(page) for page in pages.draw(layout, "txt").decode().split("\f")]
    pdf = pdf_pages(pages.draw(layout, "pdf"), home)
    total = sum(map(len, text))
    same = sum(one == other for ours, theirs in zip(text, pdf, strict=True) for one, other in zip(ours, theirs, strict=False))
    print(f"text = PDF by pdftotext: {same} of {total} lines")
    mapped = [line for line in layout.lines if line.utterance is not None]
    printed = {(sheet, row.partition(" ")[0]): row for sheet, page in enumerate(pdf) for row in page}
    found = sum(" ".join(line.text.split()) in printed[line.sheet, str(line.line)] for line in mapped)
    print(f"line map = PDF: {found} of {len(mapped)} lines")


def an_hour(home: Path, runs: int) -> None:
    """Seconds of ``everyword export`` and ``everyword statement``, from a cold start, of an hour's transcript."""
    home.mkdir()
    folder = long_session(home, WORDS_AN_HOUR // 21)
    record = read_record(folder)
    words = sum(len(line.text.split()) for line in record.lines)
    key = keys.device_key(home / "home")
    for number in range(1, 21):
        statement_marks.quote(record, number, words=None, note="", by="Benchmark", key=key)
    print(f"an hour ({words} words, 20 quotations), from a cold start:")
    for name, command in (("export --format pdf", ["export", "--format", "pdf"]), ("statement", ["statement"])):
        taken = [run_command(home, run, [command[0], str(folder.path), *command[1:]]) for run in range(runs)]
        print(f"{f'  everyword {name}':40}{median(taken):8.2f} s")


def run_command(home: Path, run: int, arguments: list[str]) -> float:
    """Seconds of one command in a process of its own."""
    command = [sys.executable, "-P", "-m", "everyword", *arguments, "--to", str(home / f"out-{arguments[0]}-{run}")]
    start_s = time.perf_counter()
    subprocess.run(command, env={**os.environ, "EVERYWORD_HOME": str(home / "home")}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start_s


def processor() -> str:
    """The processor's name as the system gives it."""
    found = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in found if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
