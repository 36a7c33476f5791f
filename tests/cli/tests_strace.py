"""`--strace` prints what Debian's strace prints of the same program."""
import difflib
import re

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
# What differs from run to run: pids, ports, addresses, and where strace puts the result.
CHANGES = [(re.compile(r"^(\[pid +\d+\]|\d+) +"), ""), (ADDRESS, "ADDRESS"), (re.compile(r"\s+= "), " = "),
           (re.compile(r"htons\(\d+\)"), "htons(PORT)"), (re.compile(r"\b(si_pid=|kill\()\d+"), r"\1PID"),
           (re.compile(r"^getpid\(\) = \d+"), "getpid() = PID")]

PROGRAM = """
import os, resource, select, signal, socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
client.send(b"hello"); peer.recv(20)
events = select.epoll(); events.register(peer, select.EPOLLIN)
queue = select.poll(); queue.register(client, select.POLLOUT); queue.poll(1000)
left, right = socket.socketpair(); left.sendmsg([b"one", b"two"]); left.shutdown(socket.SHUT_WR); right.recv(10)
datagram = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagram.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
datagram.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
signal.signal(signal.SIGUSR1, lambda *_: None); os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_VIRTUAL, 100); signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGRTMIN])
os.memfd_create("name"); os.eventfd(3); os.pipe(); os.umask(0o27)
descriptor = os.open("/tmp/strace-test", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
os.write(descriptor, b"tab\\tquote\\"zero\\0" + b"1"); os.lseek(descriptor, 0, os.SEEK_SET); os.posix_fallocate(descriptor, 0, 100)
os.rename("/tmp/strace-test", "/tmp/strace-test-2"); os.unlink("/tmp/strace-test-2"); os.fstat(descriptor)
if os.fork() == 0: os._exit(5)
os.wait()
"""
COMPARED = {"socket", "bind", "listen", "setsockopt", "getsockopt", "sendto", "recvfrom", "epoll_create1", "poll",
            "socketpair", "sendmsg", "shutdown", "memfd_create", "eventfd2", "pipe2", "umask", "openat", "write", "lseek",
            "fallocate", "rename", "unlink", "newfstatat", "setitimer", "rt_sigprocmask", "rt_sigaction", "kill", "fcntl",
            "prlimit64", "access", "mprotect", "+++"}


def lines_of(trace, compared):
    found = []
    for line in trace.splitlines():
        for pattern, replacement in CHANGES:
            line = pattern.sub(replacement, line)
        name = re.match(r"\w+|---|\+\+\+", line)
        if name and name.group() in compared and "<unfinished" not in line:
            found.append(line)
    return found


def both(box, *command):
    """The trace of a program natively, and in the box."""
    box.finish(["strace", "-f", "-o", str(box.folder / "native"), *command])
    box.run(*command, options=["--strace=" + str(box.folder / "traced")])
    return (box.folder / "native").read_text(), (box.folder / "traced").read_text()


def test_strace_prints_what_strace_prints(box):
    native, traced = both(box, "/usr/bin/python3", "-S", "-c", PROGRAM)
    expected, found = lines_of(native, COMPARED), lines_of(traced, COMPARED)
    assert len(set(expected)) > 100, native[-2000:]  # else nothing was compared
    # Two processes run at once: their order is no fact.
    assert sorted(set(expected)) == sorted(set(found)), "\n".join(
        ["only strace:", *sorted(set(expected) - set(found)), "only the box:", *sorted(set(found) - set(expected))])


def test_strace_shows_signals_and_ends(box):
    native, traced = both(box, "/bin/sh", "-c", "trap 'exit 3' USR1; kill -USR1 $$")
    compared = {"---", "+++", "rt_sigaction", "kill", "execve", "exit_group"}
    expected, found = lines_of(native, compared), lines_of(traced, compared)
    assert expected == found, "\n".join(difflib.unified_diff(expected, found, "strace", "box", lineterm=""))
    native, traced = both(box, "/bin/sh", "-c", "kill -KILL $$")
    assert lines_of(native, {"+++"}) == lines_of(traced, {"+++"}) == ["+++ killed by SIGKILL +++"], traced


def test_strace_shows_where_a_program_waits(box):
    result = box.run("/bin/sleep", "0.05", options=["--strace"]).expect(0)
    assert re.search(r"clock_nanosleep\(CLOCK_REALTIME, 0, \{tv_sec=0, tv_nsec=50000000\}, +<unfinished \.\.\.>\n", result.errors), result
    assert re.search(r"<\.\.\. clock_nanosleep resumed>.*\) += 0\n", result.errors), result


def test_strace_says_what_the_program_got_wrong(box):
    result = box.run("/usr/bin/python3", "-S", "-c", """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(9999, 1, 2); libc.syscall(1, 1, ctypes.c_void_p(8), 10); libc.syscall(13, 70, ctypes.c_void_p(16), 0, 8)
libc.syscall(20, 1, ctypes.c_void_p(24), 1 << 40); libc.syscall(59, ctypes.c_void_p(5), ctypes.c_void_p(5), ctypes.c_void_p(5))
""", options=["--strace"]).expect(0)
    assert re.search(r"syscall_0x270f\(.*\) += -1 ENOSYS", result.errors), result.errors[-2000:]
    assert re.search(r"write\(1, 0x8, 10\) += -1 EFAULT", result.errors), result.errors[-2000:]
    assert re.search(r"execve\(0x5, 0x5, 0x5\) += -1 EFAULT", result.errors), result.errors[-2000:]
