// open(2): "ETXTBSY: pathname refers to an executable image which is currently being executed and
// write access was requested." The same in truncate(2); execve(2): "ETXTBSY: The specified
// executable was open for writing by one or more processes."
#include "check.h"

static void copy_program(const char *name) {
  static char bytes[1 << 16];
  int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT, 0755);
  NEED(from >= 0 && to >= 0);
  for (ssize_t count; (count = read(from, bytes, sizeof bytes)) > 0;)
    NEED(write(to, bytes, (size_t)count) == count);
  NEED(close(from) == 0 && close(to) == 0);
}

int main(int argc, char **argv) {
  if (argc > 1) { // the copy: says that it runs, then waits for its end
    if (write(atoi(argv[1]), "!", 1) != 1 || read(atoi(argv[2]), argv[1], 1) != 0)
      return 9;
    return 0;
  }
  copy_program("program");
  int runs[2], end[2];
  NEED(pipe(runs) == 0 && pipe(end) == 0);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    char out[12], in[12];
    close(end[1]);
    snprintf(out, sizeof out, "%d", runs[1]);
    snprintf(in, sizeof in, "%d", end[0]);
    execl("./program", "program", out, in, NULL);
    _exit(8);
  }
  char byte;
  NEED(read(runs[0], &byte, 1) == 1);
  CHECK_ERRNO(open("program", O_WRONLY), ETXTBSY);
  CHECK_ERRNO(open("program", O_RDWR), ETXTBSY);
  CHECK_ERRNO(open("program", O_RDONLY | O_TRUNC), ETXTBSY);
  CHECK_ERRNO(truncate("program", 0), ETXTBSY);
  int reader = open("program", O_RDONLY);
  CHECK(reader >= 0 && read(reader, &byte, 1) == 1 && byte == 127);
  CHECK(chmod("program", 0700) == 0);
  CHECK(rename("program", "other") == 0);
  CHECK_ERRNO(open("other", O_WRONLY), ETXTBSY);
  NEED(close(end[1]) == 0);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  int writer = open("other", O_WRONLY);
  CHECK(writer >= 0);
  char *const arguments[] = {"x", NULL};
  CHECK_ERRNO(execv("./other", arguments), ETXTBSY);
  CHECK_ERRNO(fexecve(reader, arguments, arguments + 1), ETXTBSY);
  IN_CHILD({
    close(writer);
    CHECK_ERRNO(execv("./other", arguments), ETXTBSY); // the parent has it open
  });
  return finish();
}
