// sigreturn(2): "restore the process's signal mask, switch stacks, and restore the process's
// context (processor flags and registers [...])", the vector and x87 state among them.
#include "check.h"

static volatile int handled;
static void handler(int number) {
  handled = number;
  __asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15; fninit; fldz; "
                   "std; cld; stc" ::
                       : "xmm0", "xmm7", "xmm15", "cc", "st");
}
int main(void) {
  signal(SIGUSR1, handler);
  double a[2] = {1.5, 2.5}, b[2] = {0, 0}, c[2] = {0, 0};
  double x87 = 0;
  unsigned char carry = 9, zero_flag = 9;
  long pid = getpid(), result, r12 = 0, r15 = 0;
  __asm__ volatile(
      "movupd %[a], %%xmm0; movapd %%xmm0, %%xmm7; movapd %%xmm0, %%xmm15; fld1; fldpi; faddp;"
      "mov $0x1234567890, %%r12; mov $0x9876543210, %%r15;"
      "mov $62, %%eax; mov $10, %%esi; syscall; cmp %%eax, %%eax;"
      "sete %[zf]; setc %[cf]; movupd %%xmm7, %[b]; movupd %%xmm15, %[c]; fstpl %[x];"
      "mov %%r12, %[r12]; mov %%r15, %[r15]"
      : "=&a"(result), [b] "=m"(b), [c] "=m"(c), [x] "=m"(x87), [cf] "=m"(carry),
        [zf] "=m"(zero_flag), [r12] "=m"(r12), [r15] "=m"(r15)
      : [a] "m"(a), "D"(pid)
      : "rcx", "r11", "rsi", "r12", "r15", "xmm0", "xmm7", "xmm15", "memory", "cc", "st", "st(1)");
  CHECK(result == 0 && handled == SIGUSR1);
  CHECK(b[0] == 1.5 && b[1] == 2.5 && c[0] == 1.5 && c[1] == 2.5);
  CHECK(x87 > 4.14 && x87 < 4.15);
  CHECK(carry == 0 && zero_flag == 1);
  CHECK(r12 == 0x1234567890 && r15 == 0x9876543210);
  return finish();
}
