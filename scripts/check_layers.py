#!/usr/bin/env python3
"""Checks that a file of src/ includes only files of its own row of the layers and of the rows below.

The rows are the table of docs/architecture.md, top first. Prints each include that breaks it; the exit
status is 1 if there is one.
"""
import pathlib
import re
import sys

ROWS = [
    ["cli"],
    ["daemon"],
    ["box"],
    ["syscall"],
    ["process"],
    ["fs", "net", "time"],
    ["sched"],
    ["cpu"],
    ["memory"],
    ["base"],
]
LEVEL = {folder: len(ROWS) - index for index, row in enumerate(ROWS) for folder in row}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SOURCES = (".cc", ".hpp", ".h", ".def", ".S")


def problems(root: pathlib.Path):
    source_root = root / "src"
    for path in sorted(source_root.rglob("*")):
        if path.suffix not in SOURCES:
            continue
        folder = path.relative_to(source_root).parts[0]
        name = path.relative_to(root)
        if folder not in LEVEL:
            yield f"{name}: src/{folder} is in no row of the layers"
            continue
        for target in INCLUDE.findall(path.read_text()):
            target_folder = target.split("/")[0]
            if target_folder == "tine":
                if LEVEL[folder] < LEVEL["box"]:
                    yield f"{name}: includes {target}; the public API is for box/ and cli/"
            elif target_folder not in LEVEL:
                yield f"{name}: include \"{target}\" as LAYER/FILE, from src/"
            elif LEVEL[target_folder] > LEVEL[folder]:
                yield f"{name}: includes {target}, which is a row above"
            elif not (source_root / target).exists():
                yield f"{name}: includes {target}, which does not exist"
    for path in sorted((root / "include").rglob("*.hpp")):
        for target in INCLUDE.findall(path.read_text()):
            if not target.startswith("tine/"):
                yield f"{path.relative_to(root)}: includes {target}; an installed header can't see src/"


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    found = list(problems(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
