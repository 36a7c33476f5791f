// Changes of a whole tree of mounts: mount_namespaces(7), pivot_root(2).
#include "fs/dentry.hpp"

#include <algorithm>

namespace tine::fs {

bool MountNamespace::contains(const Mount &mount) const {
  return std::any_of(mounts_.begin(), mounts_.end(),
                     [&](const Ref<Mount> &known) { return known.get() == &mount; });
}

bool MountNamespace::is_below(const Mount &mount, const Mount &top) const {
  for (const Mount *at = &mount; at != nullptr; at = at->parent.get())
    if (at == &top)
      return true;
  return false;
}

void MountNamespace::uncover(const Dentry *dentry) {
  const auto entry = covered_.find(dentry);
  if (entry != covered_.end() && --entry->second == 0)
    covered_.erase(entry);
}

Status MountNamespace::detach(const Path &place) {
  const Ref<Mount> top = place.mount;
  if (!top || place.dentry != top->root || !top->parent || !contains(*top))
    return Errno{EINVAL};
  for (const Ref<Mount> &mount : mounts_)
    if (is_below(*mount, *top))
      uncover(mount->mountpoint.get());
  std::erase_if(mounts_, [&](const Ref<Mount> &mount) { return is_below(*mount, *top); });
  return Done{};
}

Ref<Mount> MountNamespace::bind(const Path &place, const Path &shown, bool recursive) {
  const std::vector<Ref<Mount>> before = mounts_;
  Ref<Mount> top =
      mount(place, shown.mount->file_system, shown.dentry, shown.mount->flags, shown.mount->source);
  if (!recursive)
    return top;
  std::unordered_map<const Mount *, Ref<Mount>> copies{{shown.mount.get(), top}};
  // After a pivot a parent may come after what is mounted on it: until nothing is found any more.
  for (bool found = true; found;) {
    found = false;
    for (const Ref<Mount> &mounted : before) {
      const auto parent = copies.find(mounted->parent.get());
      if (parent == copies.end() || copies.contains(mounted.get()))
        continue;
      if (mounted->parent == shown.mount && !shown.dentry->is_ancestor_of(*mounted->mountpoint))
        continue; // outside of the part that is shown
      copies[mounted.get()] = mount({parent->second, mounted->mountpoint}, mounted->file_system,
                                    mounted->root, mounted->flags, mounted->source);
      found = true;
    }
  }
  return top;
}

Status MountNamespace::pivot(const Path &new_root, const Path &put_old) {
  const Ref<Mount> top = new_root.mount, old = mounts_.front();
  if (!top || !contains(*top) || !contains(*put_old.mount))
    return Errno{EINVAL};
  // "new_root or put_old is on the current root mount".
  if (top == old || put_old.mount == old)
    return Errno{EBUSY};
  // "new_root is not a mount point"; "put_old is not at or underneath new_root".
  if (new_root.dentry != top->root || !top->parent || !is_below(*put_old.mount, *top))
    return Errno{EINVAL};
  uncover(top->mountpoint.get());
  top->parent = nullptr;
  top->mountpoint = nullptr;
  old->parent = put_old.mount;
  old->mountpoint = put_old.dentry;
  ++covered_[put_old.dentry.get()];
  // The root comes first.
  std::erase(mounts_, top);
  mounts_.insert(mounts_.begin(), top);
  return Done{};
}

Ref<MountNamespace> MountNamespace::clone(std::span<Path *const> paths) const {
  Ref<MountNamespace> copy = make_ref<MountNamespace>();
  std::unordered_map<const Mount *, Ref<Mount>> copies;
  for (const Ref<Mount> &mounted : mounts_) {
    Ref<Mount> &made = copies[mounted.get()];
    made = copy->mount({}, mounted->file_system, mounted->root, mounted->flags, mounted->source);
    made->mountpoint = mounted->mountpoint;
    if (made->mountpoint)
      ++copy->covered_[made->mountpoint.get()];
  }
  for (const Ref<Mount> &mounted : mounts_)
    if (const auto parent = copies.find(mounted->parent.get()); parent != copies.end())
      copies[mounted.get()]->parent = parent->second;
  for (Path *path : paths)
    if (const auto found = copies.find(path->mount.get()); found != copies.end())
      path->mount = found->second;
  return copy;
}

} // namespace tine::fs
