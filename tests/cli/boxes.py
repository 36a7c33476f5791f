"""What tests of boxes in the background need."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time


class Family:
    """Commands of `tine` with a run-time directory of their own; what is left is ended at the end."""

    def __init__(self, box):
        self.box = box
        self.runtime = box.folder / "runtime"
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.runtime))

    def tine(self, *arguments, **more):
        return self.box.finish([self.box.tine, *arguments], env=self.environment, **more)

    def start(self, *program, name="base", options=()):
        self.tine("run", "-d", "--name", name, "--code-cache=off", *options, "--", *program).expect(0, f"{name}\n")

    def popen(self, *arguments, **more):
        return subprocess.Popen([self.box.tine, *arguments], cwd=self.box.folder, env=self.environment,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def boxes(self):
        lines = self.tine("ps", "--json").expect(0).out.splitlines()
        return {entry["name"]: entry for entry in map(json.loads, lines)}

    def sockets(self):
        return sorted(entry.name for entry in (self.runtime / "tine").iterdir())

    def host_process(self, name="base"):
        """The pid of the process that listens on the family's socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.runtime / "tine" / f"{name}.sock"))
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return struct.unpack("3i", peer)[0]

    def kill_host_process(self, name="base"):
        """kill -9, until its socket is closed: a large process takes a while to end."""
        os.kill(self.host_process(name), signal.SIGKILL)
        until(lambda: self.is_listened_to(name), lambda listened_to: not listened_to)

    def is_listened_to(self, name):
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.runtime / "tine" / f"{name}.sock")) == 0

    def logs_until(self, text, name="base"):
        """The log, when it contains the text."""
        return until(lambda: self.tine("logs", name).out, lambda log: text in log)


def until(look, is_right, seconds=30):
    end = time.monotonic() + seconds
    while not is_right(value := look()):
        assert time.monotonic() < end, f"still {value!r}"
        time.sleep(0.02)
    return value


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def family(box):
    made = Family(box)
    try:
        yield made
    finally:
        names = made.tine("ps", "-q").out.split()
        if names:
            made.tine("rm", "-f", *names)


class Terminal:
    """A command of `tine` on a pseudoterminal."""

    def __init__(self, boxes, *arguments, rows=24, columns=80):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
            os.execve(boxes.box.tine, [boxes.box.tine, *arguments], boxes.environment)
        self.seen = ""

    def write(self, text):
        os.write(self.master, text.encode())

    def read_until(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, f"no {pattern!r} in {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.seen), f"no {pattern!r} in {self.seen!r}"
        found, self.seen = self.seen, ""
        return found

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def status(self):
        with contextlib.suppress(OSError):
            while os.read(self.master, 4096):
                pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
