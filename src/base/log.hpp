// tine's own messages to the person who runs it: standard error, one line each, "tine: ...".
// What a guest does wrong is the guest's business and is not logged, with one exception: an
// instruction that the translator does not support.
#pragma once

#include <fmt/core.h>
#include <string_view>
#include <utility>

namespace tine::log {

/// Writes "tine: MESSAGE\n" to standard error in one write.
void write_line(std::string_view message);

template <typename... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments &&...arguments) {
  write_line(fmt::format(format, std::forward<Arguments>(arguments)...));
}

} // namespace tine::log
