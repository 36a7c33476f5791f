// What the programs about ptrace(2) share.
#pragma once

#include "check.h"

#include <elf.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <sys/uio.h>
#include <sys/user.h>

// glibc's <sys/ptrace.h> does not go together with <linux/ptrace.h>; the raw call also shows what
// the kernel returns.
static long trace(long request, pid_t pid, unsigned long address, unsigned long data) {
  return syscall(SYS_ptrace, request, (long)pid, address, data);
}

/// The next change of the tracee, whatever it is.
__attribute__((unused)) static int next_status(pid_t pid) {
  int status = -1;
  return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

/// A child that is traced and stopped by its own SIGSTOP.
__attribute__((unused)) static pid_t traced_child(void (*work)(void)) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    if (trace(PTRACE_TRACEME, 0, 0, 0) != 0)
      _exit(97);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  int status = next_status(child);
  NEED(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  return child;
}

__attribute__((unused)) static struct user_regs_struct registers_of(pid_t pid) {
  struct user_regs_struct regs;
  NEED(trace(PTRACE_GETREGS, pid, 0, (unsigned long)&regs) == 0);
  return regs;
}

/// A stop of this signal, no event.
__attribute__((unused)) static int is_stop(int status, int signal) {
  return status != -1 && (status >> 8) == signal && (status & 0xff) == 0x7f;
}

__attribute__((unused)) static int is_event(int status, int event) {
  return status != -1 && (status >> 8) == (SIGTRAP | event << 8) && (status & 0xff) == 0x7f;
}
