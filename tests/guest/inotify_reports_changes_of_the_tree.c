// inotify(7): which event each change of a file or a directory is.
#include "check.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static int instance;
static char got[4096];
static uint32_t last_cookie;

static void add(const char *text) {
  strcat(got, text);
}
/// All events since the last time, as "WATCH:EVENT[/]:NAME " each.
static const char *drain(void) {
  static const struct {
    uint32_t bit;
    const char *name;
  } names[] = {{IN_ACCESS, "ACCESS"},
               {IN_MODIFY, "MODIFY"},
               {IN_ATTRIB, "ATTRIB"},
               {IN_CLOSE_WRITE, "CLOSE_WRITE"},
               {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
               {IN_OPEN, "OPEN"},
               {IN_MOVED_FROM, "MOVED_FROM"},
               {IN_MOVED_TO, "MOVED_TO"},
               {IN_CREATE, "CREATE"},
               {IN_DELETE, "DELETE"},
               {IN_DELETE_SELF, "DELETE_SELF"},
               {IN_MOVE_SELF, "MOVE_SELF"},
               {IN_IGNORED, "IGNORED"},
               {IN_ISDIR, "/"}};
  static char buffer[4096] __attribute__((aligned(8)));
  got[0] = 0;
  ssize_t length = read(instance, buffer, sizeof buffer);
  for (char *at = buffer; at < buffer + (length > 0 ? length : 0);) {
    struct inotify_event *event = (struct inotify_event *)at;
    char number[16];
    snprintf(number, sizeof number, "%d:", event->wd);
    add(number);
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
      if (event->mask & names[i].bit)
        add(names[i].name);
    if (event->len) {
      add(":");
      add(event->name);
    }
    if (event->cookie)
      last_cookie = event->cookie;
    add(" ");
    at += sizeof *event + event->len;
  }
  return got;
}
/// What was reported must be this; both are printed.
#define EVENTS(expected)                                                                           \
  do {                                                                                             \
    if (!check(strcmp(drain(), expected) == 0, expected))                                          \
      fprintf(stderr, "  got: %s\n", got);                                                         \
  } while (0)

int main(void) {
  char byte = 'x', path[64];
  CHECK_ERRNO(inotify_init1(1), EINVAL);
  instance = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  NEED(instance >= 0 && mkdir("dir", 0755) == 0);
  CHECK(fcntl(instance, F_GETFD) == FD_CLOEXEC);
  CHECK_ERRNO(read(instance, path, sizeof path), EAGAIN);
  CHECK_ERRNO(inotify_add_watch(instance, "nothing", IN_ALL_EVENTS), ENOENT);
  CHECK_ERRNO(inotify_add_watch(instance, "dir", 0), EINVAL);
  CHECK_ERRNO(inotify_add_watch(1, "dir", IN_ALL_EVENTS), EINVAL);
  CHECK_ERRNO(inotify_rm_watch(instance, 1), EINVAL);
  CHECK(inotify_add_watch(instance, "dir", IN_ALL_EVENTS) == 1);
  CHECK_ERRNO(inotify_add_watch(instance, "dir", IN_ALL_EVENTS | IN_MASK_CREATE), EEXIST);
  CHECK(inotify_add_watch(instance, "dir", IN_ALL_EVENTS | IN_MASK_ADD) == 1);
  struct pollfd ready = {.fd = instance, .events = POLLIN};
  CHECK(poll(&ready, 1, 0) == 0);

  int file = open("dir/file", O_CREAT | O_RDWR, 0644);
  EVENTS("1:CREATE:file 1:OPEN:file ");
  NEED(write(file, "abc", 3) == 3 && write(file, "d", 1) == 1);
  CHECK(poll(&ready, 1, 0) == 1);
  int waiting = 0;
  CHECK(ioctl(instance, FIONREAD, &waiting) == 0 && waiting == 32);
  CHECK_ERRNO(read(instance, path, 31), EINVAL);
  EVENTS("1:MODIFY:file ");
  NEED(pread(file, &byte, 1, 0) == 1 && ftruncate(file, 1) == 0);
  EVENTS("1:ACCESS:file 1:MODIFY:file ");
  NEED(fchmod(file, 0600) == 0 && close(file) == 0);
  EVENTS("1:ATTRIB:file 1:CLOSE_WRITE:file ");
  file = open("dir/file", O_RDONLY | O_TRUNC);
  NEED(close(file) == 0 && truncate("dir/file", 10) == 0);
  EVENTS("1:OPEN:file 1:MODIFY:file 1:CLOSE_NOWRITE:file 1:MODIFY:file ");
  NEED(close(open("dir/file", O_PATH)) == 0);
  EVENTS("");

  NEED(mkdir("dir/sub", 0755) == 0 && rmdir("dir/sub") == 0);
  EVENTS("1:CREATE/:sub 1:DELETE/:sub ");
  NEED(symlink("x", "dir/symlink") == 0 && mkfifo("dir/fifo", 0600) == 0);
  EVENTS("1:CREATE:symlink 1:CREATE:fifo ");
  CHECK(inotify_add_watch(instance, "dir/file", IN_ALL_EVENTS) == 2);
  NEED(link("dir/file", "dir/other") == 0);
  EVENTS("2:ATTRIB 1:CREATE:other ");
  NEED(rename("dir/file", "dir/moved") == 0);
  EVENTS("1:MOVED_FROM:file 1:MOVED_TO:moved 2:MOVE_SELF ");
  uint32_t cookie = last_cookie;
  NEED(rename("dir/moved", "outside") == 0);
  EVENTS("1:MOVED_FROM:moved 2:MOVE_SELF ");
  CHECK(cookie != 0 && last_cookie != cookie);
  NEED(rename("outside", "dir/symlink") == 0);
  EVENTS("1:MOVED_TO:symlink 2:MOVE_SELF ");
  NEED(unlink("dir/other") == 0);
  EVENTS("2:ATTRIB 1:DELETE:other ");
  file = open("dir/symlink", O_RDONLY);
  NEED(unlink("dir/symlink") == 0);
  EVENTS("1:OPEN:symlink 2:OPEN 2:ATTRIB 1:DELETE:symlink ");
  NEED(close(file) == 0);
  EVENTS("1:CLOSE_NOWRITE:symlink 2:CLOSE_NOWRITE 2:DELETE_SELF 2:IGNORED ");
  CHECK_ERRNO(inotify_rm_watch(instance, 2), EINVAL);

  CHECK(inotify_add_watch(instance, "dir/fifo", IN_DELETE_SELF | IN_ATTRIB) == 3);
  NEED(unlink("dir/fifo") == 0);
  EVENTS("3:ATTRIB 3:DELETE_SELF 3:IGNORED 1:DELETE:fifo ");
  NEED(close(open("once", O_CREAT | O_WRONLY, 0600)) == 0);
  CHECK_ERRNO(inotify_add_watch(instance, "once", IN_OPEN | IN_ONLYDIR), ENOTDIR);
  CHECK(inotify_add_watch(instance, "once", IN_OPEN | IN_ONESHOT) == 4);
  NEED(close(open("once", O_RDONLY)) == 0 && close(open("once", O_RDONLY)) == 0);
  EVENTS("4:OPEN 4:IGNORED ");
  CHECK(inotify_rm_watch(instance, 1) == 0);
  EVENTS("1:IGNORED ");
  NEED(rmdir("dir") == 0);
  EVENTS("");
  NEED(mkdir("gone", 0755) == 0);
  CHECK(inotify_add_watch(instance, "gone", IN_ALL_EVENTS) == 5);
  NEED(rmdir("gone") == 0);
  EVENTS("5:DELETE_SELF 5:IGNORED ");
  return finish();
}
