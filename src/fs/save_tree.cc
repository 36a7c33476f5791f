// A saved box: places in the tree, mounts, and the host's files, which are found again by their
// paths.
#include "fs/dentry.hpp"
#include "fs/host_files.hpp"
#include "fs/pseudo_fs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sys/sysmacros.h>

namespace tine::fs {
namespace {

enum class PlaceKind : u8 { none, in_tree, open_file };

/// What a path may have between two slashes; no name in a file may lead elsewhere.
bool is_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

} // namespace

void Path::archive(Archive &archive) {
  PlaceKind kind = !dentry ? PlaceKind::none : mount ? PlaceKind::in_tree : PlaceKind::open_file;
  archive.choice(kind, PlaceKind::open_file);
  if (kind == PlaceKind::in_tree) {
    archive.required(mount);
    archive.required(dentry);
    // The mount keeps the file system, and that the inode.
    if (archive.is_reading() && archive.ok() &&
        &dentry->inode()->file_system() != mount->file_system.get())
      archive.fail("it has a file on another mount than its own");
  } else if (kind == PlaceKind::open_file) {
    Ref<File> file = archive.is_reading() ? nullptr : dentry->inode()->detached_file();
    archive.required(file);
    if (archive.is_reading() && archive.ok())
      *this = detached_path(file);
  }
  if (archive.is_reading() && !archive.ok())
    *this = {};
}

void Attributes::archive(Archive &archive) {
  archive(device, inode, mode, links, uid, gid, special_device, size, blocks, block_size, accessed,
          modified, changed, born);
}

// ---- names ----

Ref<RefCounted> Dentry::archive_head(Archive &archive, Dentry *saved) {
  std::vector<Dentry *> above;
  for (Dentry *at = saved ? saved->parent_.get() : nullptr; at && !archive.has(at);
       at = at->parent_.get())
    above.push_back(at);
  Ref<Dentry> parent = saved ? saved->parent_ : nullptr;
  for (u64 count = archive.count(above.size()); count > 0 && archive.ok(); --count) {
    Ref<Dentry> next(saved ? above[count - 1] : nullptr);
    archive(next);
  }
  std::string name = saved ? saved->name_ : std::string();
  bool deleted = saved && saved->deleted_, pinned = saved && saved->pinned_;
  bool shown = saved && saved->parent_ && saved->parent_->remembered(saved->name_) == saved;
  bool generated = saved && saved->inode_->is_generated();
  archive(parent, name, deleted, pinned, shown, generated);
  if (parent && (!is_name(name) || (generated && !parent->inode_->is_generated())))
    archive.fail("it has a name that can't be");
  Ref<Inode> inode = saved ? saved->inode_ : nullptr;
  if (!generated) {
    archive.required(inode);
  } else {
    Ref<FileSystem> file_system(saved ? &saved->inode_->file_system() : nullptr);
    u32 type = saved ? saved->inode_->type() : 0;
    const auto *pseudo = dynamic_cast<PseudoInode *>(inode.get());
    std::optional<Attributes> kept;
    if (pseudo)
      kept = pseudo->kept_attributes();
    archive.required(file_system);
    archive(type, kept);
    if (!saved && archive.ok() && file_system)
      inode = PseudoInode::find_again(*file_system, type, parent ? parent->inode_.get() : nullptr,
                                      name, kept ? &*kept : nullptr);
  }
  if (saved)
    return Ref<RefCounted>(saved);
  if (parent && inode && &inode->file_system() != &parent->inode_->file_system())
    archive.fail("it has a name in a directory of another file system");
  if (!archive.ok() || !inode)
    return {};
  Ref<Dentry> made = make_ref<Dentry>(std::move(name), nullptr, std::move(inode));
  made->parent_ = parent;
  made->deleted_ = deleted;
  if (shown && parent) {
    if (parent->remembered(made->name_) != nullptr) {
      archive.fail("it has two names of one kind in a directory");
      return {};
    }
    parent->children_.emplace(made->name_, made.get());
    if (pinned)
      made->pin();
  }
  return made;
}

// ---- mounts ----

/// A mount keeps its file system from the start: whoever has the mount's files needs it.
Ref<RefCounted> Mount::archive_head(Archive &archive, Mount *saved) {
  Ref<FileSystem> file_system = saved ? saved->file_system : nullptr;
  archive.required(file_system);
  if (saved)
    return Ref<RefCounted>(saved);
  Ref<Mount> made = make_ref<Mount>();
  made->file_system = std::move(file_system);
  return made;
}

void Mount::archive_body(Archive &archive) {
  archive(id, flags, source, root, parent, mountpoint);
  if (!archive.is_reading())
    return;
  // A file without a name in the tree, as of memfd_create(2), has a mount that shows nothing.
  const auto is_of = [](const Ref<Dentry> &dentry, const Ref<FileSystem> &owner) {
    return !dentry || &dentry->inode()->file_system() == owner.get();
  };
  if ((parent && (!mountpoint || !root)) || (mountpoint && !parent) || !is_of(root, file_system) ||
      (parent && !is_of(mountpoint, parent->file_system)))
    archive.fail("it has a mount that is nowhere");
  if (!archive.ok()) // what isn't kept by its own mount must not outlive its file system
    root = mountpoint = nullptr;
}

Ref<RefCounted> MountNamespace::archive_head(Archive &, MountNamespace *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<MountNamespace>();
}

void MountNamespace::archive_body(Archive &archive) {
  archive(next_id_, id, owner, mounts_);
  if (archive.is_reading())
    archive.at_end([keep = Ref<MountNamespace>(this)](Archive &end) { keep->check_restored(end); });
}

/// The first is the root; each other is on one that comes before it.
void MountNamespace::check_restored(Archive &archive) {
  covered_.clear();
  for (std::size_t i = 0; i < mounts_.size(); ++i) {
    const Ref<Mount> &mount = mounts_[i];
    const auto end = mounts_.begin() + static_cast<std::ptrdiff_t>(i);
    if (!mount || !mount->root ||
        (i > 0 ? std::find(mounts_.begin(), end, mount->parent) == end : mount->parent != nullptr))
      return archive.fail("it has mounts that can't be");
    if (mount->mountpoint)
      ++covered_[mount->mountpoint.get()];
  }
  if (mounts_.empty())
    archive.fail("it has no root");
}

Ref<RefCounted> FileSystemContext::archive_head(Archive &, FileSystemContext *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<FileSystemContext>();
}

void FileSystemContext::archive_body(Archive &archive) {
  archive.required(mounts);
  archive(umask, root, working_directory);
  if (archive.is_reading() && (!root || !working_directory))
    archive.fail("it has a process without a directory");
}

Ref<RefCounted> UserNamespace::archive_head(Archive &archive, UserNamespace *saved) {
  Ref<UserNamespace> made = saved ? Ref<UserNamespace>(saved) : make_ref<UserNamespace>();
  archive(made->parent, made->level);
  const u32 above = made->parent ? made->parent->level : 0;
  if (made->level != above + 1)
    archive.fail("it has a user namespace that can't be");
  return made;
}

void UserNamespace::archive_body(Archive &archive) {
  archive(id, owner, group, users.ranges, groups.ranges, may_set_groups);
}

// ---- generated trees ----

Ref<RefCounted> PseudoFs::archive_head(Archive &archive, PseudoFs *saved) {
  std::string type = saved ? saved->type_name_ : "";
  u64 device = saved ? saved->device() : 0;
  archive(type, device);
  if (saved) {
    if (saved->save_)
      saved->save_(archive);
    else
      archive.fail(type);
    return Ref<RefCounted>(saved);
  }
  const PseudoTrees &trees = *archive.context<PseudoTrees>();
  const auto maker = trees.makers.find(type);
  if (maker == trees.makers.end()) {
    archive.fail("it has a tree that this tine doesn't know");
    return {};
  }
  FileSystem::reserve_device(device);
  return archive.ok() ? maker->second(archive, device) : Ref<PseudoFs>();
}

// ---- the host ----

Ref<RefCounted> HostFs::archive_head(Archive &archive, HostFs *saved) {
  std::string source = saved ? saved->source_ : std::string();
  bool writable = saved && saved->is_writable();
  archive(source, writable);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  const HostAccess &access = *archive.context<HostAccess>();
  if (!access.allows(source, writable)) {
    archive.fail(fmt::format("the box writes to {} of the host, which must be allowed", source));
    return {};
  }
  auto made = create(source, writable ? Writing::allowed : Writing::forbidden, access.files);
  if (!made)
    archive.fail(fmt::format("the host has no {} any more", source));
  return made ? Ref<RefCounted>(*made) : nullptr;
}

Ref<RefCounted> HostInode::archive_head(Archive &archive, HostInode *saved) {
  Ref<HostFs> host = saved ? saved->host_ : nullptr;
  std::string path = saved ? saved->path() : std::string();
  Attributes known;
  if (saved) {
    const Result<Attributes> now = saved->attributes();
    if (!now) {
      archive.fail(fmt::format("{}{}, which the host doesn't have any more", host->source(), path));
      return {};
    }
    known = *now;
  }
  archive.required(host);
  archive(path, known.mode, known.inode, known.size, known.modified);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  Ref<HostInode> made = host->host_root();
  for (std::size_t start = 1; made && start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = std::string_view(path).substr(start, end - start);
    auto next = is_name(name) ? made->host_lookup(name) : Result<Ref<HostInode>>(Errno{ENOENT});
    made = next ? *next : nullptr;
    start = end + 1;
  }
  if (!made || made->type() != (known.mode & S_IFMT)) {
    archive.fail(fmt::format("the host has no {}{} any more", host->source(), path));
    return {};
  }
  // Directories change all the time, and what may be written is meant to.
  const Attributes &now = made->remembered();
  if (made->type() == S_IFREG && !host->is_writable() &&
      (now.inode != known.inode || now.size != known.size ||
       now.modified.tv_sec != known.modified.tv_sec ||
       now.modified.tv_nsec != known.modified.tv_nsec)) {
    archive.fail(
        fmt::format("{}{} of the host has changed since the box was saved", host->source(), path));
    return {};
  }
  return made;
}

Ref<RefCounted> HostPages::archive_head(Archive &archive, HostPages *saved) {
  Ref<HostInode> inode = saved ? saved->inode_ : nullptr;
  archive.required(inode);
  if (!archive.ok())
    return {};
  if (saved) {
    const Attributes &now = inode->remembered();
    if (!inode->host().is_writable() &&
        (now.size != saved->key_.size || now.modified.tv_sec != saved->key_.modified_seconds ||
         now.modified.tv_nsec != saved->key_.modified_nanoseconds))
      archive.fail(fmt::format("{}{}, which the host has changed since", inode->host().source(),
                               inode->path()));
    return Ref<RefCounted>(saved);
  }
  auto made = inode->type() == S_IFREG ? inode->pages() : Result<Ref<HostPages>>(Errno{ENODEV});
  if (!made)
    archive.fail(
        fmt::format("{}{} of the host can't be read", inode->host().source(), inode->path()));
  return made ? Ref<RefCounted>(*made) : nullptr;
}

} // namespace tine::fs
