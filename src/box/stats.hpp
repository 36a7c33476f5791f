// `--stats`: what a box did, as JSON.
#pragma once

#include "box/foreground.hpp"

#include <memory>
#include <string>

namespace tine::box {

/// Descriptors that the host process has open.
[[nodiscard]] i64 open_host_descriptors();

struct StatsSubject {
  Runtime &runtime; ///< all vCPUs are stopped
  std::unique_ptr<Foreground> boxes;
  Nanoseconds wall_time;
  i64 descriptors_before; ///< open_host_descriptors() when there was no box yet
};

/// Writes to `file`, or to standard error if it is empty. Ends the boxes, to say what that leaves
/// behind.
void write_stats(StatsSubject subject, const std::string &file);

} // namespace tine::box
