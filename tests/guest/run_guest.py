#!/usr/bin/python3
"""Runs one guest program natively and in the box, and compares what it says.

usage: run_guest.py PROGRAM [--tine PATH] [--variants NAME,...]

The native run is the oracle: it must print at least one `ok`, no FAIL, and exit with 0. Each variant of
the box must print the same bytes and exit with the same status, at the first try. The host gets three: a
test whose rule depends on who runs first can go wrong under it when the machine is busy, and then says
nothing of the box; each wrong native run is shown. A program whose source says `Host: hardware breakpoints.`
has no oracle on a machine that has none (tests/common/host_machine.py): there all that it says in the box must
be `ok`, with every variant the same, and the test prints that nothing was compared.
"""
import argparse
import difflib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "common"))
import host_machine  # noqa: E402  (its folder is put on the path above)
import known_gaps  # noqa: E402

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


def facts_of(out, status):
    """How many facts it says hold; 0 if one doesn't, or it ended badly."""
    lines = out.splitlines()
    if status != 0 or any(line.startswith("FAIL ") for line in lines):
        return 0
    return sum(line.startswith("ok ") for line in lines)


def lacks_oracle(program):
    with open(os.path.join(HERE, os.path.basename(program) + ".c"), encoding="utf-8") as source:
        return "Host: hardware breakpoints." in source.read() and not host_machine.has_hardware_breakpoints()


def box_run(program, tine, variant):
    with tempfile.TemporaryDirectory(prefix="tine-guest-") as folder:
        return run([os.path.abspath(tine), "run", *VARIANTS[variant], "--", program], folder)


def first_box_run(program, options):
    """In the native run's place: what it says in the box, if all of it holds."""
    print(f"{program}: NOT COMPARED: this machine has no hardware breakpoints, so a native run says nothing")
    name = options.variants.split(",")[0]
    out, errors, status = box_run(program, options.tine, name)
    if facts := facts_of(out, status):
        return out.splitlines(), status, facts
    describe(f"box, {name}", out, errors, status)
    return None


def native_run(program):
    """What the program says natively, its lines and its count of facts; None when it was wrong every time."""
    for attempt in range(1, NATIVE_TRIES + 1):
        with tempfile.TemporaryDirectory(prefix="tine-guest-") as folder:
            out, errors, status = run([program], folder)
        if facts := facts_of(out, status):
            return out.splitlines(), status, facts
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

    has_oracle = not options.tine or not lacks_oracle(program)
    expected = native_run(program) if has_oracle else first_box_run(program, options)
    if expected is None:
        return 1
    lines, status, facts = expected
    failed = 0
    if options.tine:
        for name in options.variants.split(","):
            got = box_run(program, options.tine, name)
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
