"""The options of `tine run`."""
import json
import os
import re
import signal
import subprocess
import time


def test_version_and_help(box):
    result = box.finish([box.tine, "--version"]).expect(0)
    assert re.fullmatch(r"tine \d+\.\d+\.\d+\n", result.out), result
    result = box.finish([box.tine, "--help"]).expect(0)
    assert "Examples" in result.out and "run" in result.out, result
    result = box.finish([box.tine, "run", "--help"]).expect(0)
    for option in ("--root", "--bind", "--workdir", "--env", "--clear-env", "--hostname", "--user", "--memory",
                   "--cpus", "--page-tables", "--code-cache", "--no-seccomp", "--strace", "--stats"):
        assert option in result.out, f"{option}: {result}"


def test_wrong_usage_is_125(box):
    box.finish([box.tine]).expect(125)
    box.finish([box.tine, "no-such-command"]).expect(125)
    box.finish([box.tine, "run"]).expect(125)
    box.finish([box.tine, "run", "--no-such-option", "--", "/bin/true"]).expect(125)
    for option in ("--page-tables=magic", "--memory=lots", "--cpus=0", "--bind=/no/such/folder", "--root=/no/such",
                   "--user=no-such-user"):
        box.finish([box.tine, "run", option, "--", "/bin/true"]).expect(125)


def test_exit_status_is_the_programs(box):
    for status in (0, 1, 42, 255):
        box.run("/bin/sh", "-c", f"exit {status}").expect(status, "")
    box.run("/bin/sh", "-c", "kill -9 $$").expect(137)
    box.run("/bin/sh", "-c", "kill -TERM $$").expect(143)


def test_arguments_after_the_program_are_its_own(box):
    box.finish([box.tine, "run", "/bin/echo", "--help", "--", "-x"]).expect(0, "--help -- -x\n")
    box.run("/bin/echo", "a b", "").expect(0, "a b \n")


def test_standard_streams_are_the_callers(box):
    box.run("/bin/cat", stdin="through\n").expect(0, "through\n")
    box.run("/bin/sh", "-c", "echo out; echo err >&2").expect(0, "out\n", "err")
    data = "line\n" * 200000
    box.run("/bin/cat", stdin=data).expect(0, data)


def test_standard_streams_that_are_files(box):
    numbers = box.folder / "numbers"
    numbers.write_text("".join(f"{number}\n" for number in range(1000)))
    box.finish(["/bin/sh", "-c", f"exec <{numbers}; {box.tine} run -- tail -c 4; {box.tine} run -- wc -c"]).expect(
        0, "999\n0\n")  # the offset is the caller's
    program = "import os; print(os.lseek(0, 0, 1), flush=True); os.write(1, b'gone'); os.ftruncate(1, 2)"
    shell = f"{box.tine} run -- python3 -S -c \"{program}\" </dev/null >{box.folder}/written"
    box.finish(["/bin/sh", "-c", shell]).expect(0, "")
    assert (box.folder / "written").read_text() == "0\n"


def test_settings_that_mean_something(box):
    """core(5), naming of core files; pipe(7), pipe-max-size of the unprivileged. Of the box, not of the host."""
    script = r"""
import fcntl, glob, os, signal, subprocess
def set(name, value):
    with open(f"/proc/sys/{name}", "w") as file:
        file.write(value)
os.makedirs("/tmp/cores"); os.chdir("/tmp/cores")
set("kernel/core_pattern", "of-%e-%s-%%-%u")
set("kernel/core_uses_pid", "1")
child = subprocess.Popen(["sh", "-c", "ulimit -c unlimited; kill -QUIT $$"])
print(child.wait() == -signal.SIGQUIT, os.listdir() == [f"of-sh-3-%-0.{child.pid}"])
for name, value in (("kernel/core_pattern", "|/bin/cat"), ("fs/pipe-max-size", "10"), ("fs/pipe-max-size", "x")):
    try:
        set(name, value)
    except OSError as error:
        print(error.errno)
set("fs/pipe-max-size", "4096")
print(fcntl.fcntl(os.pipe()[0], 1032))
os.setuid(1234)
print(fcntl.fcntl(os.pipe()[0], 1032))
"""
    box.run("/usr/bin/python3", "-S", "-c", script).expect(0, "True True\n22\n22\n22\n65536\n4096\n")


