// Who acts: ids, groups, capabilities. Each thread has its own copy.
#pragma once

#include "base/types.hpp"
#include "fs/user_namespace.hpp"

#include <vector>

namespace tine::fs {

/// Ids are the box's, whatever the user namespace shows of them.
struct Credentials {
  u32 uid = 0, euid = 0, suid = 0, fsuid = 0;
  u32 gid = 0, egid = 0, sgid = 0, fsgid = 0;
  std::vector<u32> groups;
  /// Bits numbered as in linux/capability.h; what they are worth depends on the user namespace.
  u64 permitted = 0, effective = 0, inheritable = 0, bounding = 0, ambient = 0;
  Ref<UserNamespace> user_namespace; ///< null: the box's first

  /// Towards what belongs to the whole box: Linux's capable().
  [[nodiscard]] bool capable(u32 capability) const { return !user_namespace && has(capability); }
  /// Towards what belongs to its own user namespace.
  [[nodiscard]] bool capable_here(u32 capability) const { return has(capability); }
  /// Towards what a user namespace owns (null: the first): ns_capable(). user_namespaces(7): "has
  /// a capability in a namespace if it's a member and has it", or in an ancestor; the owner in the
  /// parent has all.
  [[nodiscard]] bool capable_in(const UserNamespace *space, u32 capability) const;
  /// Towards a file with these owners: both must be mapped (capable_wrt_inode_uidgid).
  [[nodiscard]] bool capable_towards(u32 owner, u32 group, u32 capability) const;
  [[nodiscard]] bool in_group(u32 group) const;
  void archive(Archive &archive) {
    archive(uid, euid, suid, fsuid, gid, egid, sgid, fsgid, groups, permitted, effective,
            inheritable, bounding, ambient, user_namespace);
  }

private:
  [[nodiscard]] bool has(u32 capability) const { return (effective >> capability & 1U) != 0; }
};

} // namespace tine::fs
