#include "process/settings.hpp"

#include "process/kernel.hpp"

#include <charconv>

namespace tine::process {

std::string_view setting_text(const Kernel &kernel, const char *path) {
  const auto found = kernel.remembered_settings.find(path);
  return found == kernel.remembered_settings.end() ? std::string_view{} : found->second;
}

u64 setting_number(const Kernel &kernel, const char *path, u64 otherwise) {
  const std::string_view text = setting_text(kernel, path);
  u64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : otherwise;
}

Status check_setting(std::string_view path, std::string_view value) {
  constexpr std::size_t longest_pattern = 127; // CORENAME_MAX_SIZE
  if (path == "kernel/core_pattern")           // no program outside of the box takes a core file
    return value.size() > longest_pattern || value.starts_with('|') ? Errno{EINVAL}
                                                                    : Status(Done{});
  if (path != "fs/pipe-max-size" && path != "fs/lease-break-time" && path != "kernel/core_uses_pid")
    return Done{};
  u32 number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number > 0x7fffffff)
    return Errno{EINVAL};
  return path == "fs/pipe-max-size" && number < page_size ? Errno{EINVAL} : Status(Done{});
}

} // namespace tine::process
