// CVE-2020-29374: a child put a page that it shared with its parent into a pipe and unmapped it;
// the parent must not then write in place: every reference counts.
#include "check.h"

#include <sys/uio.h>

int main(void) {
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  strcpy(memory, "public");
  struct bell spliced = new_bell(), written = new_bell();
  int pipe_fds[2];
  NEED(pipe(pipe_fds) == 0);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    struct iovec vector = {memory, 4096};
    NEED(vmsplice(pipe_fds[1], &vector, 1, 0) == 4096);
    NEED(munmap(memory, 4096) == 0);
    tell(spliced);
    hear(written);
    char text[4096];
    NEED(read(pipe_fds[0], text, sizeof text) == 4096);
    CHECK_THAT(strcmp(text, "public") == 0, "the child does not read the parent's secret");
    _exit(check_failures);
  }
  hear(spliced);
  strcpy(memory, "secret");
  tell(written);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(strcmp(memory, "secret") == 0);
  return finish();
}
