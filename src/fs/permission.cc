#include "fs/dentry.hpp"

#include <linux/capability.h>

namespace tine::fs {

Status check_permission(const Credentials &credentials, Inode &inode, u32 mask) {
  if (mask == 0)
    return Done{};
  const Attributes attributes = TINE_TRY(inode.permissions());
  // "CAP_DAC_OVERRIDE: bypass file read, write, and execute permission checks" - execute only if
  // some execute bit is set or it is a directory.
  if (credentials.capable_towards(attributes.uid, attributes.gid, CAP_DAC_OVERRIDE) &&
      ((mask & 1U) == 0 || inode.is_directory() || (attributes.mode & 0111U) != 0))
    return Done{};
  u32 granted = attributes.mode;
  if (credentials.fsuid == attributes.uid)
    granted >>= 6;
  else if (credentials.in_group(attributes.gid))
    granted >>= 3;
  if ((mask & ~granted & 7U) == 0)
    return Done{};
  if (credentials.capable_towards(attributes.uid, attributes.gid, CAP_DAC_READ_SEARCH) &&
      (mask == 4 || (inode.is_directory() && (mask & 2U) == 0)))
    return Done{};
  return Errno{EACCES};
}

Status check_sticky(const Credentials &credentials, Inode &directory, Inode &child) {
  const Attributes parent = TINE_TRY(directory.permissions());
  if ((parent.mode & S_ISVTX) == 0 || parent.uid == credentials.fsuid)
    return Done{};
  return check_owner(credentials, child);
}

Status check_owner(const Credentials &credentials, Inode &inode) {
  const Attributes attributes = TINE_TRY(inode.permissions());
  if (attributes.uid == credentials.fsuid ||
      credentials.capable_towards(attributes.uid, attributes.gid, CAP_FOWNER))
    return Done{};
  return Errno{EPERM};
}

} // namespace tine::fs
