// ptrace(2), "Syscall-stops": enter and exit alternate, orig_rax is the number, the tracer may
// change arguments and results, and skip the call by setting orig_rax to -1.
#include "ptrace.h"

static void work(void) {
  syscall(SYS_getppid);
  syscall(SYS_close, -1);
  syscall(SYS_getpid);
  long skipped = syscall(SYS_getppid);
  long changed = syscall(SYS_getpid);
  long restarted = syscall(9999, 7L, 8L);
  _exit(skipped == 4242 && changed == -1 && restarted == -1 ? 7 : 8);
}

static int to_call(pid_t child) {
  NEED(trace(PTRACE_SYSCALL, child, 0, 0) == 0);
  return next_status(child);
}

int main(void) {
  pid_t child = traced_child(work);
  CHECK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD) == 0);
  // The way out of the call that stopped it was not asked for until now: first its exit.
  int status = to_call(child);
  CHECK(is_stop(status, SIGTRAP | 0x80));
  struct user_regs_struct regs = registers_of(child);
  if (regs.orig_rax != SYS_getppid) // the exit of raise()'s last calls
    while (registers_of(child).orig_rax != SYS_getppid)
      NEED(is_stop(to_call(child), SIGTRAP | 0x80));
  regs = registers_of(child);
  CHECK(regs.orig_rax == SYS_getppid);
  CHECK((long)regs.rax == -ENOSYS);
  struct __ptrace_syscall_info_test {
    struct ptrace_syscall_info info;
  } got;
  memset(&got, 0, sizeof got);
  long size = trace(PTRACE_GET_SYSCALL_INFO, child, sizeof got.info, (unsigned long)&got.info);
  CHECK(size == offsetof(struct ptrace_syscall_info, entry) + sizeof got.info.entry);
  CHECK(got.info.op == PTRACE_SYSCALL_INFO_ENTRY && got.info.entry.nr == SYS_getppid);
  CHECK(got.info.instruction_pointer == regs.rip && got.info.stack_pointer == regs.rsp);
  siginfo_t info;
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0);
  CHECK(info.si_signo == SIGTRAP && info.si_code == (SIGTRAP | 0x80));

  CHECK(is_stop(to_call(child), SIGTRAP | 0x80));
  regs = registers_of(child);
  CHECK(regs.orig_rax == SYS_getppid && (pid_t)regs.rax == getpid());
  memset(&got, 0, sizeof got);
  trace(PTRACE_GET_SYSCALL_INFO, child, sizeof got.info, (unsigned long)&got.info);
  CHECK(got.info.op == PTRACE_SYSCALL_INFO_EXIT && got.info.exit.rval == getpid() &&
        !got.info.exit.is_error);

  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && registers_of(child).orig_rax == SYS_close);
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && (long)registers_of(child).rax == -EBADF);
  memset(&got, 0, sizeof got);
  trace(PTRACE_GET_SYSCALL_INFO, child, sizeof got.info, (unsigned long)&got.info);
  CHECK(got.info.op == PTRACE_SYSCALL_INFO_EXIT && got.info.exit.is_error);

  // Another call instead.
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && registers_of(child).orig_rax == SYS_getpid);
  CHECK(trace(PTRACE_POKEUSR, child, offsetof(struct user_regs_struct, orig_rax), SYS_getppid) ==
        0);
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && (pid_t)registers_of(child).rax == getpid());
  // None at all.
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && registers_of(child).orig_rax == SYS_getppid);
  regs = registers_of(child);
  regs.orig_rax = (unsigned long)-1;
  regs.rax = 4242;
  CHECK(trace(PTRACE_SETREGS, child, 0, (unsigned long)&regs) == 0);
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && registers_of(child).rax == 4242);
  // Another result.
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && registers_of(child).orig_rax == SYS_getpid);
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80));
  CHECK(trace(PTRACE_POKEUSR, child, offsetof(struct user_regs_struct, rax),
              (unsigned long)-EPERM) == 0);
  // A number that no call has.
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && registers_of(child).orig_rax == 9999);
  CHECK(registers_of(child).rdi == 7 && registers_of(child).rsi == 8);
  CHECK(is_stop(to_call(child), SIGTRAP | 0x80) && (long)registers_of(child).rax == -ENOSYS);

  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  status = next_status(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  CHECK_ERRNO(trace(PTRACE_CONT, child, 0, 0), ESRCH);
  return finish();
}
