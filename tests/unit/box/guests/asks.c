// Asks for a fork of its box; says how that ended.
#include "guest.h"

#include <fcntl.h>

int main(void) {
  const int fd = open("/dev/tine", O_RDWR);
  say("ready");
  const long written = write(fd, "fork", 4);
  say("%ld %d", written, written < 0 ? errno : 0);
  return 0;
}
