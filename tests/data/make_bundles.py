"""Make the bundles that every later version must verify: ``tests/data/bundles/FORMAT``.

Usage: python -m tests.data.make_bundles FORMAT

Run it once for a release whose format of bundles is new, never to "repair" an old one.  The key and the time-stamp authority are
thrown away; the fingerprint and the authority's certificate stay.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from archive.certificate import bundle
from archive.disclosure import disclose, selection
from archive.record import read_record
from tests.archive import builders
from tests.archive.builders import Said
from tests.archive.certificate import issued as forge

SAID = (
    Said("We agreed on the text of the protocol.", at_s=0.0, person="anna-reed"),
    Said("Так, ми погодились.", "uk", at_s=1.0, track=2, person="olena-koval"),
)


def main() -> None:
    """A certificate at level C with a correction and a time stamp, an excerpt and a redacted copy, as zip files."""
    to = Path(__file__).parent / "bundles" / sys.argv[1]
    to.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        session = builders.transcribed(folder, SAID, seconds=2.5)
        builders.correct(session, 1, to="We agreed on the text of the draft protocol.")
        builders.review_all(session)
        entry, signer = forge.a_key(home)
        authority = forge.Authority(folder / "authority")
        made = forge.certified(session, entry, signer, home=home, has_authority=True)
        forge.stamp(session, authority, home=home)
        record = read_record(session)
        paths = {"certificate": bundle.write(session, made, to=folder, as_zip=True)}
        paths["excerpt"] = disclose.clip(
            record, made, start_us=1_000_000, end_us=2_000_000, tracks=(2,), entry=entry, signer=signer, to=folder, as_zip=True
        )
        text = selection.read_text(record, made)
        redactions = selection.numbered(selection.with_phrase(text, "draft protocol"), reason="not yet public")
        paths["redacted"] = disclose.redact(
            record, made, redactions, with_sound=True, entry=entry, signer=signer, to=folder, as_zip=True
        )
        for kind, path in paths.items():
            shutil.copy(path, to / f"{kind}.zip")
        shutil.copy(authority.root, to / "authority.pem")
        (to / "given.json").write_text(json.dumps({"fingerprint": entry.holder.public_key}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
