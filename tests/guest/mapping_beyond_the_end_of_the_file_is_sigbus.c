// mmap(2): "SIGBUS: Attempted access to a page of the buffer that lies beyond the end of the mapped
// file"; the rest of the last page reads zero.
#include "check.h"

#include <setjmp.h>

static sigjmp_buf back;
static volatile int code;
static void *volatile address;
static void handler(int number, siginfo_t *info, void *context) {
  (void)context;
  code = info->si_code;
  address = info->si_addr;
  siglongjmp(back, number);
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGBUS, &action, NULL) == 0);
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0 && ftruncate(file, 5000) == 0);
  volatile char *memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  NEED(memory != MAP_FAILED);
  CHECK(memory[4999] == 0 && memory[8191] == 0);
  int number = sigsetjmp(back, 1);
  if (number == 0) {
    memory[8192] = 1;
    CHECK_THAT(0, "the access faults");
  }
  CHECK(number == SIGBUS && code == BUS_ADRERR && address == memory + 8192);
  char byte[1];
  int input = open("/dev/zero", O_RDONLY);
  CHECK_ERRNO(read(input, (void *)(memory + 8192), 1), EFAULT);
  NEED(ftruncate(file, 3 * 4096) == 0);
  memory[8192] = 3;
  CHECK(pread(file, byte, 1, 8192) == 1 && byte[0] == 3);
  NEED(ftruncate(file, 100) == 0);
  number = sigsetjmp(back, 1);
  if (number == 0) {
    CHECK_THAT(memory[8192] == 3, "truncation takes the pages away");
  }
  CHECK(number == SIGBUS && address == memory + 8192);
  CHECK(SIGNAL_THAT_KILLS(signal(SIGBUS, SIG_DFL), memory[4096] = 1) == SIGBUS);
  return finish();
}
