// The text of /proc/config.gz.
#pragma once

#include "base/types.hpp"

#include <string>

namespace tine::process {

/// Compressed as gzip(1) has it.
[[nodiscard]] std::string kernel_config();

} // namespace tine::process
