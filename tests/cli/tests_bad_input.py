"""Bad input: each ends as it does under Linux, or in one clear line and an exit status."""
import os
import pty
import random
import select
import signal
import struct
import subprocess
import time


def elf_of(box):
    """The bytes of a small static program that prints `fine` and exits with 3."""
    path = box.compile("fine", '#include <stdio.h>\nint main(void) { puts("fine"); return 3; }\n')
    with open(path, "rb") as file:
        return bytearray(file.read())


def test_no_such_program(box):
    box.run("/no/such/program").expect(127, "", "/no/such/program", error_lines=1)
    box.run("no-such-program").expect(127, "", "no-such-program", error_lines=1)


def test_a_directory_can_not_be_executed(box):
    box.run("/usr").expect(126, "", "/usr", error_lines=1)


def test_a_file_without_permission_can_not_be_executed(box):
    box.write("plain", "#!/bin/sh\necho no\n", 0o644)
    box.run("./plain").expect(126, "", "plain", error_lines=1)


def test_an_empty_file_and_text_can_not_be_executed(box):
    box.write("empty", "")
    box.run("./empty").expect(126, "", "empty", error_lines=1)
    box.write("text", "hello, this is no program\n")
    box.run("./text").expect(126, "", "text", error_lines=1)


def test_an_interpreter_that_is_not_there(box):
    box.write("script", "#!/no/such/interpreter\n")
    box.run("./script").expect(127, "", error_lines=1)
    program = elf_of(box)
    box.compile("dynamic", "int main(void) { return 0; }\n", "-no-pie")
    subprocess.run(["gcc", "-o", "dynamic", "dynamic.c", "-Wl,--dynamic-linker=/no/such/ld.so"],
                   cwd=box.folder, check=True)
    box.run("./dynamic").expect(127, "", error_lines=1)
    assert program


def test_a_script_whose_interpreter_is_a_loop(box):
    box.write("loop", f"#!{box.folder}/loop\n")
    box.run("./loop").expect(126, "", error_lines=1)


def test_programs_of_other_machines(box):
    program = elf_of(box)
    for machine in (3, 40, 183, 243, 0xFFFF):  # i386, ARM, AArch64, RISC-V, none
        foreign = bytearray(program)
        struct.pack_into("<H", foreign, 18, machine)
        box.write("foreign", bytes(foreign))
        box.run("./foreign").expect(126, "", "foreign", error_lines=1)
    thirty_two = bytearray(program)
    thirty_two[4] = 1  # ELFCLASS32
    struct.pack_into("<H", thirty_two, 18, 3)
    box.write("thirty-two", bytes(thirty_two))
    box.run("./thirty-two").expect(126, "", error_lines=1)
    big_endian = bytearray(program)
    big_endian[5] = 2
    box.write("big-endian", bytes(big_endian))
    result = box.run("./big-endian")
    native = box.finish(["sh", "-c", "./big-endian"])
    assert result.status == native.status or result.status == 126, result


