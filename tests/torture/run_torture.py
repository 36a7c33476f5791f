#!/usr/bin/python3
"""Runs the torture test natively (the oracle) or in a box of two vCPUs, and checks what the box leaves behind.

usage: run_torture.py --program PATH [--tine PATH] [--seconds N] [--seed N] [--processes N] VARIANT...

VARIANT: native; shared or copied (the box with that mechanism of fork); scarce (a box with less memory than the
processes ask for: calls fail, and processes are killed, but all in good order). By hand, for an hour each:
  tests/torture/run_torture.py --program build/tests/torture/torture --tine build/tine --seconds 3600 shared copied
A failing run prints its seed; who runs when is not the seed's, so a failure may take some runs to come again.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading

ROUND_SECONDS = 5
# A box that is as large as it will be after the first round: host memory may go on to vary by this much.
HOST_MEMORY_KIB = 24 << 10
# About two thirds of what a process of the torture would use.
SCARCE_BYTES_EACH = 96 << 10


class HostUse:
    """What tine's host process has, at the end of each of the program's rounds."""

    def __init__(self, pid):
        self.pid = pid
        self.samples = []

    def sample(self):
        """After the last round it may have ended before this came to look: there is no sample then."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        if "RssAnon" not in fields:
            return
        self.samples.append((len(os.listdir(f"/proc/{self.pid}/fd")), int(fields["RssAnon"].split()[0])))

    def problems(self):
        """Each round is as the one before it, so the host process has grown to its size in the first half."""
        half = len(self.samples) // 2
        if half == 0:
            return ["the host process ended before its use could be compared"]
        found = []
        for index, (name, slack) in enumerate((("descriptors", 0), ("KiB of host memory", HOST_MEMORY_KIB))):
            first, last = (max(sample[index] for sample in part)
                           for part in (self.samples[:half], self.samples[half:]))
            if last > first + slack:
                found.append(f"the host process has {last} {name}, before it had {first}: {self.samples}")
        return found


def left_behind(stats):
    """What was in use still when the box was gone."""
    with open(stats, encoding="utf-8") as file:
        left = json.load(file)["left"]
    return [f"{count} {kind} left in use" for kind, count in left.items() if count]


def run(variant, options):
    rounds = max(2, round(options.seconds / ROUND_SECONDS))
    command = [os.path.abspath(options.program), "--seconds", str(options.seconds), "--rounds", str(rounds),
               "--processes", str(options.processes)]
    if options.seed is not None:
        command += ["--seed", str(options.seed)]
    if variant != "native":
        command.append("--frames")
        mechanism = "shared" if variant == "scarce" else variant
        box = [os.path.abspath(options.tine), "run", "--cpus=2", f"--page-tables={mechanism}", "--stats=stats.json"]
        if variant == "scarce":
            command.append("--scarce")
            box.append(f"--memory={SCARCE_BYTES_EACH * options.processes}")
        command[:0] = [*box, "--"]
    print(f"{variant}: {' '.join(command)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tine-torture-") as folder:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   text=True, start_new_session=True)
        # Rounds end when their processes have ended, for which the program allows two minutes each.
        watchdog = threading.Timer(options.seconds * 2 + 200, os.killpg, (process.pid, 9))
        watchdog.daemon = True
        watchdog.start()
        use = HostUse(process.pid)
        facts = 0
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            facts += line.startswith("ok ")
            if line.startswith("round ") and variant != "native":
                use.sample()
        status = process.wait()
        watchdog.cancel()
        problems = [] if status == 0 and facts else [f"exit status {status}"]
        if variant != "native" and not problems:
            problems += use.problems() + left_behind(os.path.join(folder, "stats.json"))
    for problem in problems:
        print(f"{variant}: {problem}")
    return not problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("variants", nargs="+", choices=["native", "shared", "copied", "scarce"])
    parser.add_argument("--program", required=True)
    parser.add_argument("--tine")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--processes", type=int, default=250)
    options = parser.parse_args()
    if options.variants != ["native"] and not options.tine:
        parser.error("--tine is needed for the box")
    # The host gets three tries, as in the tests of guests: a wrong native run says nothing of the box.
    results = [run(variant, options) or (variant == "native" and (run(variant, options) or run(variant, options)))
               for variant in options.variants]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
