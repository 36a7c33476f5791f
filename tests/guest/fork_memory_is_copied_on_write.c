// fork(2): "The child process and the parent process run in separate memory spaces. At the time of
// fork() both memory spaces have the same content. Memory writes [...] performed by one of the
// processes do not affect the other."
#include "check.h"

enum { pages = 600, page = 4096 };
static char statics[3 * page] = "static";
static int all(const unsigned char *memory, int value) {
  for (int i = 0; i < pages; ++i)
    if (memory[i * page + 17] != (unsigned char)(value + i))
      return 0;
  return 1;
}
static void fill(unsigned char *memory, int value) {
  for (int i = 0; i < pages; ++i)
    memory[i * page + 17] = (unsigned char)(value + i);
}
int main(void) {
  unsigned char *heap =
      mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(heap != MAP_FAILED);
  fill(heap, 1);
  char local[page] = "local";
  struct bell child_wrote = new_bell(), parent_wrote = new_bell();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    CHECK_THAT(all(heap, 1), "the child sees the heap at the fork");
    fill(heap, 2);
    strcpy(statics, "child");
    strcpy(local, "child");
    tell(child_wrote);
    hear(parent_wrote);
    CHECK_THAT(all(heap, 2), "the child keeps its own heap");
    CHECK(strcmp(statics, "child") == 0 && strcmp(local, "child") == 0);
    _exit(check_failures);
  }
  hear(child_wrote);
  CHECK_THAT(all(heap, 1), "the parent does not see the child's writes");
  CHECK(strcmp(statics, "static") == 0 && strcmp(local, "local") == 0);
  fill(heap, 3);
  tell(parent_wrote);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK_THAT(all(heap, 3), "the parent keeps its own heap");
  return finish();
}