def test_settings_bound_pids_descriptors_and_namespaces(box):
    """proc(5), pid_max, nr_open; namespaces(7), /proc/sys/user; sched(7). Of the box, not of the host."""
    script = r"""
import ctypes, errno, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def set(name, value):
    try:
        with open(f"/proc/sys/{name}", "w") as file:
            file.write(value)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
def unshare(flags):
    return "ok" if libc.unshare(flags) == 0 else errno.errorcode[ctypes.get_errno()]
print(set("kernel/pid_max", "300"), set("kernel/pid_max", "4194305"), set("kernel/pid_max", "301"))
pids = []
for _ in range(310):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    pids.append(pid)
print(max(pids), min(pids[-5:]))
os.dup2(1, 65)
print(set("fs/nr_open", "63"), set("fs/nr_open", "64"), unshare(0x400))
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (65, 65))
except (OSError, ValueError):
    print("EPERM")
print(set("user/max_uts_namespaces", "0"), unshare(0x04000000), set("user/max_uts_namespaces", "9"), unshare(0x04000000))
print(set("kernel/sched_rt_period_us", "0"), set("kernel/sched_rt_runtime_us", "1000001"),
      set("kernel/sched_rt_period_us", "900000"), set("kernel/sched_rr_timeslice_ms", "-1"))
print(open("/proc/sys/kernel/sched_rr_timeslice_ms").read(), end="")
"""
    box.run("/usr/bin/python3", "-S", "-c", script).expect(
        0, "EINVAL EINVAL ok\n300 300\nEINVAL ok EMFILE\nEPERM\nok ENOSPC ok ok\nEINVAL EINVAL EINVAL ok\n100\n")


def test_kernel_configuration_is_told(box):
    """proc(5), /proc/config.gz: gzip(1) reads it, and it says of namespaces what unshare(1) finds."""
    box.run("/bin/sh", "-c", "zcat /proc/config.gz | grep -E '_(UTS|TIME)_NS|CONFIG_HZ='").expect(
        0, "CONFIG_HZ=250\nCONFIG_UTS_NS=y\n# CONFIG_TIME_NS is not set\n")


def test_standard_streams_that_are_files_can_be_mapped(box):
    """The same program natively and in the box, with the same files as standard input and output."""
    program = """
import mmap, os
given = mmap.mmap(0, 0, access=mmap.ACCESS_READ)
shared, private = mmap.mmap(1, 0), mmap.mmap(1, 0, access=mmap.ACCESS_COPY)
said = [given[:5], len(given), os.read(0, 5)]
shared[0:4], private[4:8] = b'SHAR', b'priv'
said += [os.pread(1, 8, 0), private[:8]]
os.pwrite(1, b'late', 8)
said += [shared[:12]]
os.ftruncate(1, 6)
said += [shared[:6], shared[6:12]]
os.ftruncate(1, 5000)
shared[10:13] = b'end'
if os.fork() == 0:
    shared[13] = 33
    os._exit(0)
os.wait()
try:
    mmap.mmap(2, 100)
except OSError as error:
    said += [error.errno]
os.write(2, repr(said).encode())
"""
    said = {}
    for name, command in (("native", []), ("box", [box.tine, "run", "--"])):
        given, written = box.folder / "given", box.folder / f"written-{name}"
        given.write_bytes(b"what is given\n" * 1000)
        written.write_bytes(b"." * 8192)
        for mode in ("r+b", "a+b"):
            with open(given, "rb") as stdin, open(written, mode) as stdout:
                result = subprocess.run(command + ["/usr/bin/python3", "-S", "-c", program], stdin=stdin, stdout=stdout,
                                        stderr=subprocess.PIPE, timeout=60, check=True)
            said[name] = said.get(name, []) + [result.stderr, written.read_bytes()]
    assert said["native"] == said["box"], said
    assert said["box"][1][:14] == b"SHAR..\0\0\0\0end!", said


def test_what_is_written_to_a_mapped_file_of_a_bind_arrives(box):
    """Without msync(2): "the updates are carried through to the underlying file" (mmap(2), MAP_SHARED)."""
    kept = box.folder / "kept"
    for end in ("m.close()", "os._exit(0)", "os.kill(os.getpid(), 9)", "os.unlink('/kept/other')"):
        kept.write_bytes(b"." * 8192)
        (box.folder / "other").unlink(missing_ok=True)
        os.link(kept, box.folder / "other")
        program = ("import mmap, os; f = open('/kept/other', 'r+b'); m = mmap.mmap(f.fileno(), 0); f.close(); "
                   f"m[0:4] = b'SHAR'; m[-1] = 33; {end}")
        box.run("python3", "-S", "-c", program, options=[f"--bind={box.folder}:/kept:rw"])
        assert kept.read_bytes() == b"SHAR" + b"." * 8187 + b"!", end


