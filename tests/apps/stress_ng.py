#!/usr/bin/python3
"""Runs stressors of stress-ng in a box, each verifying its own results, and checks that nothing is left behind.

usage: stress_ng.py --tine PATH [--seconds N] [--page-tables shared|copied] GROUP|STRESSOR...     stress_ng.py --list

Each stressor runs in a box of its own with 2 vCPUs and 2 workers: once for a moment, so that what stays in memory
(programs and libraries, tine's own tables) is there; then for the seconds asked for. Before and after, with nothing but
a shell in the box, the box's free memory and the host process's descriptors must be the same, and its memory about the
same. What is left once may be something that is kept for the next time: it is run again, and a leak shows each time.
When a stressor fails in the box, it is run natively for comparison, and what it says there is shown.
By hand, half a minute each: tests/apps/stress_ng.py --tine build/tine --seconds 30 all
"""
import argparse
import os
import re
import subprocess
import sys
import threading
import time

GROUPS = {
    "processes": "fork vfork vforkmany clone exec spawn zombie wait exit-group pthread switch yield session "
                 "sigchld kill pidfd procfs daemon",
    "memory": "mmap mremap munmap mprotect madvise mincore mlock msync vm vm-rw vm-segv vm-splice bigheap brk stack "
              "malloc memfd mmapfixed mmapfork shm shm-sysv fault",
    "signals": "signal sigabrt sigfd sigfpe sigpending sigpipe sigq sigrt sigsegv sigsuspend sigtrap signest timer "
               "timerfd itimer alarm nanosleep sleep bad-altstack",
    "communication": "futex mutex pipe ring-pipe lockf lockofd flock sem sem-sysv msg mq eventfd poll epoll "
                     "sock sockpair dup close fcntl getrandom membarrier",
}
# Sizes that two workers and a box of MEMORY can have; and what keeps a stressor to what it is about.
OPTIONS = {
    "vm": ["--vm-bytes", "16M"], "mmap": ["--mmap-bytes", "16M"], "mremap": ["--mremap-bytes", "8M"],
    "vm-rw": ["--vm-rw-bytes", "8M"], "vm-splice": ["--vm-splice-bytes", "1M"], "msync": ["--msync-bytes", "4M"],
    "bigheap": ["--bigheap-growth", "64K"], "malloc": ["--malloc-bytes", "32M"], "memfd": ["--memfd-bytes", "16M"],
    "exec": ["--exec-max", "32"],  # else it has thousands to wait for when the time is over
    "shm": ["--shm-bytes", "2M"], "shm-sysv": ["--shm-sysv-bytes", "2M"],
}
# Those that "must not run as root".
USER = {name: ["--user=65534:65534"] for name in ("exec", "spawn")}
MEMORY = 512 << 20
FRAME_KIB = 4
# The C library keeps much of what the host process has freed.
LEFT_HOST_KIB = 16 << 10
TRIES = 4
NOTHING_DONE = "no operation was done"
SETTLING = 20  # seconds
PATIENCE = 90  # seconds for a run beyond those asked for

# Reads "SECONDS ARGUMENTS" lines; says when it is idle, itself and by no process that takes memory.
SHELL = r"""
exec 3<&0 </dev/null
cd /tmp
free_memory() {
  while read -r name value unit; do
    case $name in MemFree:) free=$value ;; esac
  done </proc/meminfo
}
while free_memory; echo "idle $free"; read -r seconds arguments <&3; do
  stress-ng --verify --metrics-brief --oomable -t "$seconds" $arguments
  echo "status $?"
  sleep 0.3
done
"""


