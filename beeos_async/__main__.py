"""The command's front step: `python -m beeos_async`, and `beeos-async`.

It imports nothing but the standard library before it knows that the extra is there.
"""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command; without the extra `cli`, say how to get it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks must not end a run.
            stream.reconfigure(errors="replace")
    try:
        from .cli.app import app  # noqa: PLC0415 -- what it needs may not be installed
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        sys.stderr.write("the command needs an extra: pip install 'beeos-async[cli]'\n")
        sys.exit(2)
    app(prog_name="beeos-async")


if __name__ == "__main__":
    main()
