// Recursive calls and returns.
#include <cstdio>

namespace {
// noinline and not constexpr: each step is a call.
[[gnu::noinline]] unsigned fib(unsigned n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
} // namespace

int main() {
  volatile unsigned n = 39;
  std::printf("%u\n", fib(n));
}
