// mmap(2): of the partial page at the end of a file "modifications to that region are not written
// out to the file": once the file has become longer they are gone, however it was made longer.
#include "check.h"

static char *memory;
static int file;

/// The file ends after 100 bytes, and the mapping wrote behind it.
static void write_behind_the_end(void) {
  NEED(ftruncate(file, 100) == 0);
  memset(memory + 100, 'x', 1000);
}
static int is_zero(int from, int to) {
  char text[4096];
  NEED(pread(file, text, sizeof text, 0) >= to);
  for (int i = from; i < to; ++i)
    if (text[i] != 0 || memory[i] != 0)
      return 0;
  return 1;
}

int main(void) {
  file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0 && ftruncate(file, 4096) == 0);
  memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  NEED(memory != MAP_FAILED);
  write_behind_the_end();
  CHECK(ftruncate(file, 500) == 0 && ftruncate(file, 4096) == 0 && is_zero(100, 4096));
  write_behind_the_end();
  CHECK(pwrite(file, "y", 1, 200) == 1 && is_zero(100, 200) && memory[200] == 'y');
  CHECK(ftruncate(file, 4096) == 0 && is_zero(201, 4096));
  write_behind_the_end();
  CHECK(pwrite(file, "y", 1, 5000) == 1 && is_zero(100, 4096));
  write_behind_the_end();
  CHECK(posix_fallocate(file, 0, 4096) == 0 && is_zero(100, 4096));
  write_behind_the_end();
  CHECK(lseek(file, 0, SEEK_END) == 100 && write(file, "appended", 8) == 8);
  CHECK(ftruncate(file, 4096) == 0 && is_zero(108, 4096) && memcmp(memory + 100, "appe", 4) == 0);
  return finish();
}
