#!/usr/bin/python3
"""Runs examples/heavy on the host, in the box, and in the box with copied page tables; prints one table.

usage: compare.py --tine PATH --heavy PATH [--gigabytes N] [--json FILE]
"""
import argparse
import json
import subprocess
import sys

# What each row of the table shows: title, key, factor from the unit measured, how to print it.
FIGURES = [
    ("fork, as the parent sees it", "fork_ns", 1e-3, "us"),
    ("until the child is reaped", "reaped_ns", 1e-3, "us"),
    ("shared by the child", "shared_bytes", 2**-20, "MiB"),
    ("private to the child", "private_bytes", 2**-10, "KiB"),
    ("its own page tables", "page_table_bytes", 2**-10, "KiB"),
    ("pages copied", "pages_copied", 1, ""),
]
MEMORY_FIGURES = {"shared_bytes", "private_bytes", "page_table_bytes", "pages_copied"}


def measure(title, command):
    """The rows that the program prints, by name."""
    print(f"{title}: {' '.join(command)}", flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(f"{title}: exit status {done.returncode}", file=sys.stderr)
        sys.exit(1)
    return {row["name"]: row for row in json.loads(done.stdout)}


def number(value, factor, unit):
    value *= factor
    text = f"{value:,.0f}" if value >= 100 or not unit else f"{value:,.1f}"
    return f"{text} {unit}".rstrip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tine", required=True)
    parser.add_argument("--heavy", required=True)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument("--check", action="store_true", help="fail unless each child copied the pages that it wrote")
    options = parser.parse_args()

    program = [options.heavy, "--gigabytes", f"{options.gigabytes:g}", "--json"]
    memory = f"--memory={int(options.gigabytes * 1.5 + 2)}G"
    columns = {
        "host": program,
        "box": [options.tine, "run", memory, "--", *program],
        "box, copied": [options.tine, "run", memory, "--page-tables=copied", "--", *program],
    }
    results = {title: measure(title, command) for title, command in columns.items()}

    print(f"\nA process of {options.gigabytes:g} GiB forks a child that ...")
    for name in results["host"]:
        is_exec = name.startswith("exec")
        print(f"\n{name:<30}" + "".join(f"{title:>16}" for title in columns))
        for title, key, factor, unit in FIGURES:
            if is_exec and key in MEMORY_FIGURES:
                continue
            cells = "".join(f"{number(results[column][name][key], factor, unit):>16}" for column in columns)
            print(f"  {title:<28}{cells}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return check(results) if options.check else 0


def check(results):
    """A child copies each page that it writes, and hardly any other: its stack, its statics."""
    failed = 0
    for column, rows in results.items():
        for name, row in rows.items():
            written = int(name.split()[1]) if name.startswith("touches") else None
            if written is not None and not written <= row["pages_copied"] <= written + 8:
                print(f"{column}: {name}: {row['pages_copied']} pages copied")
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
