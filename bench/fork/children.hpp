// How much host memory live forked children take.
#pragma once

#include "common/measure.hpp"

namespace tine::bench {

struct Children {
  bool succeeded = false;
  unsigned long count = 0;
  double fork_nanoseconds = 0; ///< median, as the parent sees it
  double bytes_per_child = 0;  ///< host memory added
};

/// Starts `command` (fork_guest children ...), lets it fork, and compares the host's memory before
/// and after: in a box what tine's process has, natively what the kernel spends on processes and
/// page tables.
[[nodiscard]] Children measure_children(const Command &command, bool in_box);

} // namespace tine::bench
