#!/usr/bin/env python3
"""Writes docs/compatibility.md from src/syscall/table.def; with --check says whether it is current.

The table is what the dispatcher itself is made of, so the document can't drift from the program.
"""
import pathlib
import re
import sys

ROW = re.compile(r'^TINE_SYSCALL\((\d+), (\w+), (full|partial|none), "([^"]*)"', re.MULTILINE)
MARK = {"full": "yes", "partial": "in part", "none": "no"}


def document(table: str) -> str:
    rows = [(int(number), name, support, note) for number, name, support, note in ROW.findall(table)]
    if len(rows) != table.count("\nTINE_SYSCALL("):
        raise SystemExit("make_compatibility.py: a row of table.def has a form that it does not know")
    counts = {support: sum(row[2] == support for row in rows) for support in MARK}
    lines = [
        "# Compatibility: the system calls",
        "",
        "Made by `scripts/make_compatibility.py` from `src/syscall/table.def`; don't edit it. A test checks that it",
        "is current.",
        "",
        f"Of {len(rows)} system calls of x86-64, {counts['full']} are there in full, {counts['partial']} in part (the note "
        f"says what",
        f"is missing), and {counts['none']} answer ENOSYS (the note says why). A number that is in no row answers ENOSYS too.",
        "",
        "| number | name | there | note |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {number} | `{name}` | {MARK[support]} | {note} |" for number, name, support, note in rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    target = root / "docs" / "compatibility.md"
    text = document((root / "src" / "syscall" / "table.def").read_text(encoding="utf-8"))
    if "--check" not in sys.argv:
        target.write_text(text, encoding="utf-8")
        return 0
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return 0
    print("docs/compatibility.md is not current: run scripts/make_compatibility.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
