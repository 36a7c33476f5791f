// stat and its kin, access, directories that are read, links that are read.
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include "fs/inotify.hpp"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace tine::syscall {
namespace {

Result<struct stat> status_of(const FoundInode &found) {
  if (found.file && !found.inode)
    return found.file->stat();
  return fs::to_stat(TINE_TRY(found.inode->attributes()));
}

SyscallResult stat_path(Call &call, const PathArgument &argument, GuestAddress result) {
  const FoundInode found = TINE_TRY(find_inode(call, argument));
  return call.memory.write_object(result, shown_status(call, TINE_TRY(status_of(found))));
}

struct statx_timestamp to_statx(const timespec &time) {
  struct statx_timestamp result {};
  result.tv_sec = time.tv_sec;
  result.tv_nsec = static_cast<u32>(time.tv_nsec);
  return result;
}

struct statx to_statx(const struct stat &status) {
  struct statx result {};
  result.stx_mask = STATX_BASIC_STATS;
  result.stx_blksize = static_cast<u32>(status.st_blksize);
  result.stx_nlink = static_cast<u32>(status.st_nlink);
  result.stx_uid = status.st_uid;
  result.stx_gid = status.st_gid;
  result.stx_mode = static_cast<u16>(status.st_mode);
  result.stx_ino = status.st_ino;
  result.stx_size = static_cast<u64>(status.st_size);
  result.stx_blocks = static_cast<u64>(status.st_blocks);
  result.stx_atime = to_statx(status.st_atim);
  result.stx_mtime = to_statx(status.st_mtim);
  result.stx_ctime = to_statx(status.st_ctim);
  result.stx_rdev_major = major(status.st_rdev);
  result.stx_rdev_minor = minor(status.st_rdev);
  result.stx_dev_major = major(status.st_dev);
  result.stx_dev_minor = minor(status.st_dev);
  return result;
}

} // namespace

SyscallResult sys_stat(Call &call, GuestAddress path, GuestAddress result) {
  return stat_path(call, {.directory = AT_FDCWD, .path = path}, result);
}

SyscallResult sys_lstat(Call &call, GuestAddress path, GuestAddress result) {
  return stat_path(call, {.directory = AT_FDCWD, .path = path, .follow = false}, result);
}

SyscallResult sys_fstat(Call &call, int fd, GuestAddress result) {
  const Ref<fs::File> file = TINE_TRY(any_file_of(call, fd));
  return call.memory.write_object(result, TINE_TRY(file->stat()));
}

SyscallResult sys_newfstatat(Call &call, int directory, GuestAddress path, GuestAddress result,
                             u64 flags) {
  if ((flags & ~u64{AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW}) != 0)
    return Errno{EINVAL};
  // glibc's fstat(3) is this call with an empty path.
  return stat_path(call,
                   {.directory = directory,
                    .path = path,
                    .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
                    .may_be_empty = (flags & AT_EMPTY_PATH) != 0},
                   result);
}

SyscallResult sys_statx(Call &call, int directory, GuestAddress path, u64 flags, u64 mask,
                        GuestAddress address) {
  constexpr u64 known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_TYPE;
  if ((flags & ~known) != 0 || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
      (mask & STATX__RESERVED) != 0)
    return Errno{EINVAL};
  const FoundInode found =
      TINE_TRY(find_inode(call, {.directory = directory,
                                 .path = path,
                                 .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
                                 .may_be_empty = (flags & AT_EMPTY_PATH) != 0}));
  struct statx result = to_statx(shown_status(call, TINE_TRY(status_of(found))));
  if (found.inode) {
    const fs::Attributes attributes = TINE_TRY(found.inode->attributes());
    if (attributes.born) {
      result.stx_btime = to_statx(*attributes.born);
      result.stx_mask |= STATX_BTIME;
    }
  }
  if (found.path.mount) {
    result.stx_mask |= STATX_MNT_ID;
    result.stx_mnt_id = found.path.mount->id;
    result.stx_attributes_mask |= STATX_ATTR_MOUNT_ROOT;
    if (found.path.dentry == found.path.mount->root)
      result.stx_attributes |= STATX_ATTR_MOUNT_ROOT;
  }
  return call.memory.write_object(address, result);
}

namespace {

SyscallResult access_path(Call &call, const PathArgument &argument, int mode, bool effective) {
  if ((mode & ~(R_OK | W_OK | X_OK)) != 0)
    return Errno{EINVAL};
  // "The check is done using the calling process's real UID and GID".
  fs::Credentials credentials = call.thread.credentials;
  if (!effective) {
    credentials.fsuid = credentials.uid;
    credentials.fsgid = credentials.gid;
    const u32 root = fs::user_to_box(credentials.user_namespace.get(), 0);
    credentials.effective = credentials.uid == root ? credentials.permitted : 0;
  }
  std::swap(credentials, call.thread.credentials);
  const Result<FoundInode> found = find_inode(call, argument);
  std::swap(credentials, call.thread.credentials);
  if (!found)
    return found.error();
  if (!found->inode)
    return 0;
  const u32 type = found->inode->type();
  if ((mode & W_OK) != 0 && (type == S_IFREG || type == S_IFDIR || type == S_IFLNK))
    TINE_TRY(check_writable_mount(found->path));
  return fs::check_permission(credentials, *found->inode, static_cast<u32>(mode));
}

} // namespace

SyscallResult sys_access(Call &call, GuestAddress path, int mode) {
  return access_path(call, {.directory = AT_FDCWD, .path = path}, mode, false);
}

SyscallResult sys_faccessat(Call &call, int directory, GuestAddress path, int mode) {
  return access_path(call, {.directory = directory, .path = path}, mode, false);
}

SyscallResult sys_faccessat2(Call &call, int directory, GuestAddress path, int mode, u64 flags) {
  if ((flags & ~u64{AT_EACCESS | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW}) != 0)
    return Errno{EINVAL};
  return access_path(call,
                     {.directory = directory,
                      .path = path,
                      .follow = (flags & AT_SYMLINK_NOFOLLOW) == 0,
                      .may_be_empty = (flags & AT_EMPTY_PATH) != 0},
                     mode, (flags & AT_EACCESS) != 0);
}

namespace {

/// Fills a buffer with directory records of the layout that `append` writes.
template <typename Append>
SyscallResult read_entries(Call &call, int fd, GuestAddress buffer, u64 size, Append &&append) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  size = std::min(size, u64{1} << 20);
  std::vector<std::byte> records;
  bool too_small = false;
  const u64 offset = file->offset;
  TINE_TRY(file->read_directory([&](const fs::DirectoryEntry &entry) {
    const std::size_t before = records.size();
    append(records, entry);
    if (records.size() <= size)
      return true;
    records.resize(before);
    too_small = before == 0;
    return false;
  }));
  if (too_small)
    return Errno{EINVAL};
  if (const Status written = call.memory.write(buffer, records); !written) {
    file->offset = offset;
    return written.error();
  }
  fs::notify(*file, IN_ACCESS);
  return static_cast<u64>(records.size());
}

template <typename T> void put(std::vector<std::byte> &records, std::size_t at, const T &value) {
  std::memcpy(records.data() + at, &value, sizeof value);
}

} // namespace

