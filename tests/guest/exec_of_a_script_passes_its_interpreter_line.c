// execve(2): "#!interpreter [optional-arg]": interpreter, the one optional argument, the script's
// path, then the arguments from the second on.
#include "check.h"

int main(int argc, char **argv) {
  if (argc > 1) {
    CHECK(argc == 5);
    CHECK(strcmp(argv[1], "one argument") == 0);
    CHECK(strcmp(argv[2], "./script") == 0);
    CHECK(strcmp(argv[3], "a") == 0 && strcmp(argv[4], "b c") == 0);
    return finish();
  }
  char self[4096], line[4200];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  NEED(length > 0 && length < 200);
  self[length] = 0;
  NEED(symlink(self, "me") == 0);
  snprintf(line, sizeof line, "#! ./me one argument \n");
  int file = open("script", O_WRONLY | O_CREAT, 0755);
  NEED(file >= 0 && write(file, line, strlen(line)) == (ssize_t)strlen(line) && close(file) == 0);
  execl("./script", "ignored", "a", "b c", NULL);
  NEED(0);
}
