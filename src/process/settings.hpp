// What settings of /proc/sys mean to the rest of the kernel. Those that mean something:
// fs/lease-break-time, fs/nr_open, fs/pipe-max-size, kernel/core_pattern, kernel/core_uses_pid,
// kernel/pid_max, user/max_*_namespaces (zero).
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"

#include <string>
#include <string_view>

namespace tine::process {

class Kernel;

/// The number that a setting begins with; `otherwise` if it is none.
[[nodiscard]] u64 setting_number(const Kernel &kernel, const char *path, u64 otherwise);
/// The text of a setting; empty if nobody has written it: it is what it is by default.
[[nodiscard]] std::string_view setting_text(const Kernel &kernel, const char *path);
/// What is remembered of the value that is written; EINVAL for what is no value of the setting.
[[nodiscard]] Result<std::string> accepted_setting(const Kernel &kernel, std::string_view path,
                                                   std::string_view value);
/// Lets a setting that was remembered mean something.
void apply_setting(Kernel &kernel, const char *path);

/// fs/nr_open: descriptors that a process may have.
[[nodiscard]] inline u64 most_descriptors(const Kernel &kernel) {
  return setting_number(kernel, "fs/nr_open", u64{1} << 20);
}

/// fs/pipe-max-size: bytes that a pipe of the unprivileged may hold.
[[nodiscard]] inline u64 largest_pipe(const Kernel &kernel) {
  return setting_number(kernel, "fs/pipe-max-size", u64{1} << 20);
}

} // namespace tine::process
