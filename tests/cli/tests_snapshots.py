"""Boxes in files: tine save, tine restore."""
import os
import pathlib
import re
import time

from boxes import Terminal, family, until

PROMPT = ("python3", "-u", "-c", """
import sys
x = 1
print('ready')
for line in sys.stdin:
    exec(line)
""")


def saved(boxes, name="base"):
    """The path of a file that the box was saved in."""
    path = boxes.box.folder / "app.tine"
    boxes.tine("save", name, str(path)).expect(0, "")
    return path


def test_snapshots_go_on_from_the_same_instant(box):
    with family(box) as boxes:
        boxes.start(*PROMPT)
        boxes.logs_until("ready\n")
        boxes.tine("attach", "--keep-open", "base", stdin="x = 41; print('set')\n").expect(0)
        path = saved(boxes)
        boxes.tine("attach", "--keep-open", "base", stdin="x = 0; print('changed')\n").expect(0)
        boxes.tine("restore", str(path), "-n", "3").expect(0, "app\napp-1\napp-2\n")
        for number, name in enumerate(("app", "app-1", "app-2")):
            boxes.tine("attach", name, stdin=f"x += {number}; print(x)\n").expect(0, f"{41 + number}\n")
        boxes.tine("restore", str(path), "--name", "other").expect(0, "other\n")
        boxes.tine("attach", "other", stdin="print(x)\n").expect(0, "41\n")
        boxes.tine("attach", "base", stdin="print(x)\n").expect(0, "0\n")


def test_snapshots_of_restored_boxes(box):
    with family(box) as boxes:
        boxes.start(*PROMPT)
        boxes.logs_until("ready\n")
        path = saved(boxes)
        for generation in ("one", "two", "three"):
            boxes.tine("restore", str(path), "--name", generation).expect(0, f"{generation}\n")
            boxes.tine("attach", "--keep-open", generation, stdin="x *= 2; print(x)\n").expect(0)
            path = saved(boxes, generation)
        # What a box wrote and nobody has read yet goes on with it: 2, 4 and 8 may come first.
        boxes.tine("restore", str(path), "--name", "four").expect(0)
        boxes.tine("attach", "four", stdin="print('x is', x)\n").expect(0)
        boxes.logs_until("x is 8\n", "four")


def test_snapshots_have_files_and_what_exec_needs(box):
    with family(box) as boxes:
        boxes.start("sh", "-c", "cd /tmp && echo data > made && rm -f gone && exec sleep 1000",
                    options=("--env", "GREETING=hello", "--workdir", "/usr"))
        until(lambda: boxes.tine("exec", "base", "--", "cat", "/tmp/made").out, lambda text: text == "data\n")
        path = saved(boxes)
        boxes.tine("rm", "-f", "base").expect(0)
        boxes.tine("restore", str(path)).expect(0, "app\n")
        boxes.tine("exec", "app", "--", "cat", "/tmp/made").expect(0, "data\n")
        boxes.tine("exec", "app", "--", "sh", "-c", "echo $GREETING; pwd").expect(0, "hello\n/usr\n")
        assert "A /tmp/made\n" in boxes.tine("diff", "app").expect(0).out
        assert "sleep" in boxes.tine("exec", "app", "--", "cat", "/proc/2/comm").expect(0).out


def test_snapshots_of_a_thread_bound_to_a_vcpu_that_is_gone(box):
    with family(box) as boxes:
        boxes.start("python3", "-uc", "import os\nos.sched_setaffinity(0, {3})\nprint('bound')\n"
                    "print(input(), len(os.sched_getaffinity(0)))", options=("--cpus", "4"))
        boxes.logs_until("bound\n")
        path = saved(boxes)
        boxes.tine("restore", "--cpus", "2", str(path)).expect(0, "app\n")
        boxes.tine("attach", "app", stdin="runs\n").expect(0, "runs 2\n")


def test_snapshots_with_a_terminal(box):
    with family(box) as boxes:
        boxes.start("sh", options=("-t",))
        terminal = Terminal(boxes, "attach", "base")
        terminal.write("word=kept; echo is-$word\n")  # what is typed alone may be the outer terminal's echo
        terminal.read_until("is-kept")
        path = saved(boxes)
        boxes.tine("restore", str(path)).expect(0, "app\n")
        restored = Terminal(boxes, "attach", "app")
        restored.write("echo is-$word; tty\n")
        restored.read_until("is-kept\r\n/dev/pts/0\r\n")


