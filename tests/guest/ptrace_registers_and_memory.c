// ptrace(2): PEEK, POKE, GETREGS, SETREGS, GETFPREGS, GETREGSET and their errors; writes into
// read-only private pages copy them (FOLL_FORCE).
#include "ptrace.h"

static const char constant[4096] __attribute__((aligned(4096), used)) = "constant";
static unsigned long word = 0x1122334455667788;
static double number = 1.5;

static void work(void) {
  register double kept asm("xmm9") = number;
  asm volatile("int3" : "+x"(kept));
  number = kept;
  const volatile char *text = constant;
  _exit(word == 42 && number == 2.5 && text[0] == 'X' ? 0 : 1);
}

int main(void) {
  pid_t child = traced_child(work);
  unsigned long value = 0;
  CHECK(trace(PTRACE_PEEKDATA, child, (unsigned long)&word, (unsigned long)&value) == 0 &&
        value == word);
  CHECK(trace(PTRACE_POKEDATA, child, (unsigned long)&word, 42) == 0 && word != 42);
  CHECK_ERRNO(trace(PTRACE_PEEKTEXT, child, 8, (unsigned long)&value), EIO);
  CHECK_ERRNO(trace(PTRACE_POKETEXT, child, 8, 1), EIO);
  CHECK(trace(PTRACE_POKETEXT, child, (unsigned long)constant, 'X') == 0 && constant[0] == 'c');
  CHECK_ERRNO(trace(PTRACE_PEEKUSR, child, sizeof(struct user) + 16, (unsigned long)&value), EIO);
  CHECK_ERRNO(trace(PTRACE_PEEKUSR, child, 3, (unsigned long)&value), EIO);
  CHECK_ERRNO(trace(PTRACE_POKEUSR, child, offsetof(struct user, u_tsize), 1), EIO);
  CHECK_ERRNO(trace(PTRACE_POKEUSR, child, offsetof(struct user_regs_struct, cs), 0), EIO);

  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(is_stop(next_status(child), SIGTRAP));
  siginfo_t info;
  CHECK(trace(PTRACE_GETSIGINFO, child, 0, (unsigned long)&info) == 0 && info.si_code == SI_KERNEL);
  struct user_regs_struct regs = registers_of(child);
  CHECK(regs.cs == 0x33 && regs.ss == 0x2b && regs.ds == 0 && regs.fs_base != 0);
  CHECK((long)regs.orig_rax == -1);
  CHECK(trace(PTRACE_PEEKUSR, child, offsetof(struct user_regs_struct, rip),
              (unsigned long)&value) == 0 &&
        value == regs.rip);
  CHECK(trace(PTRACE_PEEKTEXT, child, regs.rip - 1, (unsigned long)&value) == 0 &&
        (value & 0xff) == 0xcc);
  CHECK(trace(PTRACE_SETREGS, child, 0, (unsigned long)&regs) == 0);
  struct iovec vector = {&regs, sizeof regs};
  CHECK(trace(PTRACE_GETREGSET, child, NT_PRSTATUS, (unsigned long)&vector) == 0 &&
        vector.iov_len == sizeof regs);
  vector.iov_len = 16;
  CHECK(trace(PTRACE_GETREGSET, child, NT_PRSTATUS, (unsigned long)&vector) == 0 &&
        vector.iov_len == 16);
  vector.iov_len = 15;
  CHECK_ERRNO(trace(PTRACE_GETREGSET, child, NT_PRSTATUS, (unsigned long)&vector), EINVAL);
  vector.iov_len = 16;
  CHECK_ERRNO(trace(PTRACE_GETREGSET, child, 0x7777, (unsigned long)&vector), EINVAL);

  struct user_fpregs_struct fp;
  CHECK(trace(PTRACE_GETFPREGS, child, 0, (unsigned long)&fp) == 0);
  double ninth;
  memcpy(&ninth, (char *)fp.xmm_space + 9 * 16, 8);
  CHECK(ninth == 1.5 && fp.cwd == 0x37f && fp.mxcsr == 0x1f80);
  static unsigned char area[16384];
  vector = (struct iovec){area, sizeof area};
  CHECK(trace(PTRACE_GETREGSET, child, NT_X86_XSTATE, (unsigned long)&vector) == 0);
  CHECK(vector.iov_len >= 576 && (area[464] & 3) == 3);
  ninth = 2.5;
  memcpy((char *)fp.xmm_space + 9 * 16, &ninth, 8);
  CHECK(trace(PTRACE_SETFPREGS, child, 0, (unsigned long)&fp) == 0);
  CHECK(trace(PTRACE_CONT, child, 0, 0) == 0);
  int status = next_status(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return finish();
}
