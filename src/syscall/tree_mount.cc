// The working directory, the root, mounts, extended attributes.
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include "fs/inotify.hpp"
#include "fs/memory_fs.hpp"
#include "fs/pseudo_fs.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/namespaces.hpp"
#include "process/procfs/procfs.hpp"

#include <bit>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/mount.h>
#include <sys/xattr.h>

namespace tine::syscall {
namespace {

SyscallResult change_directory(Call &call, const fs::Path &path) {
  if (!path || !path.dentry->inode()->is_directory())
    return Errno{ENOTDIR};
  TINE_TRY(fs::check_permission(call.thread.credentials, *path.dentry->inode(), 1));
  call.thread.fs->working_directory = path;
  return 0;
}

} // namespace

SyscallResult sys_chdir(Call &call, GuestAddress path) {
  return change_directory(call, TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = path})));
}

SyscallResult sys_fchdir(Call &call, int fd) {
  return change_directory(call, fs::path_of(*TINE_TRY(any_file_of(call, fd))));
}

SyscallResult sys_chroot(Call &call, GuestAddress address) {
  const fs::Path path = TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = address}));
  if (!path.dentry->inode()->is_directory())
    return Errno{ENOTDIR};
  TINE_TRY(fs::check_permission(call.thread.credentials, *path.dentry->inode(), 1));
  if (!call.thread.credentials.capable_here(CAP_SYS_CHROOT))
    return Errno{EPERM};
  call.thread.fs->root = path;
  return 0;
}

namespace {

bool may_mount(const Call &call) {
  return call.thread.credentials.capable_in(call.thread.fs->mounts->owner.get(), CAP_SYS_ADMIN);
}

u32 mount_flags(u64 flags) {
  u32 result = 0;
  result |= (flags & MS_RDONLY) != 0 ? fs::mount_read_only : 0U;
  result |= (flags & MS_NOSUID) != 0 ? fs::mount_no_suid : 0U;
  result |= (flags & MS_NODEV) != 0 ? fs::mount_no_device : 0U;
  result |= (flags & MS_NOEXEC) != 0 ? fs::mount_no_exec : 0U;
  result |= (flags & MS_NOATIME) != 0 ? fs::mount_no_access_times : 0U;
  result |= (flags & MS_NOSYMFOLLOW) != 0 ? fs::mount_no_symlinks : 0U;
  return result;
}

} // namespace

SyscallResult sys_mount(Call &call, GuestAddress source_address, GuestAddress target_address,
                        GuestAddress type_address, u64 flags, GuestAddress) {
  if (!may_mount(call))
    return Errno{EPERM};
  // mount(2): "the magic number 0xC0ED (MS_MGC_VAL) in the top 16 bits" of before Linux 2.4.
  if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
    flags &= ~u64{MS_MGC_MSK};
  const fs::Path target =
      TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = target_address}));
  if ((flags & MS_REMOUNT) != 0) {
    if (target.dentry != target.mount->root)
      return Errno{EINVAL};
    target.mount->flags = mount_flags(flags);
    return 0;
  }
  if ((flags & MS_MOVE) != 0)
    return Errno{EINVAL};
  constexpr u64 propagation = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
  if ((flags & propagation) != 0) // mounts of a box don't propagate: all are private
    return std::has_single_bit(flags & ~u64{MS_REC | MS_SILENT}) ? SyscallResult(0) : Errno{EINVAL};
  fs::MountNamespace &mounts = *call.thread.fs->mounts;
  const std::string source =
      source_address.is_null() ? "none" : TINE_TRY(read_path(call, source_address));
  if ((flags & MS_BIND) != 0) {
    const fs::Path shown =
        TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = source_address}));
    if (shown.dentry->inode()->is_directory() != target.dentry->inode()->is_directory())
      return Errno{ENOTDIR};
    mounts.bind(target, shown, (flags & MS_REC) != 0);
    return 0;
  }
  if (!target.dentry->inode()->is_directory())
    return Errno{ENOTDIR};
  if (type_address.is_null())
    return Errno{EINVAL};
  const std::string type = TINE_TRY(call.memory.read_string(type_address, PATH_MAX));
  if (type == "tmpfs" || type == "ramfs") {
    mounts.mount(
        target,
        make_ref<fs::MemoryFs>(call.kernel.host.frames, fs::MemoryFs::Options{.root_mode = 01777}),
        nullptr, mount_flags(flags), source);
    return 0;
  }
  if (process::PidNamespace *pids = process::pid_namespace_of(call.thread);
      type == "proc" && pids != nullptr) {
    mounts.mount(target, process::make_procfs(call.kernel, Ref(pids)), nullptr, mount_flags(flags),
                 source);
    return 0;
  }
  if (type == "mqueue") {
    mounts.mount(target, process::ipc_of(call.thread).posix_queues, nullptr, mount_flags(flags),
                 source);
    return 0;
  }
  // A further view of what the box has of this type already: proc, devpts, sysfs.
  for (const Ref<fs::Mount> &mount : mounts.mounts())
    if (type == mount->file_system->type_name() && type != "overlay" && type != "hostfs") {
      mounts.mount(target, mount->file_system, nullptr, mount_flags(flags), source);
      return 0;
    }
  return Errno{ENODEV};
}

