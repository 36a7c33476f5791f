// The fork of a box: places in the tree. Only those that somebody refers to are copied; the rest is
// looked up again when it is asked for.
#include "fs/dentry.hpp"

#include <algorithm>

namespace tine::fs {

Result<Path> copy_path(Copier &copier, const Path &path) {
  if (!path)
    return Path{};
  if (!path.mount) {
    const Ref<File> file = path.dentry->inode()->detached_file();
    if (!file)
      return copier.refuse(path.dentry->name());
    return detached_path(TINE_TRY(copier.copy(file)));
  }
  Ref<Mount> mount = TINE_TRY(copier.copy(path.mount));
  return Path{std::move(mount), TINE_TRY(copier.copy(path.dentry))};
}

/// The copy of this dentry alone, below the copy of its parent.
Result<Ref<Dentry>> Dentry::copy_below(Copier &copier, const Ref<Dentry> &parent) {
  Ref<Inode> inode = TINE_TRY(inode_->copy(copier, parent ? parent->inode_.get() : nullptr, name_));
  Ref<Dentry> made = make_ref<Dentry>(name_, nullptr, std::move(inode));
  made->parent_ = parent;
  const bool withheld = inode_->is_withheld(copier);
  made->deleted_ = deleted_ || withheld;
  if (!withheld && parent_ && parent_->remembered(name_) == this)
    made->parent_->children_.insert_or_assign(name_, made.get());
  if (pinned_)
    made->pin();
  copier.note(*this, made);
  return made;
}

Result<Ref<Dentry>> Dentry::copy(Copier &copier) {
  const Ref<FileSystem> file_system(&inode_->file_system());
  if (TINE_TRY(copier.copy(file_system)) == file_system)
    return Ref<Dentry>(this);
  std::vector<Dentry *> missing;
  Ref<Dentry> made;
  for (Dentry *at = this; at && !made; at = at->parent_.get()) {
    made = Ref<Dentry>(copier.find(*at));
    if (!made)
      missing.push_back(at);
  }
  while (!missing.empty()) {
    made = TINE_TRY(missing.back()->copy_below(copier, made));
    missing.pop_back();
  }
  return made;
}

Result<Ref<Mount>> Mount::copy(Copier &copier) const {
  Ref<Mount> made = make_ref<Mount>();
  copier.note(*this, made);
  made->id = id;
  made->flags = flags;
  made->source = source;
  made->file_system = TINE_TRY(copier.copy(file_system));
  made->parent = TINE_TRY(copier.copy(parent));
  made->root = TINE_TRY(copier.copy(root));
  made->mountpoint = TINE_TRY(copier.copy(mountpoint));
  return made;
}

Result<Ref<MountNamespace>> MountNamespace::copy(Copier &copier) const {
  Ref<MountNamespace> made = make_ref<MountNamespace>();
  made->next_id_ = next_id_;
  made->id = id;
  made->owner = TINE_TRY(copier.copy(owner));
  for (const Ref<Mount> &mount : mounts_) { // a parent comes before what is mounted on it
    made->mounts_.push_back(TINE_TRY(copier.copy(mount)));
    if (const Ref<Dentry> &mountpoint = made->mounts_.back()->mountpoint)
      ++made->covered_[mountpoint.get()];
  }
  return made;
}

Result<Ref<FileSystemContext>> FileSystemContext::copy(Copier &copier) const {
  Ref<FileSystemContext> made = make_ref<FileSystemContext>();
  made->mounts = TINE_TRY(copier.copy(mounts));
  made->umask = umask;
  copier.later([this, &copier, made]() -> Status {
    made->root = TINE_TRY(copy_path(copier, root));
    made->working_directory = TINE_TRY(copy_path(copier, working_directory));
    return Done{};
  });
  return made;
}

} // namespace tine::fs
