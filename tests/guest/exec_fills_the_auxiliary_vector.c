// getauxval(3), System V ABI: what the kernel tells a new program.
#include "check.h"

#include <elf.h>
#include <sys/auxv.h>

int main(int argc, char **argv, char **environment) {
  (void)argc;
  CHECK(getauxval(AT_PAGESZ) == 4096);
  CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid());
  CHECK(getauxval(AT_SECURE) == 0);
  CHECK(getauxval(AT_CLKTCK) == 100);
  CHECK(getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
  CHECK(getauxval(AT_PHNUM) > 0 && getauxval(AT_PHDR) != 0);
  CHECK(getauxval(AT_ENTRY) != 0);
  CHECK(getauxval(AT_BASE) == 0);
  const char *name = (const char *)getauxval(AT_EXECFN);
  CHECK_THAT(name && name[0] == '/' && strcmp(name, argv[0]) == 0, "AT_EXECFN is the path given");
  const char *platform = (const char *)getauxval(AT_PLATFORM);
  CHECK(platform && strcmp(platform, "x86_64") == 0);
  unsigned char *random = (unsigned char *)getauxval(AT_RANDOM);
  int zeros = 0;
  for (int i = 0; random && i < 16; ++i)
    zeros += random[i] == 0;
  CHECK_THAT(random && zeros < 8, "AT_RANDOM points to 16 random bytes");
  CHECK_THAT(((uintptr_t)&argv[-1] & 15) == 0, "the stack pointer at entry is aligned to 16");
  CHECK(environment == argv + argc + 1);
  return finish();
}
