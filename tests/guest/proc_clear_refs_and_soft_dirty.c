// proc(5), /proc/PID/clear_refs: "This is a write-only file, writable only by owner of the process.
// The following values may be written to the file: 1 … 2 … 3 … 4 … 5"; "Writing any value … other
// than those listed above has no effect [EINVAL]". /proc/PID/pagemap: "55 PTE is soft-dirty", zero
// in a kernel without CONFIG_MEM_SOFT_DIRTY, as the box's is: then a page that wasn't written to
// since must not look as if that had been recorded.
#include "check.h"

static int clear_refs(const char *text) {
  int fd = open("/proc/self/clear_refs", O_WRONLY);
  NEED(fd >= 0);
  ssize_t written = write(fd, text, strlen(text));
  int error = errno;
  close(fd);
  return written == (ssize_t)strlen(text) ? 0 : error;
}

static int is_soft_dirty(const void *page) {
  uint64_t entry;
  int fd = open("/proc/self/pagemap", O_RDONLY);
  NEED(fd >= 0 && pread(fd, &entry, 8, (off_t)((uintptr_t)page / 4096 * 8)) == 8);
  close(fd);
  return (entry >> 55) & 1;
}

static long status_kb(const char *name) {
  char line[256];
  long value = -1;
  FILE *status = fopen("/proc/self/status", "r");
  NEED(status);
  while (fgets(line, sizeof line, status))
    if (strncmp(line, name, strlen(name)) == 0)
      value = atol(line + strlen(name) + 1);
  fclose(status);
  return value;
}

int main(void) {
  static const char *good[] = {"1", "2", "3", "4", "5", "4\n"},
                    *bad[] = {"0", "6", "-1", "x", "1 2"};
  for (unsigned i = 0; i < sizeof good / sizeof *good; ++i)
    CHECK_THAT(clear_refs(good[i]) == 0, "a value that is known");
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; ++i)
    CHECK_THAT(clear_refs(bad[i]) == EINVAL, "a value that is not known");
  int fd = open("/proc/self/clear_refs", O_RDONLY);
  char byte;
  CHECK(fd >= 0);
  CHECK_ERRNO(read(fd, &byte, 1), EINVAL);

  // Either all is kept (the bit falls when it is cleared, and rises with a write), or nothing.
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(page != MAP_FAILED);
  page[0] = page[4096] = 1;
  int kept = is_soft_dirty(page);
  CHECK(clear_refs("4") == 0 && !is_soft_dirty(page) && !is_soft_dirty(page + 4096));
  page[0] = 2;
  CHECK(is_soft_dirty(page) == kept && !is_soft_dirty(page + 4096));

  CHECK(clear_refs("5") == 0);
  long resident = status_kb("VmRSS:"), peak = status_kb("VmHWM:");
  CHECK(peak >= resident && peak < resident + 2048);
  return finish();
}
