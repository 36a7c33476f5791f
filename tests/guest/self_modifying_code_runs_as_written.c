// Intel SDM volume 3, 11.6 and mprotect(2): code that is written or mapped anew is what runs next.
#include "check.h"

static int call(void *code) {
  return ((int (*)(void))(uintptr_t)code)();
}
static void set(unsigned char *code, int value) {
  code[0] = 0xb8; // mov eax, value
  memcpy(code + 1, &value, 4);
  code[5] = 0xc3; // ret
}
int main(void) {
  unsigned char *code =
      mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(code != MAP_FAILED);
  int good = 1;
  for (int i = 0; i < 200; ++i) {
    set(code + 4090, i); // crosses the page boundary
    good = good && call(code + 4090) == i;
  }
  CHECK_THAT(good, "written code runs");
  NEED(mprotect(code, 8192, PROT_READ | PROT_EXEC) == 0);
  CHECK(call(code + 4090) == 199);
  NEED(mprotect(code, 8192, PROT_READ | PROT_WRITE) == 0);
  set(code, 7);
  NEED(mprotect(code, 8192, PROT_READ | PROT_EXEC) == 0);
  CHECK(call(code) == 7);
  IN_CHILD({
    CHECK(call(code) == 7);
    NEED(mprotect(code, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
    set(code, 8);
    CHECK(call(code) == 8);
  });
  CHECK_THAT(call(code) == 7, "the child's code is its own");
  CHECK(SIGNAL_THAT_KILLS(munmap(code, 4096), call(code)) == SIGSEGV);
  int file = memfd_create("code", 0);
  unsigned char text[6];
  set(text, 11);
  NEED(write(file, text, 6) == 6);
  void *mapped = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  NEED(mapped != MAP_FAILED);
  CHECK(call(mapped) == 11);
  set(text, 12);
  NEED(pwrite(file, text, 6, 0) == 6);
  CHECK_THAT(call(mapped) == 12, "written through the file");
  return finish();
}
