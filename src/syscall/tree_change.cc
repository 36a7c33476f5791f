// Calls that change the tree: names, modes, owners, times, sizes.
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include "fs/caller.hpp"
#include "fs/inotify.hpp"

#include <array>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/time.h>
#include <utility>
#include <utime.h>

namespace tine::syscall {
namespace {

SyscallResult make_at(Call &call, int directory, GuestAddress address, fs::CreateRequest request) {
  const std::string path = TINE_TRY(read_path(call, address));
  const fs::Path start = TINE_TRY(start_of(call, directory, path));
  TINE_TRY(fs::make_node(tree_call(call), start, path, std::move(request)));
  return 0;
}

SyscallResult remove_at(Call &call, int directory, GuestAddress address, bool is_directory) {
  const std::string path = TINE_TRY(read_path(call, address));
  const fs::Path start = TINE_TRY(start_of(call, directory, path));
  return fs::remove_name(tree_call(call), start, path, is_directory);
}

/// An empty path has the name that its descriptor was opened with.
void tell_watchers(const FoundInode &found, u32 event) {
  if (found.path)
    fs::notify(*found.path.dentry, event);
}

SyscallResult change(Call &call, const FoundInode &found, const fs::AttributeChange &change) {
  if (!found.inode) // pipes and the like have no attributes that are kept
    return 0;
  TINE_TRY(check_writable_mount(found.path));
  (void)call;
  TINE_TRY(found.inode->change(change));
  tell_watchers(found, IN_ATTRIB);
  return 0;
}

SyscallResult change_mode(Call &call, const FoundInode &found, u32 mode) {
  if (found.inode) {
    TINE_TRY(check_writable_mount(found.path));
    TINE_TRY(fs::check_owner(call.thread.credentials, *found.inode));
    if (found.inode->is_symlink())
      return Errno{EOPNOTSUPP};
    const fs::Attributes now = TINE_TRY(found.inode->attributes());
    // "If the calling process is not privileged ... and the group of the file does not match ...
    // the S_ISGID bit will be turned off".
    if (!call.thread.credentials.capable_towards(now.uid, now.gid, CAP_FSETID) &&
        !call.thread.credentials.in_group(now.gid))
      mode &= ~u32{S_ISGID};
  }
  return change(call, found, {.mode = mode & 07777U});
}

SyscallResult change_owner(Call &call, const FoundInode &found, int uid, int gid) {
  fs::AttributeChange request;
  if (uid != -1)
    request.uid = static_cast<u32>(uid);
  if (gid != -1)
    request.gid = static_cast<u32>(gid);
  if (!found.inode)
    return 0;
  TINE_TRY(check_writable_mount(found.path));
  const fs::Credentials &credentials = call.thread.credentials;
  const fs::Attributes now = TINE_TRY(found.inode->attributes());
  const bool changes = request.uid || request.gid; // else anybody may
  if (changes && !credentials.capable_towards(now.uid, now.gid, CAP_CHOWN)) {
    const bool owner_stays = !request.uid || *request.uid == now.uid;
    const bool is_own_group = !request.gid || credentials.in_group(*request.gid);
    if (credentials.fsuid != now.uid || !owner_stays || !is_own_group)
      return Errno{EPERM};
  }
  // "When the owner or group of an executable file is changed ... the S_ISUID and S_ISGID mode bits
  // are cleared".
  if (found.inode->type() == S_IFREG && (now.mode & (S_ISUID | S_ISGID)) != 0)
    request.mode = now.mode & 07777U & ~static_cast<u32>(S_ISUID) &
                   ~static_cast<u32>((now.mode & S_IXGRP) != 0 ? S_ISGID : 0);
  return change(call, found, request);
}

/// The descriptor itself.
Result<FoundInode> found_file(Call &call, int fd) {
  Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  return FoundInode{fs::path_of(*file), file->inode(), file};
}

} // namespace

SyscallResult sys_mkdir(Call &call, GuestAddress path, u32 mode) {
  return sys_mkdirat(call, AT_FDCWD, path, mode);
}

SyscallResult sys_mkdirat(Call &call, int directory, GuestAddress path, u32 mode) {
  return make_at(call, directory, path, {.mode = S_IFDIR | (mode & 01777U)});
}

SyscallResult sys_rmdir(Call &call, GuestAddress path) {
  return remove_at(call, AT_FDCWD, path, true);
}

SyscallResult sys_unlink(Call &call, GuestAddress path) {
  return remove_at(call, AT_FDCWD, path, false);
}

SyscallResult sys_unlinkat(Call &call, int directory, GuestAddress path, u64 flags) {
  if ((flags & ~u64{AT_REMOVEDIR}) != 0)
    return Errno{EINVAL};
  return remove_at(call, directory, path, flags != 0);
}

SyscallResult sys_mknod(Call &call, GuestAddress path, u32 mode, u64 device) {
  return sys_mknodat(call, AT_FDCWD, path, mode, device);
}

SyscallResult sys_mknodat(Call &call, int directory, GuestAddress path, u32 mode, u64 device) {
  u32 type = mode & S_IFMT;
  if (type == 0)
    type = S_IFREG;
  if (type == S_IFDIR)
    return Errno{EPERM};
  if (type == S_IFLNK || (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK &&
                          type != S_IFCHR && type != S_IFBLK))
    return Errno{EINVAL};
  const bool is_device = type == S_IFCHR || type == S_IFBLK;
  if (is_device && !call.thread.credentials.capable(CAP_MKNOD))
    return Errno{EPERM};
  return make_at(call, directory, path,
                 {.mode = type | (mode & 07777U), .special_device = is_device ? device : 0});
}

SyscallResult sys_symlink(Call &call, GuestAddress target, GuestAddress path) {
  return sys_symlinkat(call, target, AT_FDCWD, path);
}

SyscallResult sys_symlinkat(Call &call, GuestAddress address, int directory, GuestAddress path) {
  const std::string target = TINE_TRY(read_path(call, address));
  if (target.empty())
    return Errno{ENOENT};
  return make_at(call, directory, path, {.mode = S_IFLNK | 0777U, .link_target = target});
}

SyscallResult sys_link(Call &call, GuestAddress old_path, GuestAddress new_path) {
  return sys_linkat(call, AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

SyscallResult sys_linkat(Call &call, int old_directory, GuestAddress old_path, int new_directory,
                         GuestAddress new_path, u64 flags) {
  if ((flags & ~u64{AT_SYMLINK_FOLLOW | AT_EMPTY_PATH}) != 0)
    return Errno{EINVAL};
  const fs::Path target = TINE_TRY(find_path(call, {.directory = old_directory,
                                                    .path = old_path,
                                                    .follow = (flags & AT_SYMLINK_FOLLOW) != 0,
                                                    .may_be_empty = (flags & AT_EMPTY_PATH) != 0}));
  const std::string path = TINE_TRY(read_path(call, new_path));
  const fs::Path start = TINE_TRY(start_of(call, new_directory, path));
  return fs::make_link(tree_call(call), target, start, path);
}

SyscallResult sys_rename(Call &call, GuestAddress old_path, GuestAddress new_path) {
  return sys_renameat2(call, AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

SyscallResult sys_renameat(Call &call, int old_directory, GuestAddress old_path, int new_directory,
                           GuestAddress new_path) {
  return sys_renameat2(call, old_directory, old_path, new_directory, new_path, 0);
}

SyscallResult sys_renameat2(Call &call, int old_directory, GuestAddress old_address,
                            int new_directory, GuestAddress new_address, u64 flags) {
  const std::string old_path = TINE_TRY(read_path(call, old_address));
  const std::string new_path = TINE_TRY(read_path(call, new_address));
  const fs::Path old_start = TINE_TRY(start_of(call, old_directory, old_path));
  const fs::Path new_start = TINE_TRY(start_of(call, new_directory, new_path));
  return fs::rename_name(tree_call(call), old_start, old_path, new_start, new_path,
                         static_cast<u32>(flags));
}

SyscallResult sys_chmod(Call &call, GuestAddress path, u32 mode) {
  return sys_fchmodat(call, AT_FDCWD, path, mode);
}

SyscallResult sys_fchmod(Call &call, int fd, u32 mode) {
  return change_mode(call, TINE_TRY(found_file(call, fd)), mode);
}

SyscallResult sys_fchmodat(Call &call, int directory, GuestAddress path, u32 mode) {
  return change_mode(call, TINE_TRY(find_inode(call, {.directory = directory, .path = path})),
                     mode);
}

SyscallResult sys_fchmodat2(Call &call, int directory, GuestAddress path, u32 mode, u64 flags) {
  if ((flags & ~u64{AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH}) != 0)
    return Errno{EINVAL};
  const FoundInode found =
      TINE_TRY(find_inode(call, {.directory = directory,
                                 .path = path,
                                 .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
                                 .may_be_empty = (flags & AT_EMPTY_PATH) != 0}));
  if (found.inode && found.inode->is_symlink())
    return Errno{EOPNOTSUPP}; // the mode of a link can't be changed
  return change_mode(call, found, mode);
}

SyscallResult sys_chown(Call &call, GuestAddress path, int uid, int gid) {
  return sys_fchownat(call, AT_FDCWD, path, uid, gid, 0);
}

SyscallResult sys_lchown(Call &call, GuestAddress path, int uid, int gid) {
  return sys_fchownat(call, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

SyscallResult sys_fchown(Call &call, int fd, int uid, int gid) {
  return change_owner(call, TINE_TRY(found_file(call, fd)), uid, gid);
}

SyscallResult sys_fchownat(Call &call, int directory, GuestAddress path, int uid, int gid,
                           u64 flags) {
  if ((flags & ~u64{AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH}) != 0)
    return Errno{EINVAL};
  return change_owner(call,
                      TINE_TRY(find_inode(call, {.directory = directory,
                                                 .path = path,
                                                 .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
                                                 .may_be_empty = (flags & AT_EMPTY_PATH) != 0})),
                      uid, gid);
}

SyscallResult sys_umask(Call &call, u32 mask) {
  return static_cast<u64>(std::exchange(call.thread.fs->umask, mask & 0777U));
}

namespace {

using Times = std::optional<std::array<timespec, 2>>;

bool is_special(const timespec &time) {
  return time.tv_nsec == UTIME_NOW || time.tv_nsec == UTIME_OMIT;
}

/// Without `times`: now, which write permission suffices for.
SyscallResult change_times(Call &call, const FoundInode &found, const Times &times) {
  if (!found.inode)
    return 0;
  fs::AttributeChange request;
  bool only_now = true;
  const timespec now = fs::current_time();
  for (std::size_t index = 0; index < 2; ++index) {
    timespec time = times ? (*times)[index] : now;
    if (times && !is_special(time) && (time.tv_nsec < 0 || time.tv_nsec >= 1'000'000'000))
      return Errno{EINVAL};
    if (time.tv_nsec == UTIME_OMIT) {
      only_now = false;
      continue;
    }
    only_now = only_now && (!times || time.tv_nsec == UTIME_NOW);
    if (time.tv_nsec == UTIME_NOW)
      time = now;
    (index == 0 ? request.accessed : request.modified) = time;
  }
  if (!request.accessed && !request.modified)
    return 0;
  TINE_TRY(check_writable_mount(found.path));
  const fs::Credentials &credentials = call.thread.credentials;
  if (!fs::check_owner(credentials, *found.inode).ok()) {
    if (!only_now)
      return Errno{EPERM};
    TINE_TRY(fs::check_permission(credentials, *found.inode, 2));
  }
  TINE_TRY(found.inode->change(request));
  const bool both = request.accessed && request.modified;
  tell_watchers(found, both ? IN_ATTRIB : request.accessed ? IN_ACCESS : IN_MODIFY);
  return 0;
}

timespec from_timeval(const timeval &time) {
  return {time.tv_sec, time.tv_usec * 1000};
}

Result<Times> read_timevals(Call &call, GuestAddress address) {
  if (address.is_null())
    return Times();
  const auto values = TINE_TRY((call.memory.read_object<std::array<timeval, 2>>(address)));
  for (const timeval &value : values)
    if (value.tv_usec < 0 || value.tv_usec >= 1'000'000)
      return Errno{EINVAL};
  return Times({from_timeval(values[0]), from_timeval(values[1])});
}

} // namespace

SyscallResult sys_utimensat(Call &call, int directory, GuestAddress path, GuestAddress address,
                            u64 flags) {
  if ((flags & ~u64{AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH}) != 0)
    return Errno{EINVAL};
  Times times;
  if (!address.is_null())
    times = TINE_TRY((call.memory.read_object<std::array<timespec, 2>>(address)));
  if (path.is_null()) { // futimens(3)
    if (directory == AT_FDCWD)
      return Errno{EFAULT};
    return change_times(call, TINE_TRY(found_file(call, directory)), times);
  }
  return change_times(call,
                      TINE_TRY(find_inode(call, {.directory = directory,
                                                 .path = path,
                                                 .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
                                                 .may_be_empty = (flags & AT_EMPTY_PATH) != 0})),
                      times);
}

SyscallResult sys_utimes(Call &call, GuestAddress path, GuestAddress address) {
  return sys_futimesat(call, AT_FDCWD, path, address);
}

SyscallResult sys_futimesat(Call &call, int directory, GuestAddress path, GuestAddress address) {
  const Times times = TINE_TRY(read_timevals(call, address));
  if (path.is_null())
    return change_times(call, TINE_TRY(found_file(call, directory)), times);
  return change_times(call, TINE_TRY(find_inode(call, {.directory = directory, .path = path})),
                      times);
}

SyscallResult sys_utime(Call &call, GuestAddress path, GuestAddress address) {
  Times times;
  if (!address.is_null()) {
    const auto value = TINE_TRY(call.memory.read_object<utimbuf>(address));
    times = {timespec{value.actime, 0}, timespec{value.modtime, 0}};
  }
  return change_times(call, TINE_TRY(find_inode(call, {.directory = AT_FDCWD, .path = path})),
                      times);
}

} // namespace tine::syscall
