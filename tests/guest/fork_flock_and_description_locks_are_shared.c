// fork(2): "The child inherits [...] open file description locks and flock(2) locks"; flock(2): the
// lock belongs to the open file description, and a second open of the file conflicts with it.
#include "check.h"

#include <sys/file.h>

static int description_lock(int file, short type) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 4};
  return fcntl(file, F_OFD_SETLK, &lock);
}
int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0);
  CHECK(flock(file, LOCK_EX) == 0);
  CHECK(description_lock(file, F_WRLCK) == 0);
  IN_CHILD({
    CHECK_THAT(flock(file, LOCK_EX | LOCK_NB) == 0, "the inherited descriptor has the flock");
    CHECK_THAT(description_lock(file, F_WRLCK) == 0, "and the description's lock");
    int other = open("file", O_RDWR);
    CHECK_ERRNO(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_ERRNO(description_lock(other, F_WRLCK), EAGAIN);
    CHECK(flock(file, LOCK_UN) == 0);
    CHECK(description_lock(file, F_UNLCK) == 0);
    CHECK_THAT(flock(other, LOCK_EX | LOCK_NB) == 0, "the child's unlock unlocks for all");
  });
  int other = open("file", O_RDWR);
  CHECK(flock(other, LOCK_EX | LOCK_NB) == 0);
  CHECK(description_lock(other, F_WRLCK) == 0);
  return finish();
}
