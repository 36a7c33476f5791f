// How long a random test runs.
#pragma once

#include <chrono>
#include <cstdlib>

namespace tine::test {

/// TINE_TEST_SECONDS, or what keeps the whole program near a minute.
inline std::chrono::milliseconds budget() {
  const char *given = std::getenv("TINE_TEST_SECONDS");
  return std::chrono::milliseconds(given ? static_cast<long>(std::atof(given) * 1000) : 8000);
}

} // namespace tine::test
