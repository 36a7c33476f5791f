// PR_SET_NAME(2const); execve(2): "The process's name [...] is reset to the name of the new
// executable file"; prctl PR_SET_DUMPABLE and PR_SET_TIMERSLACK are copied by fork.
#include "check.h"

#include <sys/prctl.h>

int main(int argc, char **argv) {
  char name[16] = "", file[4096], text[64] = "";
  (void)argv;
  if (argc > 1) {
    NEED(prctl(PR_GET_NAME, name) == 0);
    CHECK(strcmp(name, "again_and_again") == 0);
    return finish();
  }
  NEED(prctl(PR_SET_NAME, "a long name that is cut") == 0);
  NEED(prctl(PR_SET_TIMERSLACK, 70000) == 0);
  IN_CHILD({
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a long name tha") == 0);
    CHECK(prctl(PR_GET_TIMERSLACK) == 70000);
    CHECK(prctl(PR_SET_TIMERSLACK, 0) == 0 && prctl(PR_GET_TIMERSLACK) == 70000);
    CHECK(prctl(PR_GET_DUMPABLE) == 1);
    int comm = open("/proc/self/comm", O_RDONLY);
    CHECK(read(comm, text, sizeof text) == 16 && strcmp(text, "a long name tha\n") == 0);
  });
  ssize_t length = readlink("/proc/self/exe", file, sizeof file - 1);
  NEED(length > 0);
  file[length] = 0;
  NEED(symlink(file, "again_and_again_and_again") == 0);
  execl("./again_and_again_and_again", "x", "y", NULL);
  NEED(0);
}
