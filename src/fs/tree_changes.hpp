// What a box has changed in its tree: the layer in memory compared with what is below it.
#pragma once

#include <string>
#include <vector>

namespace tine::fs {

class MountNamespace;

struct TreeChange {
  char kind = 'C';  ///< A: it wasn't there; C: its contents, entries or attributes; D: it is gone
  std::string path; ///< as the box sees it
};

/// Of the layer that is the tree's root; what is mounted elsewhere (binds, /tmp of a box's own)
/// isn't in it. Kernel lock held.
[[nodiscard]] std::vector<TreeChange> changes_of(const MountNamespace &mounts);

} // namespace tine::fs