def test_a_mapped_file_of_a_bind_keeps_what_was_written_before_it_was_cut(box):
    kept = box.folder / "kept"
    kept.write_bytes(b"." * 8192)
    program = ("import mmap, os; f = open('/kept/kept', 'r+b'); m = mmap.mmap(f.fileno(), 0); m[0:4] = b'SHAR'; "
               "os.ftruncate(f.fileno(), 6); print(m[:8]); m[4:6] = b'ED'")
    box.run("python3", "-S", "-c", program, options=[f"--bind={box.folder}:/kept:rw"]).expect(0, "b'SHAR..\\x00\\x00'\n")
    assert kept.read_bytes() == b"SHARED", kept.read_bytes()


def test_environment(box):
    environment = dict(os.environ, INHERITED="yes")
    box.run("/usr/bin/env", options=["--clear-env", "--env", "A=b", "--env", "INHERITED"], env=environment).expect(
        0, "A=b\nINHERITED=yes\n")
    result = box.run("/usr/bin/env", options=["--env=INHERITED=changed"], env=environment).expect(0)
    assert "INHERITED=changed\n" in result.out and "INHERITED=yes" not in result.out


def test_program_is_searched_in_path(box):
    box.run("echo", "found").expect(0, "found\n")


def test_working_directory(box):
    box.run("/bin/pwd").expect(0, f"{box.folder}\n")
    box.run("/bin/pwd", options=["--workdir=/usr"]).expect(0, "/usr\n")


def test_hostname_and_user(box):
    box.run("/bin/sh", "-c", "uname -n; hostname", options=["--hostname=some-name"]).expect(0, "some-name\nsome-name\n")
    box.run("/bin/sh", "-c", "id -u; id -g", options=["--user=1234:56"]).expect(0, "1234\n56\n")
    box.run("/bin/sh", "-c", "id -un", options=["--user=nobody"]).expect(0, "nobody\n")


def test_writes_stay_in_the_box(box):
    box.write("kept", "host\n", 0o644)
    script = "echo box >kept; cat kept; echo new >new; rm /etc/passwd; ls /etc/passwd 2>/dev/null; mkdir /usr/made && echo made; cat new"
    box.run("/bin/sh", "-c", script).expect(0, "box\nmade\nnew\n")
    assert (box.folder / "kept").read_text() == "host\n"
    assert not (box.folder / "new").exists()
    assert os.path.exists("/etc/passwd") and not os.path.exists("/usr/made")


def test_bind_read_write_and_read_only(box):
    shared = box.folder / "shared"
    shared.mkdir()
    (shared / "file").write_text("host\n")
    script = "cat /data/file; echo box >/data/file; echo more >/data/new; ls /data"
    box.run("/bin/sh", "-c", script, options=[f"--bind={shared}:/data:rw"]).expect(0, "host\nfile\nnew\n")
    assert (shared / "file").read_text() == "box\n" and (shared / "new").read_text() == "more\n"
    result = box.run("/bin/sh", "-c", "cat /data/file; echo x >/data/file || echo refused", options=[f"--bind={shared}:/data:ro"])
    result.expect(0, "box\nrefused\n")
    assert (shared / "file").read_text() == "box\n"


def test_root(box):
    root = box.folder / "root"
    (root / "bin").mkdir(parents=True)
    with open("/bin/busybox", "rb") as file:
        busybox = root / "bin" / "busybox"
        busybox.write_bytes(file.read())
        busybox.chmod(0o755)
    box.run("/bin/busybox", "ls", "/bin", options=[f"--root={root}", "--workdir=/"]).expect(0, "busybox\n")
    box.run("/bin/busybox", "cat", "/../../../etc/passwd", options=[f"--root={root}", "--workdir=/"]).expect(1, "")


def test_strace_prints_one_line_a_call(box):
    result = box.run("/bin/echo", "hello", options=["--strace"]).expect(0, "hello\n")
    assert re.search(r'write\(1, "hello\\n", 6\)\s*= 6', result.errors), result
    assert re.search(r'execve\(|exit_group\(0\)', result.errors), result
    box.run("/bin/cat", "/no/such", options=["--strace=trace"]).expect(1)
    trace = (box.folder / "trace").read_text()
    assert re.search(r'openat\(AT_FDCWD, "/no/such", O_RDONLY.*\)\s*= -1 ENOENT \(No such file or directory\)', trace), trace[-800:]


