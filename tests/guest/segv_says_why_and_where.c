// sigaction(2): SIGSEGV: si_code SEGV_MAPERR (address not mapped) or SEGV_ACCERR (invalid
// permissions), si_addr the address of the fault.
#include "check.h"

#include <setjmp.h>

static sigjmp_buf back;
static volatile int code;
static void *volatile address;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  code = info->si_code;
  address = info->si_addr;
  siglongjmp(back, 1);
}
static volatile char *volatile memory;
#define FAULTS(access)                                                                             \
  ({                                                                                               \
    code = 0;                                                                                      \
    address = NULL;                                                                                \
    if (sigsetjmp(back, 1) == 0) {                                                                 \
      access;                                                                                      \
    }                                                                                              \
    code;                                                                                          \
  })
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGSEGV, &action, NULL) == 0);
  memory = mmap(NULL, 4 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  CHECK(FAULTS((void)memory[10]) == 0);
  CHECK(FAULTS(memory[10] = 1) == SEGV_ACCERR && address == memory + 10);
  NEED(mprotect((void *)memory, 4096, PROT_NONE) == 0);
  CHECK(FAULTS((void)memory[77]) == SEGV_ACCERR && address == memory + 77);
  NEED(munmap((void *)(memory + 4096), 4096) == 0);
  CHECK(FAULTS((void)memory[4096]) == SEGV_MAPERR && address == memory + 4096);
  CHECK(FAULTS(memory[4099] = 1) == SEGV_MAPERR && address == memory + 4099);
  CHECK(FAULTS(*(volatile char *)16 = 1) == SEGV_MAPERR && address == (void *)16);
  CHECK_THAT(FAULTS(((void (*)(void))(uintptr_t)(memory + 8192))()) == SEGV_ACCERR &&
                 address == memory + 8192,
             "execution of a page without PROT_EXEC");
  CHECK_THAT(FAULTS(((void (*)(void))(uintptr_t)(memory + 4096))()) == SEGV_MAPERR &&
                 address == memory + 4096,
             "execution of an unmapped page");
  CHECK_THAT(FAULTS(*(volatile char *)0x8000000000000000 = 1) != 0 && address == NULL,
             "a non-canonical address has no si_addr");
  return finish();
}
