#include "fuzz/input.hpp"

#include <cstdio>
#include <cstdlib>

namespace tine::fuzz {

void fail(const std::string &message) {
  std::fprintf(stderr, "fuzz: %s\n", message.c_str());
  std::abort();
}

} // namespace tine::fuzz
