// process_vm_writev(2), proc(5) /proc/pid/mem: writes into another process copy what is shared
// (Dirty COW, CVE-2016-5195).
#include "check.h"

#include <sys/prctl.h>
#include <sys/uio.h>

int main(void) {
  char *memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'p', 4 * 4096);
  struct bell go = new_bell();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    hear(go);
    CHECK(memory[0] == 'A' && memory[4095] == 'B' && memory[4096] == 'B' && memory[4097] == 'p');
    CHECK(memory[2 * 4096] == 'C');
    _exit(check_failures);
  }
  char text[8] = "";
  struct iovec local = {"A", 1}, remote = {memory, 1};
  CHECK(process_vm_writev(child, &local, 1, &remote, 1, 0) == 1);
  local = (struct iovec){"BB", 2};
  remote = (struct iovec){memory + 4095, 2};
  CHECK(process_vm_writev(child, &local, 1, &remote, 1, 0) == 2);
  local = (struct iovec){text, 4};
  remote = (struct iovec){memory + 4094, 4};
  CHECK(process_vm_readv(child, &local, 1, &remote, 1, 0) == 4 && memcmp(text, "pBBp", 4) == 0);
  remote = (struct iovec){(void *)8, 4};
  CHECK_ERRNO(process_vm_readv(child, &local, 1, &remote, 1, 0), EFAULT);
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", child);
  int file = open(path, O_RDWR);
  CHECK(file >= 0);
  CHECK(pwrite(file, "C", 1, (off_t)(uintptr_t)(memory + 2 * 4096)) == 1);
  CHECK(pread(file, text, 1, (off_t)(uintptr_t)memory) == 1 && text[0] == 'A');
  tell(go);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(memory[0] == 'p' && memory[4095] == 'p' && memory[2 * 4096] == 'p');
  return finish();
}
