// mmap(2): "SIGBUS: attempted access to a page of the buffer that lies beyond the end of the mapped
// file". A private copy of such a page is gone with it (Linux's unmap_mapping_range with
// even_cows): when the file has grown again, the page reads as the file does. A hole that is
// punched (fallocate(2)) leaves private copies alone.
#include "check.h"

enum { page = 4096 };

static void rule_of(int file) {
  NEED(ftruncate(file, 4 * page) == 0);
  volatile char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  NEED(memory != MAP_FAILED);
  for (int i = 0; i < 4; ++i)
    memory[i * page] = (char)(i + 1);
  struct bell go = new_bell();
  const pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    hear(go);
    _exit(memory[0] == 1 && memory[page] == 2 && memory[2 * page] == 0 && memory[3 * page] == 0
              ? 7
              : 1);
  }
  NEED(ftruncate(file, page + 10) == 0);
  CHECK(memory[0] == 1);
  CHECK_THAT(memory[page] == 2, "the page that holds the end stays");
  CHECK(SIGNAL_THAT_KILLS(memory[2 * page] = 1) == SIGBUS);
  NEED(ftruncate(file, 4 * page) == 0);
  CHECK(memory[2 * page] == 0 && memory[3 * page] == 0);
  tell(go);
  int status;
  NEED(waitpid(child, &status, 0) == child);
  CHECK_THAT(WIFEXITED(status) && WEXITSTATUS(status) == 7,
             "so it is in a process that was forked before");

  memory[3 * page] = 9;
  CHECK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * page) == 0);
  CHECK(memory[0] == 1 && memory[3 * page] == 9);
  munmap((void *)memory, 4 * page);
  close(file);
}

int main(void) {
  rule_of(memfd_create("file", 0));
  rule_of(open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
  return finish();
}
