#!/usr/bin/python3
"""What others take to save a running program and to bring it back: qemu-system-x86_64 (without KVM) and CRIU.

usage: peers.py --guest PATH [--mib N] [--rounds N]

GUEST is box_guest of bench/box: it fills N MiB, says "ready", waits for a line and checks its memory. A peer that isn't
installed, or doesn't run here, is named with the reason. Debian's packages, none of which tine needs:
  apt-get install qemu-system-x86 criu busybox-static cpio
and, for the kernel of the virtual machine, the file of a package that is unpacked and not installed:
  apt-get download linux-image-6.1.0-NN-cloud-amd64; peers.py --kernel-package linux-image-6.1.0-NN-cloud-amd64_....deb
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ANSWER_SECONDS = 300


started = []  # processes that go with this program


class NotHere(Exception):
    """Why a peer can't be measured."""


def need(program):
    if shutil.which(program) is None:
        raise NotHere(f"{program} is not installed")


class Console:
    """The serial line of a virtual machine, which is the server's side of a Unix socket."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.line = None
        self.text = ""

    def accept(self):
        self.listener.settimeout(ANSWER_SECONDS)
        self.line = self.listener.accept()[0]
        self.line.settimeout(ANSWER_SECONDS)

    def wait_for(self, word):
        while word not in self.text:
            data = self.line.recv(4096)
            if not data:
                raise NotHere("the virtual machine ended: " + self.text[-300:])
            self.text += data.decode(errors="replace")
        self.text = self.text.split(word, 1)[1]


class Machine:
    """A qemu-system-x86_64 with the guest in it; `incoming`: a saved state that it goes on from."""

    def __init__(self, folder, options, number, incoming=None):
        self.console = Console(f"{folder}/console{number}")
        monitor = f"{folder}/monitor{number}"
        command = ["qemu-system-x86_64", "-accel", "tcg", "-m", str(options.mib + 256), "-nodefaults", "-no-reboot",
                   "-display", "none", "-kernel", options.kernel, "-initrd", f"{folder}/initrd",
                   "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
                   "-chardev", f"socket,id=console,path={folder}/console{number}", "-serial", "chardev:console",
                   "-qmp", f"unix:{monitor},server=on,wait=off"]
        if incoming:
            command += ["-incoming", f"exec:cat {incoming}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        started.append(self.process)
        self.console.accept()
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.settimeout(ANSWER_SECONDS)
        while True:
            try:
                self.monitor.connect(monitor)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    raise NotHere("the virtual machine didn't start") from None
                time.sleep(0.002)
        self.replies = self.monitor.makefile("r", encoding="utf-8")
        self.ask("qmp_capabilities")

    def ask(self, execute, **arguments):
        self.monitor.sendall(json.dumps({"execute": execute, "arguments": arguments}).encode() + b"\n")
        while True:
            reply = json.loads(self.replies.readline())
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                raise NotHere(reply["error"]["desc"])

    def save(self, path):
        self.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.ask("migrate", uri=f"exec:cat > {path}")
        while True:
            status = self.ask("query-migrate").get("status")
            if status == "completed":
                return
            if status == "failed":
                raise NotHere("the state can't be saved")
            time.sleep(0.002)

    def end(self):
        self.process.kill()
        self.process.wait()


def make_initrd(folder, guest):
    tree = f"{folder}/tree"
    for name in ("bin", "dev", "proc"):
        os.makedirs(f"{tree}/{name}")
    shutil.copy(shutil.which("busybox"), f"{tree}/bin/busybox")
    shutil.copy(guest, f"{tree}/bin/guest")
    with open(f"{tree}/init", "w", encoding="ascii") as file:
        file.write("#!/bin/busybox sh\n/bin/busybox mount -t devtmpfs dev /dev\n"
                   "exec </dev/ttyS0 >/dev/ttyS0 2>&1\n/bin/busybox stty -echo\n"
                   "/bin/guest $(/bin/busybox cat /mib) 1\n/bin/busybox sleep 1000\n")
    os.chmod(f"{tree}/init", 0o755)
    return tree


def measure_qemu(options, folder):
    for program in ("qemu-system-x86_64", "busybox", "cpio", "dpkg-deb"):
        need(program)
    if not options.kernel_package:
        raise NotHere("no --kernel-package was given")
    subprocess.run(["dpkg-deb", "-x", options.kernel_package, f"{folder}/kernel"], check=True)
    boot = f"{folder}/kernel/boot"
    options.kernel = next(f"{boot}/{name}" for name in os.listdir(boot) if name.startswith("vmlinuz"))
    tree = make_initrd(folder, options.guest)
    with open(f"{tree}/mib", "w", encoding="ascii") as file:
        file.write(str(options.mib))
    with open(f"{folder}/initrd", "wb") as initrd:
        names = subprocess.run(["find", "."], cwd=tree, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, check=True, input=names, stdout=initrd)
    start = time.monotonic()
    original = Machine(folder, options, 0)
    original.console.wait_for("ready")
    print(f"  qemu: boot until the guest is ready: {time.monotonic() - start:.2f} s")
    state = f"{folder}/state"
    start = time.monotonic()
    original.save(state)
    saved = time.monotonic() - start
    original.end()
    print(f"  qemu: save of {options.mib} MiB: {saved:.2f} s ({os.path.getsize(state) >> 20} MiB)")
    answers = []
    for number in range(1, options.rounds + 1):
        start = time.monotonic()
        copy = Machine(folder, options, number, incoming=state)
        copy.console.line.sendall(b"go\n")
        copy.console.wait_for("done")
        answers.append(time.monotonic() - start)
        copy.end()
    print(f"  qemu: restore until the guest has answered: {statistics.median(answers):.2f} s")


def measure_criu(options, folder):
    need("criu")
    check = subprocess.run(["criu", "check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check.returncode != 0:
        raise NotHere("criu check: " + check.stdout.strip().splitlines()[-1])
    images = f"{folder}/images"
    os.mkdir(images)
    output = open(f"{folder}/output", "wb+")
    os.mkfifo(f"{folder}/input")
    keep = os.open(f"{folder}/input", os.O_RDWR)
    process = subprocess.Popen([options.guest, str(options.mib), "1"], stdin=keep, stdout=output, start_new_session=True)
    started.append(process)
    while b"ready" not in open(f"{folder}/output", "rb").read():
        time.sleep(0.01)
    start = time.monotonic()
    dump = subprocess.run(["criu", "dump", "-t", str(process.pid), "-D", images, "--shell-job"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if dump.returncode != 0:
        raise NotHere("criu dump: " + dump.stdout.strip().splitlines()[-1])
    print(f"  criu: save of {options.mib} MiB: {time.monotonic() - start:.2f} s")
    start = time.monotonic()
    restore = subprocess.run(["criu", "restore", "-D", images, "--shell-job", "-d"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if restore.returncode != 0:
        raise NotHere("criu restore: " + restore.stdout.strip().splitlines()[-1])
    os.write(keep, b"go\n")
    while b"done" not in open(f"{folder}/output", "rb").read():
        time.sleep(0.001)
    print(f"  criu: restore until the guest has answered: {time.monotonic() - start:.2f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--guest", required=True)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernel-package")
    options = parser.parse_args()
    options.guest = os.path.abspath(options.guest)
    measured = 0
    for name, measure in (("qemu", measure_qemu), ("criu", measure_criu)):
        with tempfile.TemporaryDirectory(prefix="tine-peers-") as folder:
            try:
                measure(options, folder)
                measured += 1
            except NotHere as reason:
                print(f"  {name}: not measured: {reason}")
            finally:
                for process in started:
                    process.kill()
                    process.wait()
                started.clear()
    return 0 if measured else 1


if __name__ == "__main__":
    sys.exit(main())
