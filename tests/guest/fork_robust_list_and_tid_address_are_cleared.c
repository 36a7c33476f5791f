// set_robust_list(2), clone(2): a fork's child has no robust list; its clear_child_tid is none,
// unless CLONE_CHILD_CLEARTID says so: then the word is zeroed and a futex waiter woken at its
// exit.
#include "check.h"

#include <linux/futex.h>

struct head {
  void *next;
  long offset;
  void *pending;
};
static struct head list = {&list, 0, NULL};
int main(void) {
  struct head *head;
  size_t length;
  NEED(syscall(SYS_set_robust_list, &list, sizeof list) == 0);
  CHECK(syscall(SYS_get_robust_list, 0, &head, &length) == 0 && head == &list);
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
  NEED(child >= 0);
  if (child == 0) {
    CHECK(syscall(SYS_get_robust_list, 0, &head, &length) == 0 && head == NULL);
    _exit(check_failures);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  volatile int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(word != MAP_FAILED);
  *word = 7;
  pid_t parent_word = 0;
  child = (pid_t)syscall(SYS_clone,
                         CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | SIGCHLD,
                         NULL, &parent_word, word, 0);
  NEED(child >= 0);
  if (child == 0) {
    CHECK(*word == getpid());
    sleep_ms(20);
    syscall(SYS_exit, check_failures);
  }
  CHECK(parent_word == child);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  // "clear the child thread ID [...] when the child exits": only if the memory has other users.
  CHECK(*word == 0 || *word == child);
  return finish();
}
