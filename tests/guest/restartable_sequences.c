// rseq(2): the area shows the CPU; a critical section that is interrupted restarts at its abort
// handler. Uses the area that the C library registered.
#include "check.h"

#include <sys/rseq.h>

static struct rseq *area(void) {
  return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}
static volatile int aborted, timer_ticks;
static void on_alarm(int number) {
  (void)number;
  ++timer_ticks;
}

/// Spins in a critical section until it is aborted.
static void spin_until_aborted(void) {
  __asm__ volatile(".pushsection __rseq_cs, \"aw\"\n"
                   ".balign 32\n"
                   "3: .long 0, 0\n"
                   ".quad 1f, 2f - 1f, 4f\n"
                   ".popsection\n"
                   "leaq 3b(%%rip), %%rax\n"
                   "movq %%rax, 8(%[area])\n"
                   "1:\n"
                   "jmp 1b\n"
                   "2:\n"
                   ".byte 0x0f, 0xb9, 0x3d\n" // ud1 with the signature as its displacement
                   ".long 0x53053053\n"
                   "4:\n"
                   "movl $1, %[aborted]\n"
                   : [aborted] "=m"(aborted)
                   : [area] "r"(area())
                   : "rax", "memory");
}

int main(void) {
  NEED(__rseq_size != 0);
  unsigned cpu = area()->cpu_id;
  CHECK(cpu < 4096 && area()->cpu_id_start < 4096 && sched_getcpu() >= 0);
  CHECK_ERRNO(syscall(SYS_rseq, area(), 32, 0, RSEQ_SIG), EBUSY);
  CHECK_ERRNO(syscall(SYS_rseq, area(), 32, 0, RSEQ_SIG + 1), EPERM);
  CHECK_ERRNO(syscall(SYS_rseq, area(), 32, 2, RSEQ_SIG), EINVAL);
  CHECK_ERRNO(syscall(SYS_rseq, (char *)area() + 32, 32, 0, RSEQ_SIG), EINVAL);
  struct sigaction action = {.sa_handler = on_alarm};
  NEED(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval soon = {{0, 0}, {0, 20000}};
  NEED(setitimer(ITIMER_REAL, &soon, NULL) == 0);
  spin_until_aborted();
  CHECK(aborted == 1);
  CHECK(area()->rseq_cs == 0);
  IN_CHILD(CHECK_THAT(area()->cpu_id < 4096, "a fork's child has it registered"));
  CHECK(syscall(SYS_rseq, area(), 32, 1, RSEQ_SIG) == 0);
  CHECK((int)area()->cpu_id == -1);
  CHECK_ERRNO(syscall(SYS_rseq, area(), 32, 1, RSEQ_SIG), EINVAL);
  CHECK(syscall(SYS_rseq, area(), 32, 0, RSEQ_SIG) == 0 && area()->cpu_id < 4096);
  return finish();
}
