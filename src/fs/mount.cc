#include "fs/dentry.hpp"

#include <algorithm>

namespace tine::fs {

Ref<FileSystemContext> FileSystemContext::clone() const {
  Ref<FileSystemContext> copy = make_ref<FileSystemContext>();
  copy->mounts = mounts;
  copy->root = root;
  copy->working_directory = working_directory;
  copy->umask = umask;
  return copy;
}

Mount::~Mount() {
  if (root)
    root->release_children();
}

Ref<Mount> MountNamespace::mount_root(Ref<FileSystem> file_system, u32 flags, std::string source) {
  return mount({}, std::move(file_system), nullptr, flags, std::move(source));
}

Ref<Mount> MountNamespace::mount(const Path &place, Ref<FileSystem> file_system, Ref<Dentry> shown,
                                 u32 flags, std::string source) {
  Ref<Mount> mount = make_ref<Mount>();
  mount->id = next_id_++;
  mount->root = shown ? std::move(shown) : root_dentry(*file_system);
  mount->file_system = std::move(file_system);
  mount->parent = place.mount;
  mount->mountpoint = place.dentry;
  mount->flags = flags;
  mount->source = std::move(source);
  mounts_.push_back(mount);
  if (place)
    ++covered_[place.dentry.get()];
  return mount;
}

Status MountNamespace::unmount(const Path &place) {
  if (!place.mount || place.dentry != place.mount->root || !place.mount->parent)
    return Errno{EINVAL};
  for (const Ref<Mount> &mount : mounts_)
    if (mount->parent == place.mount)
      return Errno{EBUSY};
  // "EBUSY: target could not be unmounted because it is busy": an open file, a working directory, a
  // mapping keeps it, beside the list here and the caller.
  if (place.mount->reference_count() > 2)
    return Errno{EBUSY};
  const auto covered = covered_.find(place.mount->mountpoint.get());
  if (covered != covered_.end() && --covered->second == 0)
    covered_.erase(covered);
  std::erase(mounts_, place.mount);
  return Done{};
}

Path MountNamespace::root() const {
  return covered({mounts_.front(), mounts_.front()->root});
}

Path MountNamespace::covered(Path place) const {
  while (covered_.contains(place.dentry.get())) {
    const auto found = std::find_if(mounts_.rbegin(), mounts_.rend(), [&](const Ref<Mount> &mount) {
      return mount->parent == place.mount && mount->mountpoint == place.dentry;
    });
    if (found == mounts_.rend())
      break;
    place = {*found, (*found)->root};
  }
  return place;
}

bool MountNamespace::is_mountpoint(const Dentry &dentry) const {
  return covered_.contains(&dentry);
}

Path parent_of(const Path &path, const Path &root) {
  Path at = path;
  // Up through the roots of mounts; a root without a parent is as far as it goes.
  while (at.dentry != root.dentry || at.mount != root.mount) {
    if (at.mount && at.dentry == at.mount->root) {
      if (!at.mount->parent)
        return at;
      at = {at.mount->parent, at.mount->mountpoint};
      continue;
    }
    if (at.dentry->parent())
      return {at.mount, at.dentry->parent()};
    return at;
  }
  return at;
}

std::string path_name(const Path &path, const Path &root) {
  std::string name;
  bool deleted = false;
  Path at = path;
  while (at && (at.dentry != root.dentry || at.mount != root.mount)) {
    if (at.mount && at.dentry == at.mount->root) {
      if (!at.mount->parent)
        break;
      at = {at.mount->parent, at.mount->mountpoint};
      continue;
    }
    deleted = deleted || at.dentry->is_deleted();
    if (!at.mount) // an object without a place: "pipe:[7]"
      return at.dentry->name();
    name.insert(0, at.dentry->name()).insert(0, 1, '/');
    if (!at.dentry->parent())
      break;
    at.dentry = at.dentry->parent();
  }
  if (name.empty())
    name.push_back('/');
  if (deleted)
    name += " (deleted)";
  return name;
}

bool is_below(const Path &path, const Path &root) {
  Path at = path;
  while (at.dentry != root.dentry || at.mount != root.mount) {
    if (at.mount && at.dentry == at.mount->root) {
      if (!at.mount->parent)
        return false;
      at = {at.mount->parent, at.mount->mountpoint};
    } else {
      at.dentry = at.dentry->parent();
    }
    if (!at)
      return false;
  }
  return true;
}

Path path_of(const File &file) {
  const Path *place = file.place();
  return place ? *place : Path{};
}

} // namespace tine::fs
