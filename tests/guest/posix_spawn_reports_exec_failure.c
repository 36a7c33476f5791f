// posix_spawn(3): glibc's uses CLONE_VM | CLONE_VFORK; an exec error is the call's return value.
#include "check.h"

#include <spawn.h>

extern char **environ;
int main(void) {
  pid_t child;
  char *arguments[] = {"sh", "-c", "read line; echo \"got $line\" >&7; exit 6", NULL};
  CHECK(posix_spawn(&child, "/no/such/program", NULL, NULL, arguments, environ) == ENOENT);
  int input[2], output[2];
  NEED(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 7);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  CHECK(posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environ) == 0);
  close(output[1]);
  CHECK(getpgid(child) == child);
  NEED(write(input[1], "hello\n", 6) == 6);
  char text[64] = "";
  CHECK(read(output[0], text, sizeof text - 1) == 10 && strcmp(text, "got hello\n") == 0);
  CHECK(read(output[0], text, 1) == 0);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 6);
  return finish();
}
