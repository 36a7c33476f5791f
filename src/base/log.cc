#include "base/log.hpp"

#include <string>
#include <unistd.h>

namespace tine::log {

void write_line(std::string_view message) {
  std::string line = "tine: ";
  line.append(message).push_back('\n');
  std::string_view rest = line;
  while (!rest.empty()) {
    ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written <= 0)
      return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

} // namespace tine::log