SyscallResult sys_getdents64(Call &call, int fd, GuestAddress buffer, u64 size) {
  return read_entries(call, fd, buffer, size, [](auto &records, const fs::DirectoryEntry &entry) {
    // struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name.
    const std::size_t at = records.size();
    const std::size_t length = (19 + entry.name.size() + 1 + 7) & ~std::size_t{7};
    records.resize(at + length);
    put(records, at, entry.inode);
    put(records, at + 8, entry.next_offset);
    put(records, at + 16, static_cast<u16>(length));
    put(records, at + 18, entry.type);
    std::memcpy(records.data() + at + 19, entry.name.c_str(), entry.name.size() + 1);
  });
}

SyscallResult sys_getdents(Call &call, int fd, GuestAddress buffer, u64 size) {
  return read_entries(call, fd, buffer, size, [](auto &records, const fs::DirectoryEntry &entry) {
    // struct linux_dirent: d_ino, d_off, d_reclen, d_name; the type is the record's last byte.
    const std::size_t at = records.size();
    const std::size_t length = (18 + entry.name.size() + 2 + 7) & ~std::size_t{7};
    records.resize(at + length);
    put(records, at, entry.inode);
    put(records, at + 8, entry.next_offset);
    put(records, at + 16, static_cast<u16>(length));
    std::memcpy(records.data() + at + 18, entry.name.c_str(), entry.name.size() + 1);
    put(records, at + length - 1, entry.type);
  });
}

