// Intel SDM volume 2, REP: "repeats [...] the number of times specified in the count register":
// also when it is so many that the instruction is interrupted and resumed in between.
#include "check.h"

int main(void) {
  enum { size = 24 << 20 };
  unsigned char *memory =
      mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  void *to = memory;
  unsigned long count = size;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(7) : "memory");
  long wrong = 0;
  for (long i = 0; i < size; ++i)
    wrong += memory[i] != 7;
  CHECK(wrong == 0);
  CHECK(count == 0 && to == memory + size);
  const void *from = memory;
  count = size / 8;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  for (long i = size; i < 2L * size; ++i)
    wrong += memory[i] != 7;
  CHECK(wrong == 0);
  CHECK(count == 0 && to == memory + 2 * size && from == memory + size);
  memory[2 * size - 3] = 9;
  to = memory;
  count = 2 * size;
  __asm__ volatile("repne scasb" : "+D"(to), "+c"(count) : "a"(9) : "memory", "cc");
  CHECK(count == 2 && to == memory + 2 * size - 2);
  return finish();
}
