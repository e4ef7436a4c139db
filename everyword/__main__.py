"""The way in: ``everyword`` and ``python -m everyword``."""

import sys

from everyword import errors


def main() -> None:
    """Run the command line, unless another distribution has put its own ``cli.py`` in the place of ours.

    A top-level module of that name is common, and installers overwrite it without a word.
    """
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