SyscallResult sys_umount2(Call &call, GuestAddress path, u64 flags) {
  constexpr u64 no_follow = UMOUNT_NOFOLLOW;
  if ((flags & ~(no_follow | MNT_FORCE | MNT_DETACH | MNT_EXPIRE)) != 0)
    return Errno{EINVAL};
  if (!may_mount(call))
    return Errno{EPERM};
  const fs::Path place = TINE_TRY(
      find_path(call, {.directory = AT_FDCWD, .path = path, .follow = (flags & no_follow) == 0}));
  fs::MountNamespace &mounts = *call.thread.fs->mounts;
  return (flags & MNT_DETACH) != 0 ? mounts.detach(place) : mounts.unmount(place);
}

// ---- extended attributes ----
namespace {

Result<std::string> read_attribute_name(Call &call, GuestAddress address) {
  const Result<std::string> name = call.memory.read_string(address, XATTR_NAME_MAX + 1);
  if (!name)
    return name.error() == Errno{ENAMETOOLONG} ? Errno{ERANGE} : name.error();
  if (name->empty())
    return Errno{ERANGE};
  return name;
}

Result<FoundInode> descriptor_inode(Call &call, int fd) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  if (!file->inode())
    return Errno{EOPNOTSUPP};
  return FoundInode{fs::path_of(*file), file->inode(), file};
}

Result<FoundInode> path_inode(Call &call, GuestAddress path, bool follow) {
  return find_inode(call, {.directory = AT_FDCWD, .path = path, .follow = follow});
}

/// xattr(7), by name space: "trusted … CAP_SYS_ADMIN", others don't see them; "security … all
/// processes have read access, and write access is limited to processes that have the CAP_SYS_ADMIN
/// capability"; "user … the file permission bits", of regular files and directories, and with the
/// sticky bit of the owner alone. `mask` is 2 to change, 4 to read.
Status check_attribute(Call &call, fs::Inode &inode, std::string_view name, u32 mask) {
  const fs::Credentials &credentials = call.thread.credentials;
  const bool writes = mask == 2;
  for (const std::string_view space : {"user.", "trusted.", "security."})
    if (name == space) // a name space alone is no name
      return Errno{EINVAL};
  if (name.starts_with("security.") || name.starts_with("system."))
    return !writes || name.starts_with("system.") || credentials.capable(CAP_SYS_ADMIN)
               ? Status(Done{})
               : Errno{EPERM};
  if (name.starts_with("trusted."))
    return credentials.capable(CAP_SYS_ADMIN) ? Status(Done{}) : Errno{writes ? EPERM : ENODATA};
  if (name.starts_with("user.")) {
    if (inode.type() != S_IFREG && !inode.is_directory())
      return Errno{writes ? EPERM : ENODATA};
    if (writes && inode.is_directory() && (TINE_TRY(inode.permissions()).mode & S_ISVTX) != 0)
      TINE_TRY(fs::check_owner(credentials, inode));
  }
  return fs::check_permission(credentials, inode, mask);
}

SyscallResult set_attribute(Call &call, const Result<FoundInode> &given, GuestAddress name_address,
                            GuestAddress value_address, u64 size, u64 flags) {
  if ((flags & ~u64{XATTR_CREATE | XATTR_REPLACE}) != 0)
    return Errno{EINVAL};
  const FoundInode found = TINE_TRY(given);
  const std::string name = TINE_TRY(read_attribute_name(call, name_address));
  if (size > XATTR_SIZE_MAX)
    return Errno{E2BIG};
  std::string value(size, '\0');
  TINE_TRY(call.memory.read(value_address, std::as_writable_bytes(std::span(value))));
  TINE_TRY(check_writable_mount(found.path));
  TINE_TRY(check_attribute(call, *found.inode, name, 2));
  TINE_TRY(found.inode->set_extended_attribute(name, value, static_cast<int>(flags)));
  fs::notify_self(*found.inode, IN_ATTRIB);
  return 0;
}

