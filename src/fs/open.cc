#include "fs/inotify.hpp"
#include "fs/leases.hpp"
#include "fs/plain_files.hpp"
#include "fs/walk.hpp"

#include <fcntl.h>
#include <linux/capability.h>

namespace tine::fs {
Result<u32> mode_of_new(Inode &directory, const Credentials &credentials, u32 mode) {
  constexpr u32 gives_group = S_ISGID | S_IXGRP;
  if ((mode & gives_group) != gives_group || (mode & S_IFMT) == S_IFDIR)
    return mode;
  const Attributes parent = TINE_TRY(directory.permissions());
  if ((parent.mode & S_ISGID) == 0 || credentials.in_group(parent.gid) ||
      credentials.capable_towards(parent.uid, parent.gid, CAP_FSETID))
    return mode;
  return mode & ~u32{S_ISGID};
}

namespace {

bool wants(u32 flags, u32 flag) {
  return (flags & flag) == flag;
}

u32 access_mask(u32 flags) {
  u32 mask = 0;
  switch (flags & O_ACCMODE) {
  case O_RDONLY:
    mask = 4;
    break;
  case O_WRONLY:
    mask = 2;
    break;
  default: // O_RDWR, and 3: "check for read and write permission"
    mask = 6;
    break;
  }
  return (flags & O_TRUNC) != 0 ? mask | 2U : mask;
}

/// Flags that the description keeps (F_GETFL), and O_NOCTTY, which terminals ask for.
u32 kept_flags(u32 flags) {
  return flags & ~static_cast<u32>(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
}

Result<Ref<File>> open_found(const Credentials &credentials, const Path &path, u32 flags,
                             bool created) {
  Inode &inode = *path.dentry->inode();
  if (wants(flags, O_PATH))
    return Ref<File>(
        make_ref<PathFile>(path, flags & static_cast<u32>(O_PATH | O_DIRECTORY | O_NOFOLLOW)));
  if (inode.is_symlink())
    return Errno{ELOOP};
  const u32 mask = access_mask(flags);
  if (inode.is_directory() && ((mask & 2U) != 0 || wants(flags, O_CREAT)))
    return Errno{EISDIR};
  if (!created) {
    TINE_TRY(check_permission(credentials, inode, mask));
    const bool changes_mount = inode.type() == S_IFREG && (mask & 2U) != 0;
    if (changes_mount && path.mount && path.mount->is_read_only())
      return Errno{EROFS};
    if (wants(flags, O_NOATIME))
      TINE_TRY(check_owner(credentials, inode));
    if (changes_mount && inode.executions > 0)
      return Errno{ETXTBSY};
    TINE_TRY(break_leases(inode, (mask & 2U) != 0));
    if (wants(flags, O_TRUNC) && inode.type() == S_IFREG)
      TINE_TRY(inode.truncate(0));
  }
  // "EACCES: … refers to a device on a filesystem that was mounted with the nodev option".
  const bool is_device = inode.type() == S_IFCHR || inode.type() == S_IFBLK;
  if (is_device && path.mount && (path.mount->flags & mount_no_device) != 0)
    return Errno{EACCES};
  Ref<File> file = TINE_TRY(inode.open(path, kept_flags(flags), credentials));
  file->set_status_flags(file->status_flags() & ~static_cast<u32>(O_NOCTTY));
  file->was_created = created;
  notify(*path.dentry, IN_OPEN);
  if (!created && wants(flags, O_TRUNC) && inode.type() == S_IFREG)
    notify(*path.dentry, IN_MODIFY);
  return file;
}

Result<Ref<File>> open_unnamed(const FileSystemContext &context, const Credentials &credentials,
                               const Path &start, std::string_view path, u32 flags, u32 mode) {
  if ((flags & O_ACCMODE) == O_RDONLY || wants(flags, O_CREAT))
    return Errno{EINVAL};
  const Path directory =
      TINE_TRY(lookup(context, credentials, start, path, {.must_be_directory = true}));
  TINE_TRY(check_permission(credentials, *directory.dentry->inode(), 3));
  if (directory.mount->is_read_only())
    return Errno{EROFS};
  const u32 new_mode = TINE_TRY(mode_of_new(*directory.dentry->inode(), credentials,
                                            S_IFREG | (mode & 07777U & ~context.umask)));
  const Ref<Inode> inode = TINE_TRY(directory.dentry->inode()->create_unnamed(
      {new_mode, credentials.fsuid, credentials.fsgid, 0, ""}));
  const u64 number = TINE_TRY(inode->attributes()).inode;
  const std::string name = "#" + std::to_string(number);
  const auto dentry = make_ref<Dentry>(name, directory.dentry, inode);
  directory.dentry->forget_child(name); // "/tmp/#7 (deleted)"
  return inode->open({directory.mount, dentry}, flags, credentials);
}

Result<Path> create_file(const FileSystemContext &context, const Credentials &credentials,
                         const ParentAndName &last, u32 mode) {
  Dentry &directory = *last.parent.dentry;
  if (last.parent.mount && last.parent.mount->is_read_only())
    return Errno{EROFS};
  TINE_TRY(check_permission(credentials, *directory.inode(), 3));
  if (directory.is_deleted())
    return Errno{ENOENT};
  const u32 new_mode = TINE_TRY(
      mode_of_new(*directory.inode(), credentials, S_IFREG | (mode & 07777U & ~context.umask)));
  Ref<Inode> inode = TINE_TRY(directory.inode()->create(
      last.name, {new_mode, credentials.fsuid, credentials.fsgid, 0, ""}));
  Path made{last.parent.mount, directory.add_child(last.name, inode)};
  notify_entry(*directory.inode(), last.name, *inode, IN_CREATE);
  return made;
}

struct OpenCall {
  const FileSystemContext &context;
  const Credentials &credentials;
  u32 flags;
  u32 mode;
  u32 resolve;
};

/// The walk of an open that may follow links to a file that is yet to be made.
Result<Ref<File>> open_path(const OpenCall &call, const Path &given_start, std::string_view given) {
  Walker walker(call.context, call.credentials, call.resolve, given_start);
  Path start = given_start;
  std::string path(given);
  const u32 flags = call.flags;
  const bool exclusive = wants(flags, O_CREAT | O_EXCL);
  bool must_be_directory = wants(flags, O_DIRECTORY);
  for (;;) {
    ParentAndName last = TINE_TRY(walker.to_last(start, path));
    must_be_directory = must_be_directory || last.trailing_slash;
    Result<Path> found = walker.step(last.parent, last.name);
    if (!found) {
      if (found.error() != Errno{ENOENT} || !wants(flags, O_CREAT))
        return found.error();
      if (last.trailing_slash)
        return Errno{EISDIR};
      const Path made = TINE_TRY(create_file(call.context, call.credentials, last, call.mode));
      return open_found(call.credentials, made, flags, true);
    }
    if (exclusive)
      return Errno{EEXIST};
    if (found->dentry->inode()->is_symlink()) {
      const bool follows = !wants(flags, O_NOFOLLOW) || last.trailing_slash;
      if (follows) {
        Walker::Target target = TINE_TRY(walker.follow(*found));
        if (!target.place) {
          start = last.parent;
          path = std::move(target.path);
          continue;
        }
        found = std::move(target.place);
      } else if (must_be_directory) {
        return Errno{ENOTDIR};
      }
    }
    if (must_be_directory && !found->dentry->inode()->is_directory())
      return Errno{ENOTDIR};
    return open_found(call.credentials, *found, flags, false);
  }
}

} // namespace

Result<Ref<File>> open(const FileSystemContext &context, const Credentials &credentials,
                       const Path &start, std::string_view path, u32 flags, u32 mode) {
  return open_resolving(context, credentials, start, path, {flags, mode, 0});
}

Result<Ref<File>> open_resolving(const FileSystemContext &context, const Credentials &credentials,
                                 const Path &start, std::string_view path,
                                 const OpenOptions &options) {
  u32 flags = options.flags;
  if (wants(flags, O_PATH))
    flags &= static_cast<u32>(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  else if (wants(flags, O_TMPFILE))
    return open_unnamed(context, credentials, start, path, flags, options.mode);
  if (wants(flags, O_CREAT | O_DIRECTORY))
    return Errno{EINVAL};
  return open_path({context, credentials, flags, options.mode, options.resolve}, start, path);
}

Result<Ref<File>> open(const Credentials &credentials, const Path &path, u32 flags) {
  if (!path.dentry->inode())
    return Errno{ENOENT};
  if (wants(flags, O_DIRECTORY) && !path.dentry->inode()->is_directory())
    return Errno{ENOTDIR};
  return open_found(credentials, path, flags, false);
}

} // namespace tine::fs
