// execve(2): "If the set-user-ID bit is set on the program file …, then the effective user ID of
// the calling process is changed to that of the owner of the program file"; not with no_new_privs
// (prctl(2)); write(2), chown(2), truncate(2) take the bits away (inode(7), capabilities(7)).
#include "check.h"

#include <grp.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

/// In the new program: "R E S r e s SECURE" are its ids.
static int say(void) {
  uid_t r, e, s;
  gid_t a, b, c;
  getresuid(&r, &e, &s);
  getresgid(&a, &b, &c);
  printf("ok ids %u %u %u, %u %u %u, secure %lu, dumpable %d\n", r, e, s, a, b, c,
         getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE));
  return 0;
}
static void copy_program(const char *name, uid_t owner, gid_t group, mode_t mode) {
  static char bytes[1 << 16];
  int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT, 0755);
  NEED(from >= 0 && to >= 0);
  for (ssize_t count; (count = read(from, bytes, sizeof bytes)) > 0;)
    NEED(write(to, bytes, (size_t)count) == count);
  NEED(close(from) == 0 && close(to) == 0 && chown(name, owner, group) == 0 &&
       chmod(name, mode) == 0);
}
static void run(const char *name, int no_new_privileges) {
  IN_CHILD({
    NEED(setgroups(0, NULL) == 0 && setgid(4322) == 0 && setuid(4321) == 0);
    if (no_new_privileges)
      NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    execl(name, name, "say", NULL);
    NEED(0);
  });
}
static mode_t mode_of(const char *name) {
  struct stat state;
  NEED(stat(name, &state) == 0);
  return state.st_mode & 07777;
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1)
    return say();
  NEED(chmod(".", 0777) == 0);
  copy_program("plain", 0, 0, 0755);
  copy_program("user", 111, 112, 04755);
  copy_program("group", 111, 112, 02755);
  copy_program("both", 111, 112, 06755);
  copy_program("root", 0, 0, 04755);
  copy_program("lock", 111, 112, 02745);
  run("plain", 0);
  run("user", 0);
  run("group", 0);
  run("both", 0);
  run("root", 0);
  run("lock", 0);
  run("both", 1);
  int script = open("script", O_WRONLY | O_CREAT, 0755);
  NEED(script >= 0 && write(script, "#!./plain\n", 10) == 10 && close(script) == 0);
  NEED(chmod("script", 04755) == 0);
  run("script", 0); // a script's bits are ignored

  CHECK(mode_of("both") == 06755);
  CHECK(chown("both", 4321, 4322) == 0 && mode_of("both") == 0755);
  CHECK(chmod("both", 06777) == 0 && chmod("lock", 06766) == 0 && mode_of("lock") == 06766);
  IN_CHILD({
    NEED(setgroups(0, NULL) == 0 && setgid(4322) == 0 && setuid(5000) == 0);
    int file = open("both", O_WRONLY);
    NEED(file >= 0);
    CHECK(write(file, "x", 0) == 0 && mode_of("both") == 06777);
    CHECK(write(file, "x", 1) == 1 && mode_of("both") == 0777);
  });
  CHECK(chmod("both", 06777) == 0);
  IN_CHILD({
    NEED(setgroups(0, NULL) == 0 && setgid(4322) == 0 && setuid(5000) == 0);
    CHECK(truncate("both", 100) == 0 && mode_of("both") == 0777);
    CHECK(truncate("lock", 100) == 0 && mode_of("lock") == 0766);
  });
  CHECK(chmod("both", 06777) == 0);
  int file = open("both", O_WRONLY);
  CHECK(write(file, "x", 1) == 1 && mode_of("both") == 06777); // CAP_FSETID keeps them
  return finish();
}
