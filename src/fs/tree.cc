// Changes of the tree: what mkdir, mknod, symlink, link, unlink, rmdir and rename check and do.
#include "fs/inotify.hpp"
#include "fs/walk.hpp"

#include <cstdio>
#include <linux/capability.h>
#include <linux/fs.h>

namespace tine::fs {
namespace {

bool is_dot(std::string_view name) {
  return name == "." || name == "..";
}

/// The directory may be changed: EROFS, EACCES; ENOENT if it was removed.
Status check_directory(const TreeCall &call, const Path &directory) {
  if (directory.mount && directory.mount->is_read_only())
    return Errno{EROFS};
  TINE_TRY(check_permission(call.credentials, *directory.dentry->inode(), 3));
  if (directory.dentry->is_deleted())
    return Errno{ENOENT};
  return Done{};
}

/// The entry in the directory itself, without what is mounted on it.
Result<Ref<Dentry>> entry_of(const TreeCall &call, const ParentAndName &at) {
  TINE_TRY(check_permission(call.credentials, *at.parent.dentry->inode(), 1));
  return at.parent.dentry->child(at.name);
}

/// A name that is to be made: EEXIST if it is there.
Status check_absent(const TreeCall &call, const ParentAndName &at) {
  if (is_dot(at.name))
    return Errno{EEXIST};
  const Result<Ref<Dentry>> existing = entry_of(call, at);
  if (existing)
    return Errno{EEXIST};
  return existing.error() == Errno{ENOENT} ? Status(Done{}) : existing.error();
}

} // namespace

Result<Path> make_node(const TreeCall &call, const Path &start, std::string_view path,
                       CreateRequest request) {
  ParentAndName at = TINE_TRY(lookup_parent(call.context, call.credentials, start, path));
  TINE_TRY(check_absent(call, at));
  if (at.trailing_slash && (request.mode & S_IFMT) != S_IFDIR)
    return Errno{ENOENT};
  TINE_TRY(check_directory(call, at.parent));
  if ((request.mode & S_IFMT) != S_IFLNK)
    request.mode &= ~(call.context.umask & 0777U);
  request.uid = call.credentials.fsuid;
  request.gid = call.credentials.fsgid;
  Dentry &directory = *at.parent.dentry;
  request.mode = TINE_TRY(mode_of_new(*directory.inode(), call.credentials, request.mode));
  Ref<Inode> inode = TINE_TRY(directory.inode()->create(at.name, request));
  Path made{at.parent.mount, directory.add_child(at.name, inode)};
  notify_entry(*directory.inode(), at.name, *inode, IN_CREATE);
  return made;
}

Status make_link(const TreeCall &call, const Path &target, const Path &start,
                 std::string_view path) {
  ParentAndName at = TINE_TRY(lookup_parent(call.context, call.credentials, start, path));
  TINE_TRY(check_absent(call, at));
  if (at.trailing_slash)
    return Errno{ENOENT};
  if (at.parent.mount != target.mount)
    return Errno{EXDEV};
  TINE_TRY(check_directory(call, at.parent));
  const Ref<Inode> inode = target.dentry->inode();
  if (inode->is_directory())
    return Errno{EPERM};
  TINE_TRY(at.parent.dentry->inode()->link(at.name, *inode));
  at.parent.dentry->add_child(at.name, inode);
  notify_self(*inode, IN_ATTRIB);
  notify_entry(*at.parent.dentry->inode(), at.name, *inode, IN_CREATE);
  return Done{};
}

Status remove_name(const TreeCall &call, const Path &start, std::string_view path, bool directory) {
  ParentAndName at = TINE_TRY(lookup_parent(call.context, call.credentials, start, path));
  if (directory && at.name == ".")
    return path.find_first_not_of('/') == std::string_view::npos ? Errno{EBUSY} : Errno{EINVAL};
  if (directory && at.name == "..")
    return Errno{ENOTEMPTY};
  if (!directory && is_dot(at.name))
    return Errno{EISDIR};
  const Ref<Dentry> entry = TINE_TRY(entry_of(call, at));
  Inode &inode = *entry->inode();
  if (directory && !inode.is_directory())
    return Errno{ENOTDIR};
  TINE_TRY(check_directory(call, at.parent));
  if (!directory && at.trailing_slash)
    return inode.is_directory() ? Errno{EISDIR} : Errno{ENOTDIR};
  if (!directory && inode.is_directory())
    return Errno{EISDIR};
  Inode &parent = *at.parent.dentry->inode();
  TINE_TRY(check_sticky(call.credentials, parent, inode));
  if (call.context.mounts->is_mountpoint(*entry))
    return Errno{EBUSY};
  TINE_TRY(directory ? parent.remove_directory(at.name, inode) : parent.unlink(at.name, inode));
  at.parent.dentry->forget_child(at.name);
  if (!directory)
    notify_self(inode, IN_ATTRIB); // its count of links
  notify_unlinked(*entry);
  notify_entry(parent, at.name, inode, IN_DELETE);
  return Done{};
}

namespace {

/// What rename(2) checks of the two entries; `replaced` may be null.
Status check_rename(const TreeCall &call, const ParentAndName &from, const Ref<Dentry> &moved,
                    const ParentAndName &to, const Ref<Dentry> &replaced, u32 flags) {
  Inode &inode = *moved->inode();
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  if (moved->is_ancestor_of(*to.parent.dentry))
    return Errno{EINVAL};
  if (replaced && replaced->is_ancestor_of(*from.parent.dentry))
    return exchange ? Errno{EINVAL} : Errno{ENOTEMPTY};
  if (!inode.is_directory() && (from.trailing_slash || (to.trailing_slash && !exchange)))
    return Errno{ENOTDIR};
  TINE_TRY(check_directory(call, from.parent));
  TINE_TRY(check_directory(call, to.parent));
  TINE_TRY(check_sticky(call.credentials, *from.parent.dentry->inode(), inode));
  if (replaced) {
    Inode &other = *replaced->inode();
    TINE_TRY(check_sticky(call.credentials, *to.parent.dentry->inode(), other));
    if (!exchange && inode.is_directory() && !other.is_directory())
      return Errno{ENOTDIR};
    if (!exchange && !inode.is_directory() && other.is_directory())
      return Errno{EISDIR};
    if (call.context.mounts->is_mountpoint(*replaced))
      return Errno{EBUSY};
  }
  if (call.context.mounts->is_mountpoint(*moved))
    return Errno{EBUSY};
  // "oldpath is a directory ... to be moved to another directory": its ".." changes.
  if (inode.is_directory() && from.parent.dentry != to.parent.dentry)
    TINE_TRY(check_permission(call.credentials, inode, 2));
  return Done{};
}

/// `replaced` is what the new name stood for before; null if nothing.
void notify_renamed(const ParentAndName &from, const Ref<Dentry> &moved, const ParentAndName &to,
                    const Ref<Dentry> &replaced) {
  if (!is_watching())
    return;
  const Ref<Inode> inode = moved->inode();
  const u32 cookie = next_move_cookie();
  notify_entry(*from.parent.dentry->inode(), from.name, *inode, IN_MOVED_FROM, cookie);
  notify_entry(*to.parent.dentry->inode(), to.name, *inode, IN_MOVED_TO, cookie);
  if (from.parent.dentry == to.parent.dentry)
    notify_renamed_in(*from.parent.dentry->inode());
  if (replaced && replaced->is_deleted()) {
    notify_self(*replaced->inode(), IN_ATTRIB);
    notify_unlinked(*replaced);
  }
  notify_self(*inode, IN_MOVE_SELF);
}

} // namespace

Status rename_name(const TreeCall &call, const Path &old_start, std::string_view old_path,
                   const Path &new_start, std::string_view new_path, u32 flags) {
  if ((flags & ~static_cast<u32>(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
      (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)) == (RENAME_NOREPLACE | RENAME_EXCHANGE))
    return Errno{EINVAL};
  ParentAndName from = TINE_TRY(lookup_parent(call.context, call.credentials, old_start, old_path));
  ParentAndName to = TINE_TRY(lookup_parent(call.context, call.credentials, new_start, new_path));
  if (from.parent.mount != to.parent.mount)
    return Errno{EXDEV};
  if (is_dot(from.name) || is_dot(to.name))
    return Errno{EBUSY};
  const Ref<Dentry> moved = TINE_TRY(entry_of(call, from));
  Ref<Dentry> replaced;
  if (const Result<Ref<Dentry>> existing = entry_of(call, to))
    replaced = *existing;
  else if (existing.error() != Errno{ENOENT})
    return existing.error();
  if (replaced && (flags & RENAME_NOREPLACE) != 0)
    return Errno{EEXIST};
  if (!replaced && (flags & RENAME_EXCHANGE) != 0)
    return Errno{ENOENT};
  TINE_TRY(check_rename(call, from, moved, to, replaced, flags));
  // "If oldpath and newpath are existing hard links referring to the same file, then rename() does
  // nothing".
  if (replaced && replaced->inode() == moved->inode())
    return Done{};
  const auto kind =
      (flags & RENAME_EXCHANGE) != 0 ? Inode::RenameKind::exchange : Inode::RenameKind::move;
  TINE_TRY(from.parent.dentry->inode()->rename(from.name, *moved->inode(),
                                               *to.parent.dentry->inode(), to.name,
                                               replaced ? replaced->inode().get() : nullptr, kind));
  const bool exchanged = kind == Inode::RenameKind::exchange;
  Dentry::move(*from.parent.dentry, from.name, *to.parent.dentry, to.name, exchanged);
  notify_renamed(from, moved, to, replaced);
  if (exchanged)
    notify_renamed(to, replaced, from, nullptr);
  return Done{};
}

} // namespace tine::fs
