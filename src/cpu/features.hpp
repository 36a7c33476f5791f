// What a box is told of its processor, by name: a box that was saved needs it wherever it goes on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tine::cpu {

/// Names as in /proc/cpuinfo.
[[nodiscard]] std::vector<std::string_view> guest_features();
/// The first of the lines of `features` that this processor doesn't have; empty: it has all.
[[nodiscard]] std::string missing_feature(std::string_view features);

} // namespace tine::cpu
