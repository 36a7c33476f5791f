#!/usr/bin/env python3
"""Checks that each file of the repository that a document names is there.

Looks at `src/...`, `tests/...` and the like in backticks, and at relative links.
"""
import pathlib
import re
import sys

NAMED = re.compile(r"`((?:src|tests|scripts|docs|bench|examples|include|completions)/[\w./-]+)`")
LINKED = re.compile(r"\]\(([^)#:]+)\)")


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    documents = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("src/*/README.md"),
                 *root.glob("tests/**/README.md"), *root.glob("bench/README.md")]
    missing = 0
    for document in sorted(documents):
        text = document.read_text(encoding="utf-8")
        paths = [(root / name, name) for name in NAMED.findall(text)]
        paths += [(document.parent / name, name) for name in LINKED.findall(text)]
        for path, name in paths:
            if not path.exists():
                print(f"{document.relative_to(root)}: {name} is not there")
                missing = 1
    return missing


if __name__ == "__main__":
    sys.exit(main())