SyscallResult sys_getcwd(Call &call, GuestAddress buffer, u64 size) {
  const fs::Path &here = call.thread.fs->working_directory;
  if (here.dentry->is_deleted())
    return Errno{ENOENT};
  std::string name = fs::path_name(here, call.thread.fs->root);
  // getcwd(2): "the returned path will be prefixed with the string (unreachable)".
  if (!fs::is_below(here, call.thread.fs->root))
    name.insert(0, "(unreachable)");
  if (size < name.size() + 1)
    return Errno{ERANGE};
  TINE_TRY(call.memory.write(buffer, std::as_bytes(std::span(name.c_str(), name.size() + 1))));
  return static_cast<u64>(name.size() + 1);
}

SyscallResult sys_readlinkat(Call &call, int directory, GuestAddress path, GuestAddress buffer,
                             u64 size) {
  if (static_cast<i64>(size) <= 0 || size > 0x7fffffff)
    return Errno{EINVAL};
  const fs::Path found = TINE_TRY(find_path(
      call, {.directory = directory, .path = path, .follow = false, .may_be_empty = true}));
  if (!found.dentry->inode()->is_symlink()) // "ENOENT" of an empty path
    return Errno{TINE_TRY(read_path(call, path)).empty() ? ENOENT : EINVAL};
  const std::string target = TINE_TRY(found.dentry->inode()->read_link());
  const u64 length = std::min<u64>(size, target.size());
  TINE_TRY(call.memory.write(buffer, std::as_bytes(std::span(target.data(), length))));
  return length;
}

SyscallResult sys_readlink(Call &call, GuestAddress path, GuestAddress buffer, u64 size) {
  if (TINE_TRY(read_path(call, path)).empty())
    return Errno{ENOENT};
  return sys_readlinkat(call, AT_FDCWD, path, buffer, size);
}

namespace {

/// statfs(2), f_flags: those of the mount, and Linux's ST_VALID: that there are such.
u64 flags_of(const fs::Mount &mount) {
  constexpr u64 valid = 0x20, no_symlinks = 0x2000;
  const auto flag = [&](u32 held, u64 shown) { return (mount.flags & held) != 0 ? shown : 0; };
  return valid | flag(fs::mount_no_suid, ST_NOSUID) | flag(fs::mount_no_device, ST_NODEV) |
         flag(fs::mount_no_exec, ST_NOEXEC) | flag(fs::mount_no_symlinks, no_symlinks) |
         flag(fs::mount_no_access_times, ST_NOATIME) | (mount.is_read_only() ? u64{ST_RDONLY} : 0) |
         (flag(fs::mount_no_access_times, 1) == 0 ? u64{ST_RELATIME} : 0);
}

SyscallResult put_statistics(Call &call, fs::Inode &inode, const fs::Mount *mount,
                             GuestAddress address) {
  struct statfs result = TINE_TRY(inode.file_system().statistics());
  if (mount != nullptr)
    result.f_flags = static_cast<decltype(result.f_flags)>(flags_of(*mount));
  return call.memory.write_object(address, result);
}

} // namespace

SyscallResult sys_statfs(Call &call, GuestAddress path, GuestAddress result) {
  const fs::Path found = TINE_TRY(find_path(call, {.directory = AT_FDCWD, .path = path}));
  return put_statistics(call, *found.dentry->inode(), found.mount.get(), result);
}

SyscallResult sys_fstatfs(Call &call, int fd, GuestAddress result) {
  const Ref<fs::File> file = TINE_TRY(any_file_of(call, fd));
  const fs::Path place = fs::path_of(*file);
  const Ref<fs::Inode> inode =
      place ? place.dentry->inode() : fs::detached_path(file).dentry->inode();
  return put_statistics(call, *inode, place.mount.get(), result);
}

/// ustat(2): of a file system that is mounted.
SyscallResult sys_ustat(Call &call, u64 device, GuestAddress address) {
  struct GuestUstat {
    i32 free_blocks;
    u64 free_inodes;
    char name[6], pack[6];
  };
  for (const Ref<fs::Mount> &mount : call.thread.fs->mounts->mounts()) {
    if (mount->file_system->device() != device)
      continue;
    const struct statfs found = TINE_TRY(mount->file_system->statistics());
    const GuestUstat result{static_cast<i32>(found.f_bfree), found.f_ffree, {}, {}};
    return call.memory.write_object(address, result);
  }
  return Errno{EINVAL};
}

} // namespace tine::syscall
