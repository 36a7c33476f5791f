"""A box that asks for a fork of itself: /dev/tine, the C header and the Python module."""
import json
import pathlib
import signal
import subprocess

from boxes import family, until

PYTHON_MODULE = pathlib.Path(__file__).resolve().parents[2] / "python"


def test_boxes_fork_from_inside_in_python(box):
    with family(box) as boxes:
        script = ("import tine, time\nwarm = 7\nnumbers = [tine.fork() for _ in range(2)]\n"
                  "print(warm, numbers, flush=True)\ntime.sleep(1000)")
        boxes.start("python3", "-c", script, options=[f"--env=PYTHONPATH={PYTHON_MODULE}"])
        boxes.logs_until("\n")
        shown = until(boxes.boxes, lambda found: len(found) == 4)
        assert {name: entry["parent"] for name, entry in shown.items()} in (
            {"base": "", "base-1": "base", "base-2": "base", "base-3": "base-1"},
            {"base": "", "base-1": "base", "base-2": "base-1", "base-3": "base"}), shown
        told = {name: boxes.logs_until("\n", name) for name in shown}
        of_original = next(name for name in ("base-2", "base-3") if shown[name]["parent"] == "base")
        of_copy = "base-3" if of_original == "base-2" else "base-2"
        assert told == {"base": "7 [0, 0]\n", "base-1": "7 [1, 0]\n", of_original: f"7 [0, {of_original[5:]}]\n",
                        of_copy: f"7 [1, {of_copy[5:]}]\n"}, told


def test_boxes_fork_from_inside_in_c(box):
    include = PYTHON_MODULE.parent / "include"
    program = box.compile("program", """
#include <tine/inside.h>
#include <pthread.h>
#include <stdio.h>
static void *fork_once(void *result) { *(long *)result = tine_fork(); return NULL; }
int main(void) {
  pthread_t threads[4];
  long results[4];
  for (int i = 0; i < 4; ++i)
    pthread_create(&threads[i], NULL, fork_once, &results[i]);
  for (int i = 0; i < 4; ++i)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < 4; ++i)
    if (results[i] < 0)
      return 1;
  printf("%s\\n", results[0] + results[1] + results[2] + results[3] == 0 ? "original" : "copy");
  fflush(stdout);
  pause();
}
""", f"-I{include}", "-pthread")
    with family(box) as boxes:
        boxes.start(program)
        boxes.logs_until("original\n")
        shown = boxes.boxes()
        assert 2 <= len(shown) <= 16, shown
        assert [boxes.logs_until("\n", name) for name in shown if name != "base"] == ["copy\n"] * (len(shown) - 1)
        assert all(entry["state"] == "running" for entry in shown.values()), shown
        # One fork may answer several threads; each thread's fork has a copy of its own or shares one.
        assert boxes.boxes().keys() == shown.keys()


def test_boxes_forked_from_both_sides_at_once(box):
    with family(box) as boxes:
        script = ("import tine, time\ntime.sleep(0.2)\nfor _ in range(15):\n    if tine.fork() != 0: break\n"
                  "print('done', flush=True)\ntime.sleep(1000)")
        boxes.start("python3", "-c", script, options=[f"--env=PYTHONPATH={PYTHON_MODULE}"])
        for _ in range(8):  # each of these goes through the rest of the loop, too
            boxes.tine("fork", "base").expect(0)
        boxes.logs_until("done\n")
        names = until(lambda: list(boxes.boxes()), lambda found: len(found) >= 24)
        for name in names:
            boxes.logs_until("done\n", name)


def test_boxes_control_file_refuses_other_words(box):
    with family(box) as boxes:
        boxes.start("sleep", "1000")
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", "echo no >/dev/tine").expect(1)
        boxes.tine("exec", "base", "--", "/bin/sh", "-c", "echo fork >/dev/tine; cat </dev/tine").expect(0, "")
        until(lambda: sorted(boxes.boxes()), lambda names: names == ["base", "base-1"])


def in_the_foreground(box, script, *arguments, **more):
    return box.run("python3", "-c", "import tine, os, sys, time\n" + script, *arguments,
                   options=[f"--env=PYTHONPATH={PYTHON_MODULE}", "--code-cache=off"], **more)


def test_boxes_fork_from_inside_in_the_foreground(box):
    """The forks write where the original does, find the end of its input, and are waited for."""
    result = in_the_foreground(box, """
warm = os.getpid()
for _ in range(3):
    number = tine.fork()
    if number:
        break
time.sleep(0.3 * number)
os.write(1, f"{number} {os.getpid() == warm} {sys.stdin.readline()!r}\\n".encode())
sys.exit(number + 5)
""", stdin="line\n")
    result.expect(5)
    assert sorted(result.out.splitlines()) == ["0 True 'line\\n'", "1 True ''", "2 True ''", "3 True ''"], result


def test_boxes_forks_in_the_foreground_leave_nothing(box):
    """Hundreds of forks one after the other: each is gone when it has ended."""
    stats = box.folder / "stats"
    result = box.run("python3", "-c", "import tine, os\nfor _ in range(300):\n  if tine.fork(): os._exit(1)\nprint('original')",
                     options=[f"--env=PYTHONPATH={PYTHON_MODULE}", "--code-cache=off", f"--stats={stats}"])
    result.expect(0, "original\n")
    left = json.loads(stats.read_text())["left"]
    assert left == {"frames": 0, "page_table_nodes": 0, "host_descriptors": 0}, left


def test_boxes_signals_reach_forks_in_the_foreground(box):
    script = ("import tine, signal, os\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(7))\nnumber = tine.fork()\n"
              "os.write(1, b'up\\n')\nsignal.pause()")
    running = subprocess.Popen(box.command("python3", "-c", script,
                                           options=[f"--env=PYTHONPATH={PYTHON_MODULE}", "--code-cache=off"]),
                               stdout=subprocess.PIPE, text=True)
    assert [running.stdout.readline() for _ in range(2)] == ["up\n"] * 2
    running.terminate()
    assert running.wait(30) == 7


def test_boxes_forks_from_inside_have_a_limit(box):
    program = box.compile("program", """
#include <tine/inside.h>
#include <stdio.h>
int main(void) {
  long forks = 0, number;
  while ((number = tine_fork()) == 0)
    ++forks;
  if (number > 0)
    pause();
  printf("%ld %d\\n", forks, errno == ENOSPC);
  fflush(stdout);
  pause();
}
""", f"-I{PYTHON_MODULE.parent}/include")
    running = subprocess.Popen(box.command(program), stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "9999 1\n"
    running.terminate()
    assert running.wait(60) == 128 + signal.SIGTERM
