// read(2), mmap(2): "the st_atime field for the mapped file may be updated at any time between the
// mmap() and the corresponding unmapping; the first reference to a mapped page will update the
// field if it has not been already. ... The st_ctime and st_mtime field for a file mapped with
// PROT_WRITE and MAP_SHARED will be updated after a write to the mapped region, and before a
// subsequent msync(2)". mount(8), relatime: "access time is only updated if the previous access
// time was earlier than or equal to the current modify or change time".
#include "check.h"

#include <dirent.h>

static struct timespec long_ago = {1000000000, 0}, later = {1100000000, 0};

static void set_times(int file, struct timespec accessed, struct timespec modified) {
  const struct timespec times[2] = {accessed, modified};
  NEED(futimens(file, times) == 0);
}

static struct stat status_of(int file) {
  struct stat status;
  NEED(fstat(file, &status) == 0);
  return status;
}

static int is_now(struct timespec time) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec - time.tv_sec <= 60;
}

static void test_reading(int file) {
  char byte;
  set_times(file, long_ago, later);
  CHECK(pread(file, &byte, 1, 0) == 1 && is_now(status_of(file).st_atim));
  CHECK_THAT(status_of(file).st_mtim.tv_sec == later.tv_sec, "reading modifies nothing");
  usleep(20000); // beyond the tick in which futimens changed the file
  CHECK(pread(file, &byte, 1, 0) == 1);
  const struct timespec first = status_of(file).st_atim;
  usleep(20000);
  CHECK(pread(file, &byte, 1, 0) == 1);
  const struct timespec second = status_of(file).st_atim;
  CHECK_THAT(first.tv_sec == second.tv_sec && first.tv_nsec == second.tv_nsec,
             "relatime: a later access time stays");
  set_times(file, long_ago, later);
  const int untouched = open("file", O_RDONLY | O_NOATIME);
  NEED(untouched >= 0);
  CHECK(pread(untouched, &byte, 1, 0) == 1 && status_of(file).st_atim.tv_sec == long_ago.tv_sec);
  close(untouched);
}

static void test_mapping(int file) {
  set_times(file, long_ago, later);
  char *shared = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  NEED(shared != MAP_FAILED);
  CHECK(shared[0] == 'x' && is_now(status_of(file).st_atim));
  CHECK_THAT(status_of(file).st_mtim.tv_sec == later.tv_sec, "a mapping modifies nothing");
  shared[0] = 'y';
  CHECK(msync(shared, 4096, MS_SYNC) == 0 && is_now(status_of(file).st_mtim));
  CHECK(is_now(status_of(file).st_ctim));
  munmap(shared, 2 * 4096);

  set_times(file, long_ago, later);
  char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  NEED(copy != MAP_FAILED);
  copy[0] = 'z';
  CHECK_THAT(status_of(file).st_mtim.tv_sec == later.tv_sec, "a private mapping is not the file");
  munmap(copy, 4096);
}

static void test_directory(void) {
  NEED(mkdir("directory", 0755) == 0);
  const int directory = open("directory", O_RDONLY | O_DIRECTORY);
  NEED(directory >= 0);
  set_times(directory, long_ago, later);
  DIR *stream = opendir("directory");
  NEED(stream != NULL && readdir(stream) != NULL);
  CHECK_THAT(is_now(status_of(directory).st_atim), "reading a directory is an access");
  closedir(stream);
  close(directory);
}

int main(void) {
  const int file = open("file", O_RDWR | O_CREAT, 0644);
  NEED(file >= 0 && write(file, "x", 1) == 1 && ftruncate(file, 2 * 4096) == 0);
  test_reading(file);
  test_mapping(file);
  test_directory();
  return finish();
}
