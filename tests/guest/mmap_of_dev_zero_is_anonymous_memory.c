// null(4), mmap(2): a mapping of /dev/zero is memory of zeros: its own, or shared with what is
// forked.
#include "check.h"

int main(void) {
  int zero = open("/dev/zero", O_RDWR);
  NEED(zero >= 0);
  char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 4096);
  char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
  char *other = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
  CHECK(own != MAP_FAILED && shared != MAP_FAILED && other != MAP_FAILED);
  NEED(close(zero) == 0);
  CHECK(own[0] == 0 && own[8191] == 0 && shared[4096] == 0);
  IN_CHILD({
    own[0] = 'c';
    shared[0] = 'c';
  });
  CHECK(own[0] == 0 && shared[0] == 'c' && other[0] == 0);
  zero = open("/dev/zero", O_RDONLY);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0), EACCES);
  CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0) != MAP_FAILED);
  CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDONLY), 0), ENODEV);
  return finish();
}