SyscallResult put_sized(Call &call, GuestAddress address, u64 size, std::string_view text) {
  if (size == 0)
    return static_cast<u64>(text.size());
  if (size < text.size())
    return Errno{ERANGE};
  TINE_TRY(call.memory.write(address, std::as_bytes(std::span(text))));
  return static_cast<u64>(text.size());
}

SyscallResult get_attribute(Call &call, const Result<FoundInode> &given, GuestAddress name_address,
                            GuestAddress value, u64 size) {
  const FoundInode found = TINE_TRY(given);
  const std::string name = TINE_TRY(read_attribute_name(call, name_address));
  TINE_TRY(check_attribute(call, *found.inode, name, 4));
  return put_sized(call, value, size, TINE_TRY(found.inode->extended_attribute(name)));
}

SyscallResult list_attributes(Call &call, const Result<FoundInode> &given, GuestAddress list,
                              u64 size) {
  const FoundInode found = TINE_TRY(given);
  std::string text;
  for (const std::string &name : TINE_TRY(found.inode->extended_attributes()))
    if (!name.starts_with("trusted.") || call.thread.credentials.capable(CAP_SYS_ADMIN))
      text.append(name).push_back('\0');
  return put_sized(call, list, size, text);
}

SyscallResult remove_attribute(Call &call, const Result<FoundInode> &given,
                               GuestAddress name_address) {
  const FoundInode found = TINE_TRY(given);
  const std::string name = TINE_TRY(read_attribute_name(call, name_address));
  TINE_TRY(check_writable_mount(found.path));
  TINE_TRY(check_attribute(call, *found.inode, name, 2));
  TINE_TRY(found.inode->remove_extended_attribute(name));
  fs::notify_self(*found.inode, IN_ATTRIB);
  return 0;
}

} // namespace

SyscallResult sys_setxattr(Call &call, GuestAddress path, GuestAddress name, GuestAddress value,
                           u64 size, u64 flags) {
  return set_attribute(call, path_inode(call, path, true), name, value, size, flags);
}
SyscallResult sys_lsetxattr(Call &call, GuestAddress path, GuestAddress name, GuestAddress value,
                            u64 size, u64 flags) {
  return set_attribute(call, path_inode(call, path, false), name, value, size, flags);
}
SyscallResult sys_fsetxattr(Call &call, int fd, GuestAddress name, GuestAddress value, u64 size,
                            u64 flags) {
  return set_attribute(call, descriptor_inode(call, fd), name, value, size, flags);
}
SyscallResult sys_getxattr(Call &call, GuestAddress path, GuestAddress name, GuestAddress value,
                           u64 size) {
  return get_attribute(call, path_inode(call, path, true), name, value, size);
}
SyscallResult sys_lgetxattr(Call &call, GuestAddress path, GuestAddress name, GuestAddress value,
                            u64 size) {
  return get_attribute(call, path_inode(call, path, false), name, value, size);
}
SyscallResult sys_fgetxattr(Call &call, int fd, GuestAddress name, GuestAddress value, u64 size) {
  return get_attribute(call, descriptor_inode(call, fd), name, value, size);
}
SyscallResult sys_listxattr(Call &call, GuestAddress path, GuestAddress list, u64 size) {
  return list_attributes(call, path_inode(call, path, true), list, size);
}
SyscallResult sys_llistxattr(Call &call, GuestAddress path, GuestAddress list, u64 size) {
  return list_attributes(call, path_inode(call, path, false), list, size);
}
SyscallResult sys_flistxattr(Call &call, int fd, GuestAddress list, u64 size) {
  return list_attributes(call, descriptor_inode(call, fd), list, size);
}
SyscallResult sys_removexattr(Call &call, GuestAddress path, GuestAddress name) {
  return remove_attribute(call, path_inode(call, path, true), name);
}
SyscallResult sys_lremovexattr(Call &call, GuestAddress path, GuestAddress name) {
  return remove_attribute(call, path_inode(call, path, false), name);
}
SyscallResult sys_fremovexattr(Call &call, int fd, GuestAddress name) {
  return remove_attribute(call, descriptor_inode(call, fd), name);
}

SyscallResult sys_name_to_handle_at(Call &, int, GuestAddress, GuestAddress, GuestAddress, u64) {
  return Errno{EOPNOTSUPP};
}

} // namespace tine::syscall
