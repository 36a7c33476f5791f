#include "fs/tree_changes.hpp"

#include "fs/dentry.hpp"
#include "fs/memory_fs.hpp"

#include <algorithm>

namespace tine::fs {

/// Whether the path, which has no symbolic links in it, leads to the inode.
bool MemoryFs::shows(const std::string &path, const MemoryInode &inode) {
  Ref<Inode> at = root_;
  for (std::size_t start = 1; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    auto next = at->lookup(std::string_view(path).substr(start, end - start));
    if (!next)
      return false;
    at = std::move(*next);
    start = end + 1;
  }
  return at.get() == &inode;
}

/// The entries of a directory that the layer knows of.
void MemoryFs::add_changes(const std::string &path, const MemoryInode &inode,
                           std::vector<TreeChange> &changes) const {
  for (const auto &[name, entry] : inode.entries_) {
    std::string below = path;
    below.append("/").append(name);
    if (!entry) {
      changes.push_back({'D', below});
      continue;
    }
    changes.push_back({inode.is_lower_name(name) ? 'C' : 'A', below});
    if (entry->is_directory())
      add_changes(below, *entry, changes);
  }
}

std::vector<TreeChange> MemoryFs::changes() {
  std::vector<TreeChange> changes;
  const std::map<LowerKey, Ref<MemoryInode>> changed = changed_; // a lookup may show more
  for (const auto &[key, inode] : changed) {
    const std::string path = inode->lower_->path();
    if (!shows(path, *inode))
      continue; // it was moved: an addition elsewhere
    if (!path.empty())
      changes.push_back({'C', path});
    add_changes(path, *inode, changes);
  }
  const auto by_path = [](const TreeChange &a, const TreeChange &b) { return a.path < b.path; };
  const auto same_path = [](const TreeChange &a, const TreeChange &b) { return a.path == b.path; };
  std::stable_sort(changes.begin(), changes.end(), by_path);
  changes.erase(std::unique(changes.begin(), changes.end(), same_path), changes.end());
  return changes;
}

std::vector<TreeChange> changes_of(const MountNamespace &mounts) {
  const Path root = mounts.root();
  auto *layer = dynamic_cast<MemoryFs *>(root.mount->file_system.get());
  return layer ? layer->changes() : std::vector<TreeChange>();
}

} // namespace tine::fs
