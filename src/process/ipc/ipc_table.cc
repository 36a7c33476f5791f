#include "process/ipc/ipc_table.hpp"

#include <ctime>
#include <linux/capability.h>

namespace tine::process {

ipc_perm IpcPermissions::to_guest() const {
  ipc_perm result{};
  result.__key = key;
  result.uid = uid;
  result.gid = gid;
  result.cuid = creator_uid;
  result.cgid = creator_gid;
  result.mode = static_cast<decltype(result.mode)>(mode);
  result.__seq = sequence;
  return result;
}

Status IpcPermissions::check(const fs::Credentials &who, u32 wanted) const {
  const u32 asked = (wanted >> 6 | wanted >> 3 | wanted) & 7U;
  u32 granted = mode;
  if (who.euid == creator_uid || who.euid == uid)
    granted >>= 6;
  else if (who.egid == creator_gid || who.egid == gid || who.in_group(creator_gid) ||
           who.in_group(gid))
    granted >>= 3;
  if ((asked & ~granted & 7U) != 0 && !who.capable(CAP_IPC_OWNER))
    return Errno{EACCES};
  return Done{};
}

Status IpcPermissions::check_owner(const fs::Credentials &who) const {
  if (who.euid != creator_uid && who.euid != uid && !who.capable(CAP_SYS_ADMIN))
    return Errno{EPERM};
  return Done{};
}

Status IpcPermissions::set(const ipc_perm &wanted) {
  constexpr u32 no_id = ~u32{0};
  if (wanted.uid == no_id || wanted.gid == no_id)
    return Errno{EINVAL};
  uid = wanted.uid;
  gid = wanted.gid;
  mode = (mode & ~u32{0777}) | (wanted.mode & 0777U);
  return Done{};
}

i64 ipc_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

} // namespace tine::process
