#include "fs/credentials.hpp"

#include <algorithm>

namespace tine::fs {

bool Credentials::capable_in(const UserNamespace *space, u32 capability) const {
  const UserNamespace *own = user_namespace.get();
  for (;; space = space->parent.get()) {
    if (space == own)
      return has(capability);
    if (space == nullptr)
      return false;
    if (space->parent.get() == own && space->owner == euid)
      return true;
  }
}

bool Credentials::capable_towards(u32 owner, u32 group, u32 capability) const {
  const UserNamespace *own = user_namespace.get();
  return has(capability) && (own == nullptr || (user_from_box(own, owner) != no_id &&
                                                group_from_box(own, group) != no_id));
}

bool Credentials::in_group(u32 group) const {
  return group == fsgid || std::find(groups.begin(), groups.end(), group) != groups.end();
}

} // namespace tine::fs