class BoxRun:
    """One stressor in one box."""

    def __init__(self, name, options):
        self.arguments = " ".join([f"--{name}", "2", *OPTIONS.get(name, [])])
        self.lines = []
        command = [os.path.abspath(options.tine), "run", "--cpus=2", f"--memory={MEMORY}",
                   f"--page-tables={options.page_tables}", *USER.get(name, []), "--", "/bin/sh", "-c", SHELL]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        most = (TRIES + 1) * PATIENCE + options.seconds * 4 ** TRIES
        self.watchdog = threading.Timer(most, os.killpg, (self.process.pid, 9))
        self.watchdog.start()

    def until_idle(self):
        """(free memory in the box, descriptors and memory of the host process); None if the box has ended."""
        for line in self.process.stdout:
            if line.startswith("idle "):
                return int(line.split()[1]), len(os.listdir(f"/proc/{self.process.pid}/fd")), self.host_memory()
            self.lines.append(line)
        return None

    def host_memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            fields = dict(entry.split(":", 1) for entry in file)
        return int(fields["RssAnon"].split()[0])

    def settled(self, before, after):
        """`after`, once the host process has given back what it need not keep: it does so bit by bit."""
        end = time.monotonic() + SETTLING
        while after[2] - before[2] > LEFT_HOST_KIB and time.monotonic() < end:
            time.sleep(0.5)
            after = (*after[:2], self.host_memory())
        return after

    def stress(self, seconds):
        self.lines = []
        self.process.stdin.write(f"{seconds} {self.arguments}\n")
        self.process.stdin.flush()
        return self.until_idle()

    def finish(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.watchdog.cancel()
        return self.process.wait()


def problems_of(lines):
    """What stress-ng itself says."""
    text = "".join(lines)
    found = [line.rstrip() for line in lines if re.search(r"stress-ng: (fail|error):", line)]
    status = re.search(r"^status (\d+)", text, re.MULTILINE)
    if not status or status[1] != "0":
        found.append(f"stress-ng: {status[0] if status else 'did not end'}")
    operations = re.findall(r"metrc: \[\d+\] ([a-z-]+) +(\d+) ", text)
    if not operations or int(operations[-1][1]) == 0:
        found.append(NOTHING_DONE)
    return found


def left_behind(before, after):
    found = []
    lost_frames = (before[0] - after[0]) // FRAME_KIB
    if lost_frames > 0:
        found.append(f"{lost_frames} frames are not free again")
    if after[1] > before[1]:
        found.append(f"{after[1] - before[1]} host descriptors are open still")
    if after[2] - before[2] > LEFT_HOST_KIB:
        found.append(f"the host process has {after[2] - before[2]} KiB more")
    return found


def run_in_box(name, options):
    run = BoxRun(name, options)
    run.until_idle()
    after = run.stress(1)
    seconds = options.seconds
    for _ in range(TRIES):
        before, after = after, after and run.stress(seconds)
        lines = run.lines
        found = problems_of(lines)
        if before and after:
            after = run.settled(before, after)
        left = left_behind(before, after) if before and after else []
        if found == [NOTHING_DONE]:
            seconds *= 4  # some operations are long, and the machine may be busy
        elif found or not left:
            break
    found += left
    status = run.finish()
    if status != 0:
        found.append(f"the box ended with status {status}")
    return found, lines


def run_natively(name, seconds):
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if name in USER else []
    command += ["prlimit", f"--as={MEMORY}", "stress-ng", "--verify", "--metrics-brief", "--oomable",
                "-t", str(seconds), f"--{name}", "2", *OPTIONS.get(name, [])]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace", check=False, cwd="/tmp")
    return problems_of([*result.stdout.splitlines(keepends=True), f"status {result.returncode}\n"])


def test(name, options):
    found, lines = run_in_box(name, options)
    if not found:
        operations = re.findall(r"metrc: \[\d+\] [a-z-]+ +(\d+) ", "".join(lines))
        print(f"{name}: good, {operations[-1]} operations", flush=True)
        return True
    print(f"{name}: {'; '.join(found)}")
    print("".join(f"    {line}" for line in lines[-20:]), end="")
    native = run_natively(name, options.seconds)
    print(f"  natively: {'; '.join(native) if native else 'good'}", flush=True)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tine")
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--page-tables", default="shared", choices=["shared", "copied"])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(GROUPS))
        return 0
    if not options.tine or not options.names:
        parser.error("--tine and a group, a stressor or `all`")
    names = []
    for name in options.names:
        names += " ".join(GROUPS.values()).split() if name == "all" else GROUPS.get(name, name).split()
    return 0 if all([test(name, options) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
