#include "process/settings.hpp"

#include "process/kernel.hpp"

#include <algorithm>
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

namespace {

struct Range {
  std::string_view path;
  i64 least, most;
};

constexpr i64 largest_int = 0x7fffffff;

/// Settings that are numbers: as kernel/sysctl.c and its kin bound them.
constexpr Range ranges[] = {
    {"fs/pipe-max-size", page_size, largest_int},
    {"fs/lease-break-time", 0, largest_int},
    {"fs/nr_open", 64, 1'073'741'816},
    {"kernel/core_uses_pid", 0, largest_int},
    {"kernel/pid_max", 301, Kernel::pid_limit},
    {"kernel/sched_rt_period_us", 1, largest_int},
    {"kernel/sched_rt_runtime_us", -1, largest_int},
    {"kernel/sched_rr_timeslice_ms", -largest_int, largest_int},
    {"user/max_user_namespaces", 0, largest_int},
    {"user/max_pid_namespaces", 0, largest_int},
    {"user/max_mnt_namespaces", 0, largest_int},
    {"user/max_uts_namespaces", 0, largest_int},
    {"user/max_ipc_namespaces", 0, largest_int},
    {"user/max_net_namespaces", 0, largest_int},
    {"user/max_cgroup_namespaces", 0, largest_int},
};

} // namespace

Result<std::string> accepted_setting(const Kernel &kernel, std::string_view path,
                                     std::string_view value) {
  constexpr std::size_t longest_pattern = 127; // CORENAME_MAX_SIZE
  if (path == "kernel/core_pattern" && (value.size() > longest_pattern || value.starts_with('|')))
    return Errno{EINVAL}; // no program outside of the box takes a core file
  const auto *range = std::find_if(std::begin(ranges), std::end(ranges),
                                   [path](const Range &entry) { return entry.path == path; });
  if (range == std::end(ranges))
    return std::string(value);
  i64 number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < range->least ||
      number > range->most)
    return Errno{EINVAL};
  // sched(7): no runtime is longer than its period; a time slice that is none is the default.
  if (path == "kernel/sched_rt_runtime_us" &&
      number > static_cast<i64>(setting_number(kernel, "kernel/sched_rt_period_us", 1'000'000)))
    return Errno{EINVAL};
  if (path == "kernel/sched_rt_period_us" &&
      static_cast<u64>(number) < setting_number(kernel, "kernel/sched_rt_runtime_us", 950'000))
    return Errno{EINVAL};
  if (path == "kernel/sched_rr_timeslice_ms" && number <= 0)
    return std::string("100");
  return std::string(value);
}

void apply_setting(Kernel &kernel, const char *path) {
  if (path == std::string_view("kernel/pid_max"))
    kernel.pid_max = static_cast<i32>(
        std::clamp<u64>(setting_number(kernel, path, Kernel::pid_limit), 301, Kernel::pid_limit));
}

} // namespace tine::process
