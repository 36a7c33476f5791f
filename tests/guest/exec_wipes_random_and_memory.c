// execve(2): the memory is gone; AT_RANDOM is new for each program; brk starts anew.
#include "check.h"

#include <sys/auxv.h>

static char secret[64];
int main(int argc, char **argv) {
  char text[40] = "";
  unsigned char *random = (unsigned char *)getauxval(AT_RANDOM);
  for (int i = 0; i < 16; ++i)
    snprintf(text + 2 * i, 3, "%02x", random[i]);
  if (argc > 1) {
    CHECK_THAT(strcmp(argv[1], text) != 0, "AT_RANDOM differs");
    CHECK_THAT(secret[0] == 0, "memory is new");
    unsigned char resident;
    CHECK_ERRNO(mincore((void *)0x10000000000, 4096, &resident), ENOMEM);
    return finish();
  }
  strcpy(secret, "secret");
  NEED(mmap((void *)0x10000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
            0) != MAP_FAILED);
  execl("/proc/self/exe", "again", text, NULL);
  NEED(0);
}
