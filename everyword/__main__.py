"""The way in: ``everyword`` and ``python -m everyword``."""

import os
import sys

from everyword import errors


def _open_standard_streams() -> None:
    """A program started without them (``2>&-``) would write its words into the next file it opens, or fail at the first."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            while (descriptor := os.open(os.devnull, os.O_RDWR)) < number:
                pass
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def main() -> None:
    """Run the command line, unless another distribution has put its own ``cli.py`` in the place of ours.

    A top-level module of that name is common, and installers overwrite it without a word.
    """
    _open_standard_streams()
    try:
        import cli  # noqa: PLC0415  (what this function is about)

        run = cli.main if getattr(cli, "PROGRAM", None) == "everyword" else None
    except ImportError:
        run = None
    except KeyboardInterrupt:  # Ctrl-C before there is anything to stop
        sys.exit(errors.INTERRUPTED)
    if run is None:
        sys.stderr.write(
            "everyword: another package in this environment has replaced or removed cli.py.\n"
            "  → Install Everyword in an environment of its own: pipx install everyword\n"
        )
        sys.exit(1)
    run()


if __name__ == "__main__":
    main()
