// What /proc/cpuinfo says, from CPUID as the box sees it. Private to procfs.
#pragma once

#include "base/types.hpp"

#include <string>

namespace tine::process {

/// What only the host's /proc/cpuinfo knows of the processor: read once, before the host's files
/// are shut away.
struct HostProcessor {
  std::string model_name = "unknown";
  std::string megahertz = "0.000";
  std::string cache_size;
  std::string bogomips = "0.00";
  [[nodiscard]] static HostProcessor read();
};

[[nodiscard]] std::string cpuinfo_text(const HostProcessor &host, u32 cpus);

} // namespace tine::process