def test_stats_is_json(box):
    box.run("/bin/sh", "-c", "for i in 1 2 3; do /bin/true; done", options=["--stats=stats.json"]).expect(0)
    stats = json.loads((box.folder / "stats.json").read_text())
    text = json.dumps(stats)
    for word in ("fork", "fault", "block", "tlb", "memory"):
        assert word in text.lower(), f"{word}: {text}"
    # dash forks for each /bin/true (vfork or fork), and each of them faults in pages of its own.
    assert stats["processes"]["forks"] + stats["processes"]["vforks"] == 3, text
    assert all(stats["faults"][kind] > 0 for kind in ("zero_filled", "file_pages", "copied")), text


def test_stats_say_that_nothing_is_left(box):
    script = ("cat /proc/self/maps >kept; mkfifo fifo; sleep 9 & python3 -S -c '"
              "import mmap, os, socket; a, b = socket.socketpair(); socket.send_fds(a, [b\"x\"], [a.fileno(), b.fileno()]); "
              "m = mmap.mmap(-1, 1 << 20); m[5000] = 1; os.fork(); os.fork(); "
              "p = mmap.mmap(os.open(\"/bin/bash\", 0), 0, prot=1); p[99999]; os.pipe()'")
    for kind in ("shared", "copied"):
        box.run("/bin/sh", "-c", script, options=["--stats=stats.json", f"--page-tables={kind}"]).expect(0)
        left = json.loads((box.folder / "stats.json").read_text())["left"]
        assert left == {"frames": 0, "page_table_nodes": 0, "host_descriptors": 0}, left


def test_page_tables_of_both_kinds(box):
    for kind in ("shared", "copied"):
        box.run("/bin/sh", "-c", "(echo child); echo parent", options=[f"--page-tables={kind}"]).expect(0, "child\nparent\n")


def test_network_is_closed_unless_asked_for(box):
    script = ("import socket\ns = socket.socket()\ns.settimeout(5)\n"
              "try: s.connect(('192.0.2.1', 80))\nexcept OSError as e: print(e.errno)")
    box.run("/usr/bin/python3", "-c", script).expect(0, "101\n")  # ENETUNREACH


def test_proc_and_dev_speak_of_the_box(box):
    box.run("/bin/sh", "-c", "cat /proc/$$/comm; set -- /proc/[0-9]*; echo $#; cat /proc/sys/kernel/hostname",
            options=["--hostname=abc"]).expect(0, "sh\n2\nabc\n")
    box.run("/bin/sh", "-c", "head -c 5 /dev/zero | wc -c; head -c 16 /dev/urandom | wc -c; echo x >/dev/null; cat </dev/null; "
            "readlink /dev/fd; test -c /dev/tty && echo tty").expect(0, "5\n16\n/proc/self/fd\ntty\n")


def test_many_boxes_at_once(box):
    processes = [box.start("/bin/sh", "-c", f"echo {n} | cat; exit {n}") for n in range(8)]
    for number, process in enumerate(processes):
        out, _ = process.communicate(timeout=60)
        assert (out, process.returncode) == (f"{number}\n", number)


def translated(box, *options):
    """Instructions that a run of a small program translated."""
    box.run("/bin/echo", "same", options=["--stats=stats.json", *options]).expect(0, "same\n")
    return json.loads((box.folder / "stats.json").read_text())["translation"]["instructions"]


def takes_nothing_over(box, *options):
    """Whether such a run uses no kept translation. How many it makes differs by a few when others run."""
    translated(box, *options)
    return json.loads((box.folder / "stats.json").read_text())["translation"]["pages_restored"] == 0


def test_code_cache_saves_translation(box):
    option = f"--code-cache={box.folder}/kept/code"
    first = translated(box, option)
    files = list((box.folder / "kept" / "code").iterdir())
    assert len(files) == 1 and files[0].stat().st_mode & 0o777 == 0o600, files
    assert (box.folder / "kept" / "code").stat().st_mode & 0o777 == 0o700
    assert translated(box, option) < first / 10
    assert not takes_nothing_over(box, option)


