// sendfile(2), splice(2), copy_file_range(2): setrlimit(2)'s RLIMIT_FSIZE holds for them; ranges
// are checked as signed 64-bit numbers; event files, directories and /dev/null have nothing to
// splice.
#include "check.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>

static char text[200];
static int from, pipe_ends[2];

static void test_limit(void) {
  struct rlimit limit = {50, 50};
  signal(SIGXFSZ, SIG_IGN);
  int to = open("limited", O_RDWR | O_CREAT, 0600);
  off_t in = 0, out = 45;
  NEED(to >= 0 && setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK(copy_file_range(from, &in, to, &out, 10, 0) == 5 && out == 50);
  CHECK_ERRNO(copy_file_range(from, &in, to, &out, 10, 0), EFBIG);
  in = 0;
  NEED(lseek(to, 40, SEEK_SET) == 40);
  CHECK(sendfile(to, from, &in, 100) == 10);
  CHECK_ERRNO(sendfile(to, from, &in, 100), EFBIG);
  NEED(write(pipe_ends[1], text, 10) == 10);
  out = 48;
  CHECK(splice(pipe_ends[0], NULL, to, &out, 5, 0) == 2);
  CHECK_ERRNO(splice(pipe_ends[0], NULL, to, &out, 5, 0), EFBIG);
  signal(SIGXFSZ, SIG_DFL);
  CHECK(SIGNAL_THAT_KILLS(sendfile(to, from, &in, 1)) == SIGXFSZ);
}

static void test_ranges(void) {
  int to = open("to", O_RDWR | O_CREAT, 0600);
  off_t in = -1, out = 0;
  CHECK_ERRNO(copy_file_range(from, &in, to, &out, 100, 0), EOVERFLOW);
  in = INT64_MAX;
  CHECK(copy_file_range(from, &in, to, &out, 100, 0) == 0);
  in = 0, out = INT64_MAX;
  CHECK_ERRNO(copy_file_range(from, &in, to, &out, 100, 0), EFBIG);
  CHECK_ERRNO(copy_file_range(from, &in, to, &out, -1, 0), EOVERFLOW);
  in = 0, out = 0;
  CHECK(copy_file_range(from, &in, to, &out, -1, 0) == sizeof text);
  int other = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
  NEED(other >= 0);
  CHECK_ERRNO(copy_file_range(from, &in, other, NULL, 1, 0), EXDEV);
}

static void test_splice(void) {
  const int files[] = {eventfd(1, 0),       epoll_create1(0),
                       inotify_init(),      timerfd_create(CLOCK_MONOTONIC, 0),
                       open(".", O_RDONLY), open("/dev/null", O_RDONLY)};
  for (unsigned i = 0; i < sizeof files / sizeof *files; ++i) {
    NEED(files[i] >= 0);
    CHECK_ERRNO(splice(files[i], NULL, pipe_ends[1], NULL, 8, 0), EINVAL);
  }
  NEED(write(pipe_ends[1], text, 10) == 10);
  CHECK_ERRNO(splice(pipe_ends[0], NULL, files[0], NULL, 8, 0), EINVAL);
  CHECK_ERRNO(splice(pipe_ends[0], NULL, files[3], NULL, 8, 0), EINVAL);
  CHECK(splice(pipe_ends[0], NULL, open("/dev/null", O_WRONLY), NULL, 8, 0) == 8);
  CHECK(sendfile(pipe_ends[1], open("/dev/zero", O_RDONLY), NULL, 8) == 8);
  uint64_t two[2] = {1, 1};
  CHECK_ERRNO(write(files[0], two, sizeof two), EINVAL);
}

int main(void) {
  from = open("from", O_RDWR | O_CREAT, 0600);
  NEED(from >= 0 && write(from, text, sizeof text) == sizeof text && pipe(pipe_ends) == 0);
  test_ranges();
  test_splice();
  test_limit();
  return finish();
}
