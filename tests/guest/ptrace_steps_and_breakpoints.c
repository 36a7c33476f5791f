// ptrace(2), PTRACE_SINGLESTEP: one instruction each, over `syscall`, into a handler; int3; the
// debug registers of struct user: execution and data breakpoints. Host: hardware breakpoints.
#include "ptrace.h"

static volatile long watched, other;
static volatile sig_atomic_t handled;
static void handler(int signal) {
  handled = signal;
}

__attribute__((noinline)) static void writes(void) {
  other = 1;
  watched = 5;
  other = 2;
}
__attribute__((noinline)) static long reads(void) {
  return watched + 1;
}

extern char step_start[], step_second[], step_third[], step_call[], step_end[];
static void work(void) {
  asm volatile("int3\n"
               "step_start: mov $7, %%ecx\n"
               "step_second: add $1, %%ecx\n"
               "step_third: mov $39, %%eax\n"
               "step_call: syscall\n"
               "step_end: nop" ::
                   : "rax", "rcx", "r11", "memory");
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  asm volatile("int3");
  writes();
  long sum = reads();
  asm volatile("int3");
  writes();
  _exit(sum == 6 && handled == SIGUSR1 ? 0 : 1);
}

static int go_on(pid_t pid, long request, int signal) {
  NEED(trace(request, pid, 0, (unsigned long)signal) == 0);
  return next_status(pid);
}

static unsigned long debug_register(pid_t pid, int number) {
  unsigned long value = 0;
  NEED(trace(PTRACE_PEEKUSR, pid, offsetof(struct user, u_debugreg) + 8 * (size_t)number,
             (unsigned long)&value) == 0);
  return value;
}
static long set_debug_register(pid_t pid, int number, unsigned long value) {
  return trace(PTRACE_POKEUSR, pid, offsetof(struct user, u_debugreg) + 8 * (size_t)number, value);
}

int main(void) {
  siginfo_t info;
  pid_t child = traced_child(work);
  CHECK(is_stop(go_on(child, PTRACE_CONT, 0), SIGTRAP));
  CHECK(registers_of(child).rip == (unsigned long)step_start);
  CHECK(is_stop(go_on(child, PTRACE_SINGLESTEP, 0), SIGTRAP));
  struct user_regs_struct regs = registers_of(child);
  CHECK(regs.rip == (unsigned long)step_second && (regs.rcx & 0xffffffff) == 7);
  CHECK((regs.eflags & 0x100) == 0);
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 &&
        info.si_code == TRAP_TRACE && info.si_addr == (void *)regs.rip);
  CHECK(is_stop(go_on(child, PTRACE_SINGLESTEP, 0), SIGTRAP));
  CHECK(registers_of(child).rip == (unsigned long)step_third && registers_of(child).rcx == 8);
  CHECK(is_stop(go_on(child, PTRACE_SINGLESTEP, 0), SIGTRAP));
  CHECK(registers_of(child).rip == (unsigned long)step_call);
  CHECK(is_stop(go_on(child, PTRACE_SINGLESTEP, 0), SIGTRAP));
  regs = registers_of(child);
  CHECK(regs.rip == (unsigned long)step_end && (pid_t)regs.rax == child);

  // Into a handler: the stop is at its first instruction.
  CHECK(is_stop(go_on(child, PTRACE_CONT, 0), SIGUSR1));
  CHECK(is_stop(go_on(child, PTRACE_SINGLESTEP, SIGUSR1), SIGTRAP));
  CHECK(registers_of(child).rip == (unsigned long)handler);

  // Data breakpoints, after the access.
  CHECK(is_stop(go_on(child, PTRACE_CONT, 0), SIGTRAP));
  CHECK(set_debug_register(child, 0, (unsigned long)&watched) == 0);
  CHECK(set_debug_register(child, 7, 0) == 0);
  CHECK(set_debug_register(child, 7, 1 | 0x9UL << 16) == 0); // 8 bytes, writes
  CHECK(debug_register(child, 0) == (unsigned long)&watched);
  CHECK(is_stop(go_on(child, PTRACE_CONT, 0), SIGTRAP));
  long value = 0;
  CHECK(trace(PTRACE_PEEKDATA, child, (unsigned long)&watched, (unsigned long)&value) == 0 &&
        value == 5);
  CHECK((debug_register(child, 6) & 0xf) == 1);
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 &&
        info.si_code == TRAP_HWBKPT);
  CHECK(trace(PTRACE_PEEKDATA, child, (unsigned long)&other, (unsigned long)&value) == 0 &&
        value == 1);
  CHECK(set_debug_register(child, 6, 0) == 0);
  CHECK(is_stop(go_on(child, PTRACE_CONT, 0), SIGTRAP)); // int3: a read is no write
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 && info.si_code == SI_KERNEL);

  // Execution: before the instruction, and not again when it goes on.
  CHECK(set_debug_register(child, 7, 0) == 0);
  CHECK(set_debug_register(child, 1, (unsigned long)writes) == 0);
  CHECK(set_debug_register(child, 7, 4) == 0);
  CHECK(is_stop(go_on(child, PTRACE_CONT, 0), SIGTRAP));
  CHECK(registers_of(child).rip == (unsigned long)writes);
  CHECK((debug_register(child, 6) & 0xf) == 2);
  CHECK_ERRNO(set_debug_register(child, 7, 4 | 2UL << 20), EINVAL); // I/O
  int status = go_on(child, PTRACE_CONT, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return finish();
}
