// `--stats`: what a box did, as JSON.
#pragma once

#include "box/box.hpp"

#include <string>

namespace tine::box {

/// Writes to `file`, or to standard error if it is empty. With all vCPUs stopped.
void write_stats(Runtime &runtime, Box &box, Nanoseconds wall_time, const std::string &file);

} // namespace tine::box
