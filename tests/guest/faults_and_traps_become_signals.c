// signal(7), sigaction(2): SIGFPE FPE_INTDIV, SIGILL, SIGTRAP, with the address of the instruction;
// a handler may change the registers and continue.
#include "check.h"

#include <ucontext.h>

static volatile int code, number_seen;
static volatile int address_is_rip;
static int skip;
static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  number_seen = number;
  code = info->si_code;
  address_is_rip = (uintptr_t)info->si_addr == (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
  uc->uc_mcontext.gregs[REG_RIP] += skip;
  uc->uc_mcontext.gregs[REG_RBX] = 77;
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGFPE, &action, NULL) == 0);
  NEED(sigaction(SIGILL, &action, NULL) == 0);
  NEED(sigaction(SIGTRAP, &action, NULL) == 0);
  long rbx = 1, zero = 0;
  skip = 2;
  __asm__ volatile("xor %%edx, %%edx; mov $5, %%eax; div %%ecx"
                   : "+b"(rbx), "+c"(zero)
                   :
                   : "rax", "rdx", "cc", "memory");
  CHECK(number_seen == SIGFPE && code == FPE_INTDIV && address_is_rip && rbx == 77);
  rbx = 1;
  __asm__ volatile("ud2" : "+b"(rbx) : : "memory");
  CHECK(number_seen == SIGILL && code == ILL_ILLOPN && address_is_rip && rbx == 77);
  rbx = 1;
  skip = 0;
  __asm__ volatile("int3" : "+b"(rbx) : : "memory");
  CHECK(number_seen == SIGTRAP && rbx == 77);
  rbx = 1;
  skip = 1;
  NEED(sigaction(SIGSEGV, &action, NULL) == 0);
  __asm__ volatile("hlt" : "+b"(rbx) : : "memory");
  CHECK_THAT(number_seen == SIGSEGV && rbx == 77, "a privileged instruction is SIGSEGV");
  CHECK(SIGNAL_THAT_KILLS(signal(SIGFPE, SIG_DFL); volatile int a = 1, b = 0; a = a / b) == SIGFPE);
  CHECK(SIGNAL_THAT_KILLS(signal(SIGILL, SIG_DFL); __builtin_trap()) == SIGILL);
  return finish();
}
