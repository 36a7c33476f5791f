// mmap(2): MAP_PRIVATE: "Updates to the mapping are not visible to other processes mapping the same
// file, and are not carried through to the underlying file."
#include "check.h"

int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0 && ftruncate(file, 3 * 4096) == 0 && pwrite(file, "original", 8, 4096) == 8);
  char *mine = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  char *other = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 4096);
  NEED(mine != MAP_FAILED && other != MAP_FAILED);
  CHECK(memcmp(mine + 4096, "original", 8) == 0);
  mine[4096] = 'X';
  char text[9] = "";
  CHECK(pread(file, text, 8, 4096) == 8 && strcmp(text, "original") == 0);
  CHECK(other[0] == 'o');
  IN_CHILD({
    CHECK(mine[4096] == 'X');
    mine[4097] = 'Y';
    CHECK(pread(file, text, 8, 4096) == 8 && strcmp(text, "original") == 0);
  });
  CHECK(mine[4097] == 'r');
  NEED(pwrite(file, "new", 3, 8192) == 3);
  CHECK_THAT(memcmp(mine + 8192, "new", 3) == 0, "an untouched page is the file's");
  CHECK(madvise(mine, 3 * 4096, MADV_DONTNEED) == 0);
  CHECK_THAT(memcmp(mine + 4096, "original", 8) == 0, "MADV_DONTNEED brings the file's page back");
  return finish();
}
