#!/usr/bin/env python3
"""Checks that no source file is longer than 600 lines: a room of its own is due by then.

Tables that are data (.def) are read by number, not from top to bottom, and are left out.
"""
import pathlib
import sys

LIMIT = 600
FOLDERS = ["src", "include", "tests", "bench", "examples", "scripts"]
SUFFIXES = {".cc", ".hpp", ".h", ".c", ".S", ".py", ".sh"}


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    found = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                with path.open("rb") as file:
                    lines = sum(1 for _ in file)
                if lines > LIMIT:
                    print(f"{path.relative_to(root)}: {lines} lines; the limit is {LIMIT}")
                    found = 1
    return found


if __name__ == "__main__":
    sys.exit(main())
