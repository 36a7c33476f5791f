// clone(2): CLONE_FILES shares the table, CLONE_FS the working directory and umask, CLONE_VM the
// memory, CLONE_SIGHAND the dispositions; without the flag each is a copy.
#include "check.h"

static char stack[65536] __attribute__((aligned(16)));
static volatile int memory;
static int child_main(void *unused) {
  (void)unused;
  memory = 1;
  if (dup2(0, 90) != 90 || chdir("/usr") != 0)
    return 1;
  umask(0111);
  signal(SIGUSR1, SIG_IGN);
  return 0;
}
static void with(int flags) {
  int status;
  memory = 0;
  close(90);
  NEED(chdir("/tmp") == 0);
  umask(022);
  signal(SIGUSR1, SIG_DFL);
  pid_t child = clone(child_main, stack + sizeof stack, flags | SIGCHLD, NULL);
  NEED(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}
static int in_usr(void) {
  char folder[4096];
  return getcwd(folder, sizeof folder) && strcmp(folder, "/usr") == 0;
}
static int ignored(void) {
  struct sigaction action;
  return sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}
static int table_shared(void) {
  return fcntl(90, F_GETFD) == 0;
}
static int mask_shared(void) {
  return umask(022) == 0111;
}
int main(void) {
  with(0);
  CHECK_THAT(memory == 0 && !table_shared() && !in_usr() && !mask_shared() && !ignored(),
             "nothing is shared");
  with(CLONE_FILES);
  CHECK_THAT(memory == 0 && table_shared() && !in_usr() && !ignored(), "CLONE_FILES");
  with(CLONE_FS);
  CHECK_THAT(memory == 0 && !table_shared() && in_usr() && mask_shared() && !ignored(), "CLONE_FS");
  with(CLONE_VM);
  CHECK_THAT(memory == 1 && !table_shared() && !in_usr() && !ignored(), "CLONE_VM");
  with(CLONE_VM | CLONE_SIGHAND);
  CHECK_THAT(memory == 1 && !table_shared() && !in_usr() && ignored(), "CLONE_VM | CLONE_SIGHAND");
  with(CLONE_VM | CLONE_SIGHAND | CLONE_FILES | CLONE_FS);
  CHECK_THAT(memory == 1 && table_shared() && in_usr() && ignored(), "all four");
  return finish();
}
