#include "fs/credentials.hpp"

#include <algorithm>

namespace tine::fs {

bool Credentials::in_group(u32 group) const {
  return group == fsgid || std::find(groups.begin(), groups.end(), group) != groups.end();
}

} // namespace tine::fs
