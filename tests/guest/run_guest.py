#!/usr/bin/python3
"""Runs one guest program natively and in the box, and compares what it says.

usage: run_guest.py PROGRAM [--tine PATH] [--variants NAME,...]

The native run is the oracle: it must print at least one `ok`, no FAIL, and exit with 0. Each variant of
the box must print the same bytes and exit with the same status, at the first try. The host gets three: a
test whose rule depends on who runs first can go wrong under it when the machine is busy, and then says
nothing of the box; each wrong native run is shown.
"""
import argparse
import difflib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
import known_gaps  # noqa: E402  (its folder is put on the path above)

VARIANTS = {
    "shared": ["--page-tables=shared"],
    "copied": ["--page-tables=copied"],
    "shared-1cpu": ["--page-tables=shared", "--cpus=1"],
    "shared-4cpus": ["--page-tables=shared", "--cpus=4"],
}
SECONDS = 60
NATIVE_TRIES = 3


def run(command, folder):
    """Output, errors and status; a hang ends as status `timeout`, with what was said so far."""
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, errors="replace", start_new_session=True)
    try:
        out, errors = process.communicate(timeout=SECONDS)
        # What a shell would say, and `tine run` says: 128 + n when signal n killed it.
        status = process.returncode
        return out, errors, status if status >= 0 else 128 - status
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, errors = process.communicate()
        return out, errors, "timeout"


def describe(name, out, errors, status):
    print(f"---- {name}: exit status {status}")
    for title, text in (("stdout", out), ("stderr", errors)):
        if text:
            print(f"  {title}:")
            print("".join(f"    {line}\n" for line in text.splitlines()[-40:]), end="")


def native_run(program):
    """What the program says natively, its lines and its count of facts; None when it was wrong every time."""
    for attempt in range(1, NATIVE_TRIES + 1):
        with tempfile.TemporaryDirectory(prefix="tine-guest-") as folder:
            out, errors, status = run([program], folder)
        lines = out.splitlines()
        facts = sum(line.startswith("ok ") for line in lines)
        if status == 0 and facts and not any(line.startswith("FAIL ") for line in lines):
            return lines, status, facts
        print(f"{program}: wrong natively, try {attempt} of {NATIVE_TRIES}: the test itself is at fault")
        describe("native", out, errors, status)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--tine", help="without it, only the native run is checked")
    parser.add_argument("--variants", default="shared,copied")
    options = parser.parse_args()
    program = os.path.abspath(options.program)

    expected = native_run(program)
    if expected is None:
        return 1
    lines, status, facts = expected
    failed = 0
    if options.tine:
        for name in options.variants.split(","):
            with tempfile.TemporaryDirectory(prefix="tine-guest-") as folder:
                got = run([os.path.abspath(options.tine), "run", *VARIANTS[name], "--", program], folder)
            # Several processes may print: in which order, nobody promises.
            if sorted(got[0].splitlines()) == sorted(lines) and got[2] == status:
                continue
            failed = 1
            describe(f"box, {name}", *got)
            for line in difflib.unified_diff(sorted(lines), sorted(got[0].splitlines()), "native", name, n=0,
                                             lineterm=""):
                print(f"  {line}")
    if not failed:
        print(f"{facts} facts hold")
    gaps = os.path.join(HERE, "known_gaps.txt")
    return 0 if known_gaps.judge(gaps, os.path.basename(program), not failed) else 1


if __name__ == "__main__":
    sys.exit(main())
