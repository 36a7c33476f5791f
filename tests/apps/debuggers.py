"""strace, gdb and bubblewrap on programs inside the box: ptrace(2) and namespaces as real programs use them."""
import os
import re

import host_machine
from apps import files, shell

DEBUGGED = r"""
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int total, watched;

static int leaf(int n) {
  total += n;
  return n + 1;
}
static void *worker(void *argument) {
  leaf((int)(long)argument);
  return NULL;
}
static void child_work(void) {
  watched = 3;
  exit(watched);
}
int main(int count, char **arguments) {
  (void)arguments;
  int x = leaf(20);
  for (int i = 0; i < 3; i++)
    watched += x;
  pthread_t thread;
  pthread_create(&thread, NULL, worker, (void *)100);
  pthread_join(thread, NULL);
  if (count > 1)
    return x;
  pid_t pid = fork();
  if (pid == 0)
    child_work();
  int status;
  waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}
"""

SLEEPER = r"""
#include <stdio.h>
#include <unistd.h>
volatile int go_on;
static void wait_here(void) {
  while (!go_on)
    usleep(1000);
}
int main(void) {
  puts("waits");
  fflush(stdout);
  wait_here();
  puts("goes on");
  return 0;
}
"""

BREAKPOINTS = """
break leaf
run
bt
info registers rip
stepi
x/3i $pc
info registers rip
finish
watch watched
continue
continue
delete 2
break worker
continue
bt 1
step
print total
print $_siginfo.si_signo
delete
call leaf(1)
print total
continue
"""

FORKS = """
set follow-fork-mode child
break child_work
run
bt
next
print watched
continue
"""

CATCHES = """
catch fork
catch syscall exit_group
run
info inferiors
continue
continue
"""


def without_numbers(text):
    """Process and thread ids, and what lies at random addresses."""
    text = re.sub(r"0x7f[0-9a-f]{10}", "ADDRESS", text)
    text = re.sub(r"\b(LWP|process) \d+", r"\1 N", text)
    return re.sub(r" +", " ", re.sub(r"\bpid \d+", "pid N", text))


def gdb(name, script, text):
    shell(name, f"gcc -g -O0 -pthread -o debugged debugged.c && {script}", needs=("gcc", "gdb"),
          prepare=files({"debugged.c": DEBUGGED, "sleeper.c": SLEEPER, "commands": text}), normalize=without_numbers)


# On a machine without hardware breakpoints, the host's and the box's gdb watch by steps.
gdb("gdb_breakpoints_steps_and_watchpoints", "gdb -nx -batch -x commands --args ./debugged one",
    BREAKPOINTS if host_machine.has_hardware_breakpoints() else "set can-use-hw-watchpoints 0\n" + BREAKPOINTS)
gdb("gdb_follows_a_fork", "gdb -nx -batch -x commands ./debugged 2>&1 | grep -v '^\\[Inferior 1\\|^\\[Detaching'", FORKS)
gdb("gdb_catches_system_calls", "gdb -nx -batch -x commands ./debugged", CATCHES)
gdb("gdb_attaches",
    "gcc -g -no-pie -o sleeper sleeper.c && (./sleeper > out & pid=$!; while ! grep -qs waits out; do sleep 0.1; done; "
    "gdb -nx -batch -ex 'bt -2' -ex 'print go_on' -ex 'set var go_on = 1' -p $pid 2>/dev/null | "
    "grep -E '^\\$|main|wait_here'; wait $pid; echo $?; cat out)", "")

CRASHES = r"""
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
struct node { int value; struct node *next; };
static __thread int mine = 7;
static pthread_barrier_t ready;
static void inner(struct node *node) { node->next->next->value = mine; }
static void outer(const char *name) {
  struct node *node = calloc(1, sizeof *node);
  node->value = name[0];
  inner(node);
}
static void *waits(void *argument) {
  mine = 9;
  pthread_barrier_wait(&ready);
  for (;;)
    pause();
  return argument;
}
int main(void) {
  pthread_t other;
  pthread_barrier_init(&ready, NULL, 2);
  pthread_create(&other, NULL, waits, NULL);
  pthread_barrier_wait(&ready);
  usleep(50000);
  outer("hello");
}
"""
# Where core_pattern is "core", as it is in the box.
shell("gdb_reads_a_core_file",
      "gcc -g -O0 -no-pie -pthread -o crashes crashes.c && (ulimit -c unlimited; ./crashes; echo $?) 2>/dev/null; "
      "gdb -nx -batch -ex bt -ex 'print *node' -ex 'print mine' -ex 'up' -ex 'print name' -ex 'thread 2' -ex 'print mine' "
      "-ex 'bt -3' ./crashes core 2>/dev/null | grep -E '^#|terminated|generated|^\\$' | sed 's/0x[0-9a-f]*/ADDRESS/g'",
      needs=("gcc", "gdb"), prepare=files({"crashes.c": CRASHES}))