def test_truncated_programs(box):
    program = elf_of(box)
    for length in (1, 4, 20, 63, 64, 100, 120):
        box.write("short", bytes(program[:length]))
        result = box.run("./short")
        assert result.status in (126, 139), f"{length}: {result}"
    for length in (4096, len(program) // 2):
        box.write("short", bytes(program[:length]))
        result = box.run("./short")
        assert result.status in (126, 135, 139, 132), f"{length}: {result}"


def test_program_headers_that_lie(box):
    program = elf_of(box)
    header_offset = struct.unpack_from("<Q", program, 32)[0]
    count = struct.unpack_from("<H", program, 56)[0]
    source = random.Random(7)
    extremes = [0, 1, 0xFFF, 0x1000, 2**31, 2**47 - 1, 2**47, 2**63, 2**64 - 1, 2**64 - 0x1000]
    for round_number in range(60):
        lying = bytearray(program)
        for _ in range(source.randint(1, 3)):
            kind = source.randrange(3)
            if kind == 0:  # a field of 8 bytes of a program header
                field = header_offset + 56 * source.randrange(count) + 8 * source.randint(1, 6)
                struct.pack_into("<Q", lying, field, source.choice(extremes))
            elif kind == 1:  # entry, offsets, counts
                offset, form = source.choice([(24, "<Q"), (32, "<Q"), (54, "<H"), (56, "<H"), (16, "<H")])
                value = source.choice(extremes)
                struct.pack_into(form, lying, offset, value & (0xFFFF if form == "<H" else 2**64 - 1))
            else:  # any bytes of the first page
                for _ in range(8):
                    lying[source.randrange(16, 0x400)] = source.randrange(256)
        box.write("lying", bytes(lying))
        result = box.run("./lying", seconds=20)
        assert 0 <= result.status < 255, f"round {round_number}: {result}"


def test_jump_to_nowhere(box):
    box.compile("jump", "int main(int argc, char **argv) { (void)argv;"
                        " ((void (*)(void))(argc == 1 ? 0x10 : 0x800000000000))(); return 0; }\n")
    box.run("./jump").expect(139)
    box.run("./jump", "x").expect(139)


def test_stack_overflow_kills_the_program_alone(box):
    box.compile("deep", "#include <stdio.h>\n__attribute__((noinline)) long f(volatile long n)"
                        " { volatile char x[500]; x[0] = (char)n; return n < 0 ? 0 : f(n + 1) + x[0]; }\n"
                        "int main(void) { return (int)f(0); }\n")
    box.run("./deep").expect(139)
    box.run("/bin/sh", "-c", "./deep; echo $?").expect(0, "139\n")


def test_infinite_fork_ends_at_the_limit(box):
    box.compile("bomb", """
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <unistd.h>
int main(void) {
  int count = 0;
  for (;;) {
    pid_t child = fork();
    if (child == 0) { pause(); _exit(0); }
    if (child < 0) break;
    ++count;
  }
  printf("%d %d\\n", count, errno == EAGAIN);
  fflush(stdout);
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  return 0;
}
""")
    result = box.run("./bomb", options=["--processes=200"]).expect(0)
    count, again = result.out.split()
    assert int(count) in (198, 199, 200) and again == "1", result


def test_fork_bomb_of_a_shell(box):
    result = box.run("/bin/sh", "-c", "f() { f | f & }; f; sleep 1; echo done", options=["--processes=100"])
    assert result.status in (0, 2), result


def test_memory_beyond_the_limit_kills_the_largest(box):
    box.compile("hog", """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  for (;;) {
    char *memory = malloc(1 << 20);
    if (!memory) return 7;
    memset(memory, 1, 1 << 20);
  }
}
""")
    result = box.run("./hog", options=["--memory=128M"])
    assert result.status == 137 and result.errors.strip(), result
    result = box.run("/bin/sh", "-c", "./hog; echo $?; echo the box lives", options=["--memory=128M"])
    result.expect(0, "137\nthe box lives\n")


def test_memory_of_files_that_nobody_maps_is_free(box):
    (box.folder / "large").write_bytes(os.urandom(40 << 20))
    # Maps and reads 40 MiB of a box of 64, unmaps them, and then takes 40 MiB.
    program = ("import mmap, os; m = mmap.mmap(os.open('large', 0), 0, prot=1); print(sum(m[::4096]) > 0); m.close(); "
               "print(len(bytes(range(256)) * (40 << 12)))")
    result = box.run("python3", "-S", "-c", program, options=["--memory=64M"])
    result.expect(0, f"True\n{40 << 20}\n", "")


def test_memory_beyond_the_limit_spares_by_oom_score_adj(box):
    # The shell that holds most is spared by its score; what it starts, with less, is not.
    program = ("import os, time; open('/proc/self/oom_score_adj', 'w').write('-1000'); held = bytes(range(256)) * (60 << 12)\n"
               "if os.fork() == 0:\n    open('/proc/self/oom_score_adj', 'w').write('0'); more = []\n"
               "    while True: more.append(bytes(range(256)) * 4096)\n"
               "print(os.waitstatus_to_exitcode(os.wait()[1]), len(held))")
    result = box.run("python3", "-S", "-c", program, options=["--memory=128M"])
    result.expect(0, f"-9 {60 << 20}\n")


def test_closed_standard_descriptors(box):
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        script = "echo out; echo err >&2; cat; ls /proc/self/fd >/dev/null && exit 3"
        native = box.finish(["sh", "-c", f"exec sh -c '{script}' {closed}"])
        result = box.finish(["sh", "-c", f"exec {box.tine} run -- /bin/sh -c '{script}' {closed}"])
        assert (result.status, result.out) == (native.status, native.out), (closed, native, result)


def test_a_full_disk_is_enospc(box):
    result = box.run("/bin/sh", "-c", "echo x >/dev/full || echo refused; cat /etc/passwd >/dev/full; echo $?")
    result.expect(0, "refused\n1\n")


def test_a_closed_pipe_is_sigpipe(box):
    process = box.start("/bin/sh", "-c", "yes; exit 1")
    assert process.stdout.read(10) == "y\n" * 5
    process.stdout.close()
    assert process.wait(timeout=30) in (1, 141)


def test_interrupt_and_terminate_reach_the_program(box):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = box.start("/bin/sh", "-c", "echo ready; exec sleep 30", start_new_session=True)
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, number)
        assert process.wait(timeout=20) == 128 + number, (number, process.returncode)
    process = box.start("/bin/sh", "-c", "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("caught\n", 5), (out, process.returncode)


def in_terminal(command, talk, seconds=30):
    """Runs a command on a new terminal; `talk` is a list of (wait for, type). All output and the status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    text, deadline, steps = "", time.monotonic() + seconds, list(talk)
    while time.monotonic() < deadline:
        if steps and steps[0][0] in text:
            os.write(terminal, steps.pop(0)[1].encode())
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:
            data = b""
        if not data:
            break
        text += data.decode(errors="replace")
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return text, os.waitstatus_to_exitcode(status)


def test_a_terminal_is_the_callers(box):
    script = "test -t 0 && test -t 1 && echo terminal; read line; echo \"got $line\"; stty -echo; stty | grep -c echo; exit 4"
    text, status = in_terminal(box.command("/bin/sh", "-c", script), [("terminal", "typed\n")])
    assert status == 4 and "got typed" in text, (text, status)


def test_control_c_on_a_terminal(box):
    text, status = in_terminal(box.command("/bin/sh", "-c", "echo ready; sleep 20; echo never"), [("ready", "\x03")])
    assert status == 130 and "never" not in text, (text, status)


def test_interactive_bash(box):
    talk = [("bash-", "PS1='next> '\n"), ("next> ", "sleep 30 &\n"), ("[1]", "jobs\n"), ("Running", "kill %1; wait; echo waited\n"),
            ("waited", "exit 6\n")]
    text, status = in_terminal(box.command("/bin/bash", "--norc", "-i"), talk)
    assert status == 6 and "Running" in text and "no job control" not in text, (text, status)


def test_background_read_from_a_terminal_stops(box):
    script = "set -m; echo begin; cat & sleep 0.5; jobs; kill -9 %1; echo end"
    text, status = in_terminal(box.command("/bin/bash", "-c", script), [("begin", "")])
    assert "Stopped" in text and "end" in text and status == 0, (text, status)
