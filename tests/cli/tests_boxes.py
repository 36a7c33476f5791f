"""Boxes in the background: tine run -d, ps, fork, exec, attach, logs, wait, kill, pause, rm, cp, diff."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import stat
import struct
import time

from boxes import Terminal, family, is_alive, until

PROMPT = ("python3", "-u", "-c", """
import sys
x = 1
print('ready')
for line in sys.stdin:
    exec(line)
""")


def test_boxes_begin_and_end(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "echo out; echo err >&2; read line; echo got $line; exit 3")
        boxes.logs_until("out\n")
        shown = boxes.boxes()
        assert list(shown) == ["base"] and shown["base"]["state"] == "running", shown
        assert shown["base"]["processes"] == 1 and shown["base"]["owned_bytes"] > 0, shown
        assert boxes.tine("ps", "-q").expect(0).out == "base\n"
        assert re.search(r"^NAME +PARENT +STATE .*\nbase +- +running +1 ", boxes.tine("ps").expect(0).out)
        logs = boxes.tine("logs", "base").expect(0)
        assert (logs.out, logs.errors) == ("out\n", "err\n"), logs
        pid = boxes.host_process()
        boxes.tine("attach", "base", stdin="word\n").expect(3, "got word\n")
        boxes.tine("wait", "base").expect(3, "")
        assert boxes.boxes()["base"]["state"] == "exited" and boxes.boxes()["base"]["exit_status"] == 3
        boxes.tine("rm", "base").expect(0)
        until(lambda: is_alive(pid), lambda alive: not alive)
        assert boxes.sockets() == [], boxes.sockets()
        boxes.tine("logs", "base").expect(125, "", "there is no box base")


def test_boxes_directory_and_socket_are_the_callers(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        directory = boxes.runtime / "tine"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((directory / "base.sock").stat().st_mode) == 0o600
        boxes.tine("rm", "-f", "base").expect(0)
        directory.chmod(0o755)
        boxes.tine("run", "-d", "--", "/bin/true").expect(125, "", "mode 0700")
        directory.chmod(0o700)


def test_boxes_fork_goes_on_from_the_same_instant(box):
    with family(box) as boxes:
        boxes.start(*PROMPT)
        boxes.logs_until("ready\n")
        boxes.tine("attach", "--keep-open", "base", stdin="x = 41; print('set')\n").expect(0)
        boxes.logs_until("set\n")
        boxes.tine("fork", "base", "-n", "3").expect(0, "base-1\nbase-2\nbase-3\n")
        boxes.tine("fork", "base-2").expect(0, "base-4\n")
        shown = boxes.boxes()
        assert {name: entry["parent"] for name, entry in shown.items()} == {
            "base": "", "base-1": "base", "base-2": "base", "base-3": "base", "base-4": "base-2"}, shown
        boxes.tine("attach", "base-1", stdin="x += 1; print(x)\nexit(x)\n").expect(42, "42\n")
        boxes.tine("attach", "base-4", stdin="print(x)\n").expect(0, "41\n")
        boxes.tine("attach", "base", stdin="print(x)\n").expect(0, "41\n")
        boxes.tine("wait", "base-4", "base-1").expect(42)
        assert boxes.boxes()["base-2"]["state"] == "running"


def test_boxes_input_that_waits_is_forked_too(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "echo ready; sleep 0.5; cat")
        boxes.logs_until("ready\n")
        boxes.tine("attach", "--keep-open", "base", stdin="waiting\n").expect(0)
        boxes.tine("fork", "base").expect(0, "base-1\n")
        for name in ("base", "base-1"):
            boxes.logs_until("waiting\n", name)


def test_boxes_input_is_taken_before_attach_detaches(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "sleep 0.3; wc -c")
        data = "0123456789" * 100_000  # more than pipes and sockets hold
        boxes.tine("attach", "--keep-open", "base", stdin=data).expect(0, "")
        boxes.tine("attach", "base", stdin="end").expect(0, "1000003\n")


def test_boxes_of_two_families_share_nothing(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000", name="one")
        boxes.start("sleep", "1000", name="two")
        assert boxes.host_process("one") != boxes.host_process("two")
        boxes.tine("fork", "one").expect(0, "one-1\n")
        boxes.tine("fork", "two").expect(0, "two-1\n")
        boxes.tine("exec", "one", "--", "touch", "/tmp/of-one").expect(0)
        boxes.tine("exec", "two", "--", "ls", "/tmp/of-one").expect(2)
        boxes.kill_host_process("one")
        until(lambda: list(boxes.boxes()), lambda names: names == ["two", "two-1"])


def test_boxes_survive_nothing_of_a_killed_host_process(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        boxes.tine("fork", "base", "-n", "5").expect(0)
        follower = boxes.popen("logs", "-f", "base-3")
        waiter = boxes.popen("wait", "base-2")
        time.sleep(0.2)
        pid = boxes.host_process()
        assert not os.path.exists(f"/proc/{pid}/task/{pid}/children") or not pathlib.Path(
            f"/proc/{pid}/task/{pid}/children").read_text(), "a box needs no host process of its own"
        boxes.kill_host_process()
        for client in (follower, waiter):
            out, errors = client.communicate(timeout=30)
            assert client.returncode == 125 and "has gone away" in errors, (out, errors, client.returncode)
        assert boxes.sockets() == ["base.sock"], boxes.sockets()
        boxes.tine("ps", "-q").expect(0, "")
        assert boxes.sockets() == [], boxes.sockets()
        boxes.start("sleep", "1000")  # the name is free
        boxes.kill_host_process()
        boxes.start("sleep", "1000")  # also without a command in between that looks
        boxes.tine("fork", "base").expect(0, "base-1\n")


def test_boxes_are_killed_at_any_moment(box):
    """The host process dies in the middle of commands; what comes next works as if it never was."""
    with family(box) as boxes:
        for delay in (0, 0.001, 0.003, 0.01, 0.03):
            boxes.start("sleep", "1000")
            forking = boxes.popen("fork", "base", "-n", "300")
            time.sleep(delay)
            boxes.kill_host_process()
            forking.communicate(timeout=30)
            assert forking.returncode in (0, 125), forking.returncode
            boxes.tine("ps", "-q").expect(0, "")
            assert boxes.sockets() == [], boxes.sockets()


def test_boxes_names(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        boxes.tine("run", "-d", "--name", "base", "--", "sleep", "1").expect(125, "", "there is a box base already")
        for name in ("", "-x", "a/b", "../x", "a b", "x" * 65, "ä", ".hidden", "base-1", "a-07"):
            boxes.tine("run", "-d", f"--name={name}" if name else "--name=-", "--", "sleep", "1").expect(125, "")
        for name in ("base-1", "other", "../base", "base/", "base-99999999999", ""):
            boxes.tine("logs", name or " ").expect(125, "")
        assert boxes.tine("run", "-d", "--", "/usr/bin/sleep", "1000").expect(0).out == "sleep\n"
        assert boxes.tine("run", "-d", "--", "sleep", "1000").expect(0).out == "sleep_2\n"
        assert sorted(boxes.boxes()) == ["base", "sleep", "sleep_2"]


def test_boxes_that_cannot_start(box):
    with family(box) as boxes:
        for program, status in (("/no/such/program", 127), ("/etc/passwd", 126)):
            result = boxes.tine("run", "-d", "--name", "base", "--", program).expect(status, "", program)
            assert len(result.errors.splitlines()) == 1, result
        assert boxes.sockets() == [], boxes.sockets()
        boxes.tine("run", "--name", "base", "--", "/bin/true").expect(125, "")
        boxes.tine("run", "-d", "--stats", "--", "/bin/true").expect(125, "")
        boxes.tine("ps", "--", "x").expect(125, "")


def test_boxes_wait_and_kill_report_the_program(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done")
        boxes.logs_until("ready\n")
        boxes.tine("fork", "base", "-n", "2").expect(0)
        waiter = boxes.popen("wait", "base")
        boxes.tine("kill", "-s", "TERM", "base").expect(0)
        waiter.communicate(timeout=30)
        assert waiter.returncode == 9, waiter.returncode
        assert "caught\n" in boxes.tine("logs", "base").out
        boxes.tine("kill", "base-1").expect(0)
        boxes.tine("wait", "base-1").expect(137)
        boxes.tine("kill", "base-1").expect(125, "", "base-1 has ended")
        boxes.tine("kill", "-s", "NOSUCH", "base-2").expect(125, "", "there is no signal NOSUCH")
        assert boxes.boxes()["base-2"]["state"] == "running"


def test_boxes_end_with_their_main_process(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "sleep 1000 & sleep 1000 & read line")
        until(lambda: boxes.boxes()["base"]["processes"], lambda count: count == 3)
        boxes.tine("attach", "base", stdin="end\n").expect(0)
        until(lambda: boxes.boxes()["base"]["processes"], lambda count: count == 0)


def test_boxes_log_is_bounded(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "seq 1 200000; read line", options=["--log-size=64K"])
        log = boxes.logs_until("\n200000\n")
        assert 50_000 < len(log) <= 65_536, len(log)
        numbers = [int(line) for line in log.splitlines()[1:]]
        assert numbers == list(range(numbers[0], 200001)), "the latest, without a gap"
        assert boxes.tine("logs", "--tail", "2", "base").expect(0).out == "199999\n200000\n"
        assert boxes.boxes()["base"]["state"] == "running"


def test_boxes_logs_follow_to_the_end(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "echo first; read line; echo last")
        follower = boxes.popen("logs", "-f", "base")
        assert follower.stdout.readline() == "first\n"
        boxes.tine("attach", "--no-stdin", "--keep-open", "base").expect(125)
        boxes.tine("attach", "base", stdin="go\n").expect(0, "last\n")
        assert follower.communicate(timeout=30)[0] == "last\n" and follower.returncode == 0


def test_boxes_attached_output_is_whole(box):
    """A box whose output somebody is attached to waits for him; a log that is smaller loses nothing."""
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "read line; seq 1 300000", options=["--log-size=16K"])
        result = boxes.tine("attach", "base", stdin="go\n").expect(0)
        assert result.out == "".join(f"{number}\n" for number in range(1, 300001)), len(result.out)
        boxes.start("cat", name="cat", options=["--log-size=16K"])
        data = "some line of text\n" * 200_000
        assert boxes.tine("attach", "cat", stdin=data).expect(0).out == data


def test_boxes_attach_from_the_start(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "echo before; read line; echo after")
        boxes.logs_until("before\n")
        boxes.tine("attach", "--logs", "base", stdin="go\n").expect(0, "before\nafter\n")
        boxes.tine("attach", "--logs", "base").expect(0, "before\nafter\n")


def test_boxes_exec_is_a_further_process(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000", options=["--workdir=/usr", "--env=OF_THE_BOX=yes"])
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7").expect(7, "out\n", "err\n")
        boxes.tine("exec", "base", "/bin/sh", "-c", "kill -TERM $$").expect(143)
        boxes.tine("exec", "base", "--", "/no/such").expect(127, "", "/no/such")
        boxes.tine("exec", "base", "--", "/etc/passwd").expect(126, "")
        boxes.tine("exec", "base").expect(125, "", "which program")
        boxes.tine("exec", "-i", "base", "--", "wc", "-c", stdin="12345").expect(0, "5\n")
        boxes.tine("exec", "base", "--", "wc", "-c", stdin="12345").expect(0, "0\n")
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", "pwd; echo $OF_THE_BOX").expect(0, "/usr\nyes\n")
        boxes.tine("exec", "--workdir=/tmp", "--env=OF_THE_BOX=no", "--user=12:34", "base", "--", "/bin/sh", "-c",
                   "pwd; echo $OF_THE_BOX; id -u; id -g").expect(0, "/tmp\nno\n12\n34\n")
        shown = boxes.tine("exec", "base", "--", "ps", "-e", "-o", "pid=,ppid=,sid=,comm=").expect(0).out
        assert re.search(r"^ *2 +1 +1 sleep$", shown, re.M), shown
        assert re.search(r"^ *(\d+) +1 +\1 ps$", shown, re.M), shown
        arguments = os.fsdecode(bytes(range(1, 256)))
        boxes.tine("exec", "base", "--", "/usr/bin/printf", "%s", arguments).expect(0)
        boxes.tine("exec", "base", "--", "python3", "-c", "import sys, os; print(os.fsencode(sys.argv[1]).hex())",
                   arguments).expect(0, bytes(range(1, 256)).hex() + "\n")


def test_boxes_exec_forwards_signals(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        client = boxes.popen("exec", "base", "--", "/bin/sh", "-c",
                             "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done")
        assert client.stdout.readline() == "ready\n"
        client.send_signal(signal.SIGINT)
        assert client.communicate(timeout=30)[0] == "caught\n" and client.returncode == 5, client.returncode


def test_boxes_exec_is_not_forked_with_its_streams(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        client = boxes.popen("exec", "-i", "base", "--", "/bin/sh", "-c", "echo ready; read line; echo $line once")
        assert client.stdout.readline() == "ready\n"
        boxes.tine("fork", "base", "-n", "2").expect(0)
        until(lambda: boxes.boxes()["base-2"]["processes"], lambda count: count == 1)
        out, errors = client.communicate("printed\n", timeout=30)
        assert (out, client.returncode) == ("printed once\n", 0), (out, errors, client.returncode)


def test_boxes_exec_with_a_terminal(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        terminal = Terminal(boxes, "exec", "-it", "--env=PS1=%", "base", "--", "/bin/sh", rows=33, columns=101)
        terminal.read_until("%")
        terminal.write("tty; stty size\n")
        terminal.read_until(r"/dev/pts/\d+\r\n33 101\r\n%")
        terminal.resize(44, 111)
        time.sleep(0.2)
        terminal.write("stty size\n")
        terminal.read_until(r"44 111\r\n%")
        terminal.write("sleep 1000\n")
        time.sleep(0.3)
        terminal.write("\x03")  # to the foreground job in the box, not to tine
        terminal.read_until("%")
        terminal.write("exit 6\n")
        assert terminal.status() == 6
        assert boxes.boxes()["base"]["processes"] == 1


def test_boxes_exec_hangs_up_its_terminal(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        terminal = Terminal(boxes, "exec", "-it", "base", "--", "/bin/sh")
        terminal.write("echo be''gun\n")
        terminal.read_until("begun")
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.status() == -signal.SIGKILL
        until(lambda: boxes.boxes()["base"]["processes"], lambda count: count == 1)


def test_boxes_are_removed_under_those_who_use_them(box):
    with family(box) as boxes:
        boxes.start("cat")
        boxes.tine("fork", "base").expect(0)
        terminal = Terminal(boxes, "exec", "-it", "base", "--", "/bin/sh")
        terminal.write("echo be''gun\n")
        terminal.read_until("begun")
        piped = boxes.popen("exec", "-i", "base", "--", "/bin/sh", "-c", "echo begun; cat")
        assert piped.stdout.readline() == "begun\n"
        attached = boxes.popen("attach", "base")
        follower = boxes.popen("logs", "-f", "base")
        time.sleep(0.2)
        boxes.tine("rm", "-f", "base").expect(0)
        assert terminal.status() == 137
        for client in (piped, attached, follower):
            out, errors = client.communicate(timeout=30)
            assert client.returncode == (0 if client is follower else 137), (out, errors, client.returncode)
        assert list(boxes.boxes()) == ["base-1"]
        boxes.tine("exec", "base-1", "--", "/bin/true").expect(0)


def test_boxes_with_a_terminal(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", options=["-t", "--env=PS1=%"])
        terminal = Terminal(boxes, "attach", "base")
        terminal.write("test -t 0 && x=4''2; echo x is $x\n")
        terminal.read_until(r"x is 42\r\n")
        boxes.tine("fork", "base").expect(0, "base-1\n")
        terminal.write("\x10\x11")  # ctrl-p ctrl-q
        assert terminal.status() == 0
        again = Terminal(boxes, "attach", "base-1")
        again.write("echo still $x; exit 8\n")
        again.read_until(r"still 42\r\n")
        assert again.status() == 8
        assert boxes.boxes()["base"]["state"] == "running"


def test_boxes_pause_and_resume(box):
    with family(box) as boxes:
        boxes.start("/bin/sh", "-c", "n=0; while :; do n=$((n+1)); echo $n; sleep 0.01; done")
        boxes.logs_until("5\n")
        boxes.tine("pause", "base").expect(0)
        assert boxes.boxes()["base"]["state"] == "paused"
        before = boxes.tine("logs", "base").out
        time.sleep(0.3)
        assert boxes.tine("logs", "base").out == before
        boxes.tine("pause", "base").expect(125, "", "base is paused")
        boxes.tine("exec", "base", "--", "/bin/true").expect(125, "", "base is paused")
        boxes.tine("fork", "base").expect(0, "base-1\n")  # the fork runs
        until(lambda: boxes.tine("logs", "base-1").out, lambda log: log.count("\n") > 5)
        assert boxes.tine("logs", "base").out == before
        boxes.tine("resume", "base").expect(0)
        until(lambda: boxes.tine("logs", "base").out, lambda log: len(log) > len(before))
        after = boxes.tine("logs", "base").out.split()
        assert after == [str(number) for number in range(1, len(after) + 1)], "nothing was lost or done twice"
        boxes.tine("resume", "base").expect(125, "", "not paused")
        boxes.tine("pause", "base").expect(0)
        boxes.tine("kill", "base").expect(0)
        boxes.tine("wait", "base").expect(137)


def test_boxes_rm(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        boxes.tine("fork", "base", "-n", "2").expect(0)
        boxes.tine("rm", "base").expect(125, "", "base is running")
        boxes.tine("rm", "-f", "base", "base-7", "base-1").expect(125, "", "there is no box base-7")
        assert list(boxes.boxes()) == ["base-2"]
        boxes.tine("fork", "base-2").expect(0, "base-3\n")
        boxes.start("/bin/true", name="short", options=["--rm"])
        until(boxes.sockets, lambda names: names == ["base.sock"])


def test_boxes_cp(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        script = ("mkdir -p /tmp/d/e && echo one >/tmp/d/one && head -c 300000 /dev/zero >/tmp/d/e/zeros && ln -s /etc/passwd /tmp/d/link"
                  " && mkfifo /tmp/d/fifo && chmod 640 /tmp/d/one && touch -d @1000000000 /tmp/d/one && printf '' >/tmp/d/empty")
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", script).expect(0)
        boxes.tine("fork", "base").expect(0, "base-1\n")
        boxes.tine("cp", "base-1:/tmp/d", "copy").expect(1, "", "fifo is left out")
        copy = box.folder / "copy"
        assert sorted(entry.name for entry in copy.iterdir()) == ["e", "empty", "link", "one"]
        assert (copy / "one").read_text() == "one\n" and (copy / "e" / "zeros").read_bytes() == bytes(300000)
        assert stat.S_IMODE((copy / "one").stat().st_mode) == 0o640 and (copy / "one").stat().st_mtime == 1000000000
        assert os.readlink(copy / "link") == "/etc/passwd" and (copy / "empty").read_bytes() == b""
        boxes.tine("cp", "base:/tmp/d/one", ".").expect(0)
        assert (box.folder / "one").read_text() == "one\n"
        boxes.tine("cp", "base:/proc/self/no", ".").expect(125, "", "No such file")
        boxes.tine("cp", "copy", "base:/tmp/back").expect(0)
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", "cd /tmp/back; find . | sort; cat one; stat -c '%a %Y' one; readlink link").expect(
            0, ".\n./e\n./e/zeros\n./empty\n./link\n./one\none\n640 1000000000\n/etc/passwd\n")
        boxes.tine("exec", "base-1", "--", "ls", "/tmp/back").expect(2)
        boxes.tine("cp", "one", "base:/no/such/place").expect(125, "", "No such file")
        boxes.tine("cp", "one", "two").expect(125, "", "BOX:PATH")


def test_boxes_cp_of_much(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", "mkdir /tmp/much; cd /tmp/much; seq 1 3000000 >numbers;"
                   " for i in $(seq 1 500); do echo $i >$i; done").expect(0)
        for number in range(5):
            boxes.tine("cp", "base:/tmp/much", f"copy{number}").expect(0)
            copy = box.folder / f"copy{number}"
            assert (copy / "numbers").stat().st_size == 22888896 and len(list(copy.iterdir())) == 501
        boxes.tine("cp", "copy0", "base:/tmp/back").expect(0)
        boxes.tine("exec", "base", "--", "diff", "-r", "/tmp/much", "/tmp/back").expect(0, "")


def test_boxes_diff(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000", options=["--root=/"])
        kept = boxes.tine("diff", "base").expect(0).out
        script = "echo x >>/etc/hostname; echo new >/etc/new; rm /etc/passwd; mkdir -p /opt/a/b; echo 1 >/opt/a/b/c"
        boxes.tine("exec", "--user=0", "base", "--", "/bin/sh", "-c", script).expect(0)
        boxes.tine("fork", "base").expect(0, "base-1\n")
        changes = boxes.tine("diff", "base").expect(0).out
        for line in ("C /etc", "C /etc/hostname", "A /etc/new", "D /etc/passwd", "A /opt/a", "A /opt/a/b", "A /opt/a/b/c"):
            assert line in changes.splitlines() and line not in kept.splitlines(), (line, changes)
        assert boxes.tine("diff", "base-1").expect(0).out == changes
        boxes.tine("exec", "--user=0", "base-1", "--", "rm", "/etc/new").expect(0)
        assert "A /etc/new" not in boxes.tine("diff", "base-1").expect(0).out
        assert boxes.tine("diff", "base").expect(0).out == changes


def test_boxes_host_process_is_behind_the_filter(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        pid = boxes.host_process()
        for task in os.listdir(f"/proc/{pid}/task"):
            status = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
            assert re.search(r"^Seccomp:\t2$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M), status
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        # It holds nothing of the caller's: no terminal, no pipe that the caller waits for.
        assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1)] == ["/dev/null"] * 2


def frame(kind, payload):
    return struct.pack("<I", len(payload)) + kind + payload


def test_boxes_bad_requests_end_the_connection_alone(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        path = str(boxes.runtime / "tine" / "base.sock")
        bad = [b"\xff" * 100, frame(b"J", b"{"), frame(b"J", b"[]"), frame(b"J", b'{"command": 7}'), frame(b"Z", b"{}"),
               frame(b"J", b'{"command": "no-such"}'), frame(b"J", b'{"command": "fork"}'), frame(b"O", b"x"),
               frame(b"J", b'{"command": "fork", "box": "base", "count": "many"}'),
               frame(b"J", b'{"command": "fork", "box": "base", "count": 1000000000}'),
               frame(b"J", b'{"command": "exec", "box": "base", "arguments": ["true"]}'),
               frame(b"J", b'{"command": "attach", "box": "base"}') + frame(b"D", b"x"),
               frame(b"J", b'{"command": "write", "box": "base", "path": "/tmp"}') + frame(
                   b"J", b'{"entry": "file", "name": "../x", "mode": 420, "mtime": [0, 0]}'),
               b"[" * 100_000, frame(b"J", b"[" * 100_000), struct.pack("<I", 1 << 31) + b"J"]
        for request in bad:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(30)
                connection.connect(path)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.sendall(request)
                    while connection.recv(65536):
                        pass  # to the end: the server closes
        with socket.socket(socket.AF_UNIX) as connection:  # more descriptors than any command has
            connection.connect(path)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(connection, [frame(b"J", b"{}")], [0] * 20)
                assert connection.recv(1) == b""
        assert list(boxes.boxes()) == ["base"]
        boxes.tine("exec", "base", "--", "/bin/true").expect(0)
