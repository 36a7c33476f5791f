#include "fs/walk.hpp"

#include <climits>

namespace tine::fs {
namespace {

constexpr u32 link_limit = 40; // path_resolution(7)

bool same_place(const Path &a, const Path &b) {
  return a.dentry == b.dentry && a.mount == b.mount;
}

} // namespace

Walker::Walker(const FileSystemContext &context, const Credentials &credentials, u32 resolve,
               const Path &start)
    : context_(context), credentials_(credentials), resolve_(resolve), root_(context.root) {
  if ((resolve & RESOLVE_IN_ROOT) != 0)
    root_ = start ? start : context.working_directory;
  if ((resolve & RESOLVE_BENEATH) != 0)
    beneath_ = start ? start : context.working_directory;
}

Result<Path> Walker::start_of(const Path &start, std::string_view path) const {
  if (path.starts_with('/')) {
    if ((resolve_ & RESOLVE_BENEATH) != 0)
      return Errno{EXDEV};
    return root_;
  }
  return start ? start : context_.working_directory;
}

Status Walker::check_crossing(const Path &from, const Path &to) const {
  if ((resolve_ & RESOLVE_NO_XDEV) != 0 && from.mount != to.mount)
    return Errno{EXDEV};
  return Done{};
}

Result<Path> Walker::step(const Path &directory, std::string_view name) {
  if (!directory.dentry->inode() || !directory.dentry->inode()->is_directory())
    return Errno{ENOTDIR};
  TINE_TRY(check_permission(credentials_, *directory.dentry->inode(), 1));
  if (name == ".")
    return directory;
  if (name == "..") {
    if (beneath_ && same_place(directory, beneath_))
      return Errno{EXDEV};
    Path parent = parent_of(directory, root_);
    if (!same_place(parent, root_)) // what covers the parent is seen from below, too
      parent = context_.mounts->covered(std::move(parent));
    TINE_TRY(check_crossing(directory, parent));
    return parent;
  }
  Ref<Dentry> entry = TINE_TRY(directory.dentry->child(name));
  Path child = context_.mounts->covered({directory.mount, std::move(entry)});
  TINE_TRY(check_crossing(directory, child));
  return child;
}

Result<Walker::Target> Walker::follow(const Path &link) {
  // "MS_NOSYMFOLLOW: Do not follow symbolic links when resolving paths": ELOOP.
  const bool never = link.mount && (link.mount->flags & mount_no_symlinks) != 0;
  if (never || (resolve_ & RESOLVE_NO_SYMLINKS) != 0 || ++links_ > link_limit)
    return Errno{ELOOP};
  Inode &inode = *link.dentry->inode();
  if (std::optional<Result<Path>> magic = inode.magic_target()) {
    if ((resolve_ & RESOLVE_NO_MAGICLINKS) != 0)
      return Errno{ELOOP};
    if ((resolve_ & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0)
      return Errno{EXDEV};
    return Target{TINE_TRY(std::move(*magic)), ""};
  }
  std::string path = TINE_TRY(inode.read_link());
  if (path.empty())
    return Errno{ENOENT};
  return Target{{}, std::move(path)};
}

Result<ParentAndName> Walker::to_last(const Path &start, std::string_view given) {
  if (given.empty())
    return Errno{ENOENT};
  if (given.size() >= PATH_MAX)
    return Errno{ENAMETOOLONG};
  std::string path(given);
  Path at = TINE_TRY(start_of(start, path));
  std::size_t position = 0;
  for (;;) {
    position = path.find_first_not_of('/', position);
    if (position == std::string::npos)
      return ParentAndName{std::move(at), ".", true}; // "/", or nothing after a link
    std::size_t end = path.find('/', position);
    const bool is_final =
        end == std::string::npos || path.find_first_not_of('/', end) == std::string::npos;
    const std::string name = path.substr(position, end - position);
    if (name.size() > NAME_MAX)
      return Errno{ENAMETOOLONG};
    if (is_final)
      return ParentAndName{std::move(at), name, end != std::string::npos};
    Path next = TINE_TRY(step(at, name));
    if (next.dentry->inode()->is_symlink()) {
      Target target = TINE_TRY(follow(next));
      if (target.place) {
        at = std::move(target.place);
      } else {
        at = TINE_TRY(start_of(at, target.path));
        path = target.path + path.substr(end);
        end = 0;
      }
    } else if (!next.dentry->inode()->is_directory()) {
      return Errno{ENOTDIR};
    } else {
      at = std::move(next);
    }
    position = end;
  }
}

Result<ParentAndName> lookup_parent(const FileSystemContext &context,
                                    const Credentials &credentials, const Path &start,
                                    std::string_view path, u32 resolve) {
  Walker walker(context, credentials, resolve, start);
  ParentAndName result = TINE_TRY(walker.to_last(start, path));
  const Ref<Inode> &inode = result.parent.dentry->inode();
  if (!inode || !inode->is_directory())
    return Errno{ENOTDIR};
  return result;
}

Result<Path> lookup(const FileSystemContext &context, const Credentials &credentials,
                    const Path &given_start, std::string_view given, const LookupOptions &options) {
  Walker walker(context, credentials, options.resolve, given_start);
  Path start = given_start;
  std::string path(given);
  bool must_be_directory = options.must_be_directory;
  for (;;) {
    ParentAndName last = TINE_TRY(walker.to_last(start, path));
    must_be_directory = must_be_directory || last.trailing_slash;
    Result<Path> found = walker.step(last.parent, last.name);
    if (!found) {
      if (options.allow_missing_last && found.error() == Errno{ENOENT})
        return Path{last.parent.mount, last.parent.dentry->missing_child(last.name)};
      return found.error();
    }
    const Ref<Inode> inode = found->dentry->inode();
    if (inode->is_symlink() && (options.follow_last || last.trailing_slash)) {
      Walker::Target target = TINE_TRY(walker.follow(*found));
      if (!target.place) {
        start = last.parent;
        path = std::move(target.path);
        continue;
      }
      found = std::move(target.place);
    }
    if (must_be_directory && !found->dentry->inode()->is_directory())
      return Errno{ENOTDIR};
    return found;
  }
}

} // namespace tine::fs