def test_code_cache_clears_what_a_killed_run_left(box):
    folder = box.folder / "code"
    folder.mkdir(mode=0o700)
    for name, age in (("sh-1-2.code.123", 3600), ("sh-1-2.code.124", 0), ("a.code.txt", 3600), ("b", 3600)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - age,) * 2)
    translated(box, f"--code-cache={folder}")
    left = {file.name for file in folder.iterdir()}
    assert "sh-1-2.code.123" not in left and {"sh-1-2.code.124", "a.code.txt", "b"} <= left, left


def test_code_cache_off_and_default(box):
    environment = dict(os.environ, XDG_CACHE_HOME=str(box.folder / "cache"))
    box.run("/bin/echo", "x", options=["--code-cache=off"], env=environment).expect(0, "x\n")
    assert not (box.folder / "cache").exists()
    box.run("/bin/echo", "x", env=environment).expect(0, "x\n")
    assert len(list((box.folder / "cache" / "tine").iterdir())) == 1
    del environment["XDG_CACHE_HOME"]
    environment["HOME"] = str(box.folder / "home")
    (box.folder / "home").mkdir()
    box.run("/bin/echo", "x", env=environment).expect(0, "x\n")
    assert len(list((box.folder / "home" / ".cache" / "tine").iterdir())) == 1
    environment["HOME"] = "/no/such/home"
    box.run("/bin/echo", "x", env=environment).expect(0, "x\n", error_lines=0)


def test_code_cache_that_is_damaged_is_ignored(box):
    option = f"--code-cache={box.folder}/code"
    first = translated(box, option)
    file = next((box.folder / "code").iterdir())
    good = file.read_bytes()
    for damaged in (b"", good[:1000], good[:-1], good + b"x", good[:len(good) // 2] + b"\xcc" * 64 + good[len(good) // 2 + 64:],
                    bytes(len(good))):
        file.write_bytes(damaged)
        assert takes_nothing_over(box, option)
        assert file.read_bytes() != damaged  # a good one takes its place
    assert translated(box, option) < first / 10


def test_code_cache_that_is_read_for_little_is_made_anew(box):
    """A file has all that any run has translated and is read whole: what runs don't use goes in the end."""
    option = f"--code-cache={box.folder}/code"
    modules = "asyncio, argparse, csv, ctypes, decimal, difflib, email.message, json, pickle, sqlite3, unittest.mock"
    box.run("/bin/sh", "-c", f"/usr/bin/python3 -S -c 'import {modules}'; true", options=[option]).expect(0)
    file = next((box.folder / "code").iterdir())
    large = file.stat().st_size
    assert large > 8 << 20, large
    for _ in range(8):
        assert file.stat().st_size == large
        box.run("/bin/sh", "-c", "true", options=[option]).expect(0)
    box.run("/bin/sh", "-c", "true", options=[option]).expect(0)
    assert file.stat().st_size < large / 4, (file.stat().st_size, large)


def test_code_cache_that_others_may_write_is_ignored(box):
    folder = box.folder / "code"
    option = f"--code-cache={folder}"
    translated(box, option)
    folder.chmod(0o777)
    assert takes_nothing_over(box, option)
    folder.chmod(0o700)
    file = next(folder.iterdir())
    file.chmod(0o666)
    assert takes_nothing_over(box, option)
    file.unlink(missing_ok=True)
    (box.folder / "elsewhere").mkdir(mode=0o700)
    link = box.folder / "link"
    link.symlink_to(box.folder / "elsewhere")
    assert takes_nothing_over(box, f"--code-cache={link}")
    assert not list((box.folder / "elsewhere").iterdir())


def test_code_cache_follows_a_changed_program(box):
    option = f"--code-cache={box.folder}/code"
    for status in (3, 4):
        program = box.compile("program", f"int main(void) {{ return {status}; }}")
        for _ in range(2):
            box.run(program, options=[option]).expect(status)


def test_forwarded_signal_says_who_sent_it(box):
    program = ("import signal; wanted = {signal.SIGUSR1}; signal.pthread_sigmask(signal.SIG_BLOCK, wanted); "
               "print('ready', flush=True); got = signal.sigwaitinfo(wanted); "
               "print(got.si_signo == signal.SIGUSR1, got.si_code, got.si_pid, got.si_uid)")
    process = box.start("/usr/bin/python3", "-S", "-c", program)
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGUSR1)
    out, errors = process.communicate(timeout=60)
    # SI_USER, from a process that the box has no number for, of our user
    assert (out, process.returncode) == (f"True 0 0 {os.getuid()}\n", 0), (out, errors)