# Each process's calls to a file of its own, so that the order is certain.
shell("strace_follows_processes",
      r"""strace -ff -o t -e trace=execve,dup2,exit_group,kill sh -c '
trap "echo trapped" USR1; echo piped | cat; kill -USR1 $$; (exit 3); /bin/sh -c "kill -TERM \$\$"'; echo $?
cat t.* | sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/[0-9]+ vars/N vars/; s/_pid=[0-9]+/_pid=N/; s/kill\([0-9]+/kill(N/
s/si_[us]time=[0-9]+( \/\* [0-9.]+ s \*\/)?/TIME/g; s/ += / = /' | sort""",
      needs=("strace", "sh"))
shell("strace_counts_calls",
      "strace -f -c -S name -U name,calls,errors -o counts -e trace=execve,clone,fork,vfork,exit_group,pipe2,kill "
      "sh -c 'for i in 1 2 3 4 5; do /bin/true; done; (exit 1) | cat'; cat counts", needs=("strace", "sh"))
shell("strace_attaches",
      r"""sh -c 'read line; exec /bin/echo "$line"' < fifo & pid=$!
exec 3> fifo; sleep 0.3
strace -o t -e trace=execve,exit_group -p $pid 2> messages & tracer=$!
while ! grep -qs attached messages; do sleep 0.1; done; grep -o TracerPid.*[1-9] /proc/$pid/status | tr -d '0-9'
echo hello >&3; exec 3>&-; wait $pid; echo $?; wait $tracer; echo $?; sed -E 's/0x[0-9a-f]+/ADDRESS/; s/[0-9]+ vars/N vars/' t""",
      needs=("strace", "sh"), prepare=lambda folder: os.mkfifo(folder / "fifo"))

# The tracer is woken for the calls that it asks for alone: PTRACE_O_TRACESECCOMP.
shell("strace_with_a_seccomp_filter",
      r"""strace -f --seccomp-bpf -o t -e trace=openat,execve sh -c '/bin/cat /etc/hostname > copy; /bin/cat /missing'; echo $?
grep -oE 'openat.*(hostname|missing).*|execve.*cat.*' t | sed -E 's/0x[0-9a-f]+/ADDRESS/; s/[0-9]+ vars/N vars/' | sort""",
      needs=("strace", "sh"))
# mkdir(2) is EPERM in it, uname(2) kills: load the number, compare, return.
shell("bubblewrap_with_a_seccomp_filter",
      r"""python3 -c "
import struct, sys
program = [(0x20, 0, 0, 0), (0x15, 0, 1, 83), (0x06, 0, 0, 0x50001), (0x15, 0, 1, 63), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7fff0000)]
sys.stdout.buffer.write(b''.join(struct.pack('HBBI', *one) for one in program))" > filter
bwrap --bind / / --dev /dev --proc /proc --seccomp 9 sh -c 'grep Seccomp /proc/self/status; mkdir "$PWD/new"; uname; echo $?; echo goes on' 9< filter 2>&1""",
      needs=("bwrap", "python3"))

# Namespaces; as root, or where the host lets users make user namespaces.
shell("unshare_mounts_and_names",
      r"""unshare --mount --uts --cgroup sh -c 'hostname inside; mount -t tmpfs none /mnt; touch /mnt/here; ls /mnt; uname -n'
ls /mnt | grep here; [ "$(uname -n)" != inside ] && echo outside""", needs=("unshare", "mount", "hostname"))
shell("unshare_everything",
      r"""unshare -Urmpf --mount-proc sh -c 'ps -o pid,comm; id; cat /proc/self/setgroups; hostname x 2>/dev/null || echo not mine'
unshare -n sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1; ip -o addr show lo'; unshare -i ipcs | grep -c 0x; unshare -Ur sh -c 'unshare -u sh -c "hostname y; hostname"'
unshare -pf --kill-child sh -c 'sleep 100 & echo $$; kill -9 $$; echo shielded; exit 3'; echo $?""",
      needs=("unshare", "ps", "ip", "ipcs"))
shell("bubblewrap_unshares_all",
      r"""bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev sh -c '
ps -o pid,comm; id; ip -o addr show lo | grep -c inet; readlink /proc/self > /dev/null && echo proc
touch /x 2>/dev/null || echo read-only; kill -0 1 && echo process 1; (exit 5); echo $?'""", needs=("bwrap", "ps", "ip"))
shell("bubblewrap_runs_a_shell",
      r"""mkdir -p extra; echo text > extra/file
bwrap --ro-bind / / --tmpfs /tmp --bind extra /mnt --dev /dev --proc /proc --unshare-uts --hostname boxed --chdir /mnt sh -c '
uname -n; pwd; ls /tmp; cat file; echo more > new; touch /usr/no 2>/dev/null || echo read-only; echo $((6 * 7)) > /dev/null; ls -d /proc/self/fd'
echo $?; ls extra""", needs=("bwrap", "sh"))
