// inotify(7).
#include "fs/inotify.hpp"

#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include <fcntl.h>

namespace tine::syscall {
namespace {

Result<Ref<fs::InotifyFile>> instance_of(Call &call, int fd) {
  Ref<fs::InotifyFile> file = ref_cast<fs::InotifyFile>(TINE_TRY(file_of(call, fd)));
  if (!file)
    return Errno{EINVAL};
  return file;
}

} // namespace

SyscallResult sys_inotify_init(Call &call) {
  return sys_inotify_init1(call, 0);
}

SyscallResult sys_inotify_init1(Call &call, u64 flags) {
  if ((flags & ~u64{IN_CLOEXEC | IN_NONBLOCK}) != 0)
    return Errno{EINVAL};
  return install_file(call, make_ref<fs::InotifyFile>(static_cast<u32>(flags & IN_NONBLOCK)),
                      (flags & IN_CLOEXEC) != 0);
}

SyscallResult sys_inotify_add_watch(Call &call, int fd, GuestAddress path, u64 given) {
  const u32 mask = static_cast<u32>(given);
  constexpr u32 known = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR |
                        IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR |
                        IN_ONESHOT;
  if ((mask & known) == 0 ||
      (mask & (IN_MASK_ADD | IN_MASK_CREATE)) == (IN_MASK_ADD | IN_MASK_CREATE))
    return Errno{EINVAL};
  const Ref<fs::InotifyFile> instance = TINE_TRY(instance_of(call, fd));
  const fs::Path found = TINE_TRY(find_path(
      call, {.directory = AT_FDCWD, .path = path, .follow = (mask & IN_DONT_FOLLOW) == 0}));
  const Ref<fs::Inode> inode = found.dentry->inode();
  if ((mask & IN_ONLYDIR) != 0 && !inode->is_directory())
    return Errno{ENOTDIR};
  TINE_TRY(fs::check_permission(call.thread.credentials, *inode, 4));
  return instance->add(inode, mask);
}

SyscallResult sys_inotify_rm_watch(Call &call, int fd, int descriptor) {
  return TINE_TRY(instance_of(call, fd))->remove(descriptor);
}

} // namespace tine::syscall
