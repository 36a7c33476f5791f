"""The filter over the host's system calls that tine itself makes (docs/security.md)."""
import os
import re
import signal
import time


def host_status(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
    return {name: fields[name].strip() for name in ("Seccomp", "NoNewPrivs")}


def while_running(box, options, look):
    """Starts a box, waits until its program runs, and calls look(process)."""
    process = box.start("/bin/sh", "-c", "echo started; read line", options=options)
    try:
        assert process.stdout.readline() == "started\n"
        return look(process)
    finally:
        process.communicate("go\n", timeout=60)
        assert process.returncode == 0, process.returncode


def test_seccomp_filter_is_on(box):
    for options in ([], ["--net=host"], ["--bind", f"{box.folder}:/mnt:rw"], ["--code-cache=off"]):
        status = while_running(box, options, host_status)
        assert status == {"Seccomp": "2", "NoNewPrivs": "1"}, (options, status)


def test_seccomp_filter_is_on_in_every_thread(box):
    def threads_without(process):
        # The program runs as soon as the first vCPU does; the second, and the event thread, come after it.
        deadline = time.monotonic() + 60
        while len(tasks := os.listdir(f"/proc/{process.pid}/task")) < 4:
            assert time.monotonic() < deadline, tasks
            time.sleep(0.01)
        return [task for task in tasks
                if not re.search(r"^Seccomp:\t2$", open(f"/proc/{process.pid}/task/{task}/status").read(), re.M)]
    assert while_running(box, ["--cpus=2"], threads_without) == []


def test_seccomp_filter_can_be_left_out(box):
    status = while_running(box, ["--no-seccomp"], host_status)
    assert status["Seccomp"] == "0", status


def test_seccomp_filter_leaves_stopping_and_files_alone(box):
    inside = "touch f && mkdir d && ln f d/hard && ln -s f soft && mv f g && chmod 600 g && rm -r d soft g && pwd"
    box.run("/bin/sh", "-c", inside,
            options=["--bind", f"{box.folder}:/mnt:rw", "--workdir=/mnt"]).expect(0, "/mnt\n")
    process = box.start("/bin/sh", "-c", "kill -STOP $$; echo continued")
    pid, status = os.waitpid(process.pid, os.WUNTRACED)
    assert pid == process.pid and os.WIFSTOPPED(status), status
    os.kill(process.pid, signal.SIGCONT)
    out, errors = process.communicate(timeout=60)
    assert (out, process.returncode) == ("continued\n", 0), (out, errors, process.returncode)