def test_snapshots_waiting_input_is_saved(box):
    with family(box) as boxes:
        boxes.start("sh", "-c", "sleep 1000 & read line; echo got $line")
        time.sleep(0.3)
        boxes.tine("pause", "base").expect(0)
        boxes.tine("attach", "--keep-open", "base", stdin="waiting\n").expect(0)
        path = saved(boxes)
        boxes.tine("restore", str(path)).expect(0, "app\n")
        boxes.logs_until("got waiting\n", "app")


def test_snapshots_that_were_not_written_whole_have_no_name(box):
    """kill -9 of the background process, or of the command, at any moment."""
    with family(box) as boxes:
        path = box.folder / "app.tine"
        path.write_text("what was there before")
        for delay in (0, 0.02, 0.05, 0.1, 0.2):
            boxes.start("python3", "-c", "x = __import__('os').urandom(80 << 20); print('ready', flush=True); input()")
            boxes.logs_until("ready\n")
            saving = boxes.popen("save", "base", str(path))
            time.sleep(delay)
            boxes.kill_host_process()
            out, errors = saving.communicate(timeout=60)
            if saving.returncode == 0:  # it was quicker
                path.write_text("what was there before")
            else:
                assert saving.returncode == 125 and re.search("has gone away|there is no box", errors), (out, errors)
                assert path.read_text() == "what was there before"
            assert [entry.name for entry in box.folder.iterdir() if "tine" in entry.name] == ["app.tine"]


def test_snapshots_that_are_refused(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        path = saved(boxes)
        whole = path.read_bytes()
        text = box.folder / "text"
        text.write_text("TINE is no magic\n")
        boxes.tine("restore", str(text)).expect(125, "", f"{text}: it is no file that a box was saved in")
        path.write_bytes(whole[:-1])
        boxes.tine("restore", str(path)).expect(125, "", "it is damaged, or was not written whole")
        path.write_bytes(whole[:8] + b"\xf2" + whole[9:])  # a format that is to come
        boxes.tine("restore", str(path)).expect(125, "", "it has format 242, written by tine")
        boxes.tine("restore", str(box.folder / "nothing")).expect(125, "", "No such file or directory")
        boxes.tine("save", "base", str(box.folder / "no" / "where")).expect(125, "", "No such file or directory")
        boxes.tine("save", "base", str(box.folder)).expect(125, "", "Is a directory")
        boxes.tine("save", "another", str(path)).expect(125, "", "there is no box another")
        assert boxes.tine("ps", "-q").expect(0).out == "base\n"


def test_snapshots_name_the_host_file_that_changed(box):
    with family(box) as boxes:
        shared = box.folder / "shared"
        shared.mkdir()
        (shared / "data").write_text("as it was\n")
        boxes.start("python3", "-c", "f = open('/data/data'); print('ready', flush=True); input(); print(f.read())",
                    options=("--bind", f"{shared}:/data"))
        boxes.logs_until("ready\n")
        path = saved(boxes)
        (shared / "data").write_text("as it is now\n")
        boxes.tine("restore", str(path)).expect(
            125, "", f"{shared}/data of the host has changed since the box was saved")
        (shared / "data").unlink()
        boxes.tine("restore", str(path)).expect(125, "", f"the host has no {shared}/data any more")


def test_snapshots_write_to_the_host_only_if_that_is_said_again(box):
    with family(box) as boxes:
        shared = box.folder / "shared"
        shared.mkdir()
        boxes.start("python3", "-u", "-c",
                    "f = open('/data/made', 'w'); print('ready'); f.write(input()); f.close(); print('done')",
                    options=("--bind", f"{shared}:/data:rw"))
        boxes.logs_until("ready\n")
        path = saved(boxes)
        boxes.tine("restore", str(path)).expect(125, "", f"the box writes to {shared} of the host")
        boxes.tine("restore", str(path), "--allow-write", str(shared)).expect(0, "app\n")
        boxes.tine("attach", "app", stdin="from the file\n")
        boxes.logs_until("done\n", "app")
        assert (shared / "made").read_text() == "from the file"


def test_snapshots_of_ten_restores_share_memory(box):
    with family(box) as boxes:
        boxes.start("python3", "-u", "-c", "x = list(range(2000000)); print('ready'); input(); print(sum(x))")
        boxes.logs_until("ready\n")
        path = saved(boxes)
        boxes.tine("restore", str(path), "-n", "10").expect(0)
        names = [name for name in boxes.tine("ps", "-q").out.split() if name.startswith("app")]
        assert len(names) == 10, names
        for name in names:
            boxes.tine("attach", name, stdin="go\n").expect(0, "1999999000000\n")
        pid = boxes.host_process("app")
        resident = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        # Ten boxes of 90 MB each that read all of it.
        assert resident < 400 << 20, resident
