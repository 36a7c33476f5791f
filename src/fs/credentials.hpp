// Who acts: ids, groups, capabilities. Each thread has its own copy.
#pragma once

#include "base/types.hpp"

#include <vector>

namespace tine::fs {

struct Credentials {
  u32 uid = 0, euid = 0, suid = 0, fsuid = 0;
  u32 gid = 0, egid = 0, sgid = 0, fsgid = 0;
  std::vector<u32> groups;
  /// Bits numbered as in linux/capability.h.
  u64 permitted = 0, effective = 0, inheritable = 0, bounding = 0, ambient = 0;

  [[nodiscard]] bool capable(u32 capability) const { return (effective >> capability & 1U) != 0; }
  [[nodiscard]] bool in_group(u32 group) const;
};

} // namespace tine::fs
