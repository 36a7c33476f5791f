// A saved box: its files in memory. What a directory has by name is kept by the directory, as in a
// running box.
#include "fs/locks.hpp"
#include "fs/memory_fs.hpp"

#include <algorithm>

namespace tine::fs {

Ref<RefCounted> MemoryFs::archive_head(Archive &archive, MemoryFs *saved) {
  Ref<HostFs> lower = saved ? saved->lower_ : nullptr;
  u64 device = saved ? saved->device() : 0;
  archive(lower, device);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  reserve_device(device);
  return make_ref<MemoryFs>(*archive.context<memory::FrameArena>(), lower, device);
}

void MemoryFs::archive_body(Archive &archive) {
  archive.required(root_);
  archive(next_number_, lower_devices_);
  std::vector<Ref<MemoryInode>> changed;
  for (const auto &[key, inode] : changed_)
    changed.push_back(inode);
  archive(changed);
  if (!archive.is_reading() || !archive.ok())
    return;
  if (root_->type() != S_IFDIR || &root_->memory_ != this)
    return archive.fail("it has a file system without a root");
  for (const Ref<MemoryInode> &inode : changed) {
    if (!inode || !inode->lower_ || &inode->memory_ != this)
      return archive.fail("it has a changed file that can't be");
    const Attributes &lower = inode->lower_->remembered();
    changed_.emplace(LowerKey{lower.device, lower.inode}, inode);
  }
  archive.at_end([keep = Ref<MemoryFs>(this)](Archive &end) { keep->check_restored(end); });
}

/// A directory has one name: else the tree would have no end.
void MemoryFs::check_restored(Archive &archive) const {
  std::set<const MemoryInode *> looked_at, named{root_.get()};
  std::vector<const MemoryInode *> next{root_.get()};
  for (const auto &[key, inode] : changed_)
    if (inode->is_directory())
      next.push_back(inode.get());
  while (!next.empty()) {
    const MemoryInode *const directory = next.back();
    next.pop_back();
    if (!looked_at.insert(directory).second)
      continue;
    for (const auto &[name, inode] : directory->entries_)
      if (inode && inode->is_directory() && !inode->lower_) {
        if (!named.insert(inode.get()).second)
          return archive.fail("it has a directory in two places");
        next.push_back(inode.get());
      }
  }
}

Ref<RefCounted> MemoryInode::archive_head(Archive &archive, MemoryInode *saved) {
  Ref<MemoryFs> memory(saved ? &saved->memory_ : nullptr);
  Ref<HostInode> lower = saved ? saved->lower_ : nullptr;
  u32 type = saved ? saved->type() : 0;
  u64 number = saved ? saved->number_ : 0;
  bool own = saved && saved->own_ != nullptr;
  archive.required(memory);
  archive(lower, type, number, own);
  constexpr u32 types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK};
  if (std::find(std::begin(types), std::end(types), type) == std::end(types) ||
      (lower ? lower->type() != type || !memory->lower_ : !own))
    archive.fail("it has a file that can't be");
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  Ref<MemoryInode> made = make_ref<MemoryInode>(*memory, type, number, lower);
  if (own)
    made->own_ = std::make_unique<Attributes>();
  if (lower) {
    const Attributes &attributes = lower->remembered();
    memory->shown_.emplace(std::pair(attributes.device, attributes.inode), made.get());
  }
  return made;
}

void MemoryInode::archive_body(Archive &archive) {
  if (own_)
    archive(*own_);
  archive(pages_, link_target_, fifo_, extended_, seals);
  std::map<std::string, Ref<MemoryInode>> entries(entries_.begin(), entries_.end());
  archive(entries);
  bool locked = attachment() != nullptr;
  archive(locked);
  if (locked)
    archive.at_end([keep = Ref<MemoryInode>(this)](Archive &end) {
      if (end.is_reading())
        keep->attach(make_ref<LockList>());
      static_cast<LockList *>(keep->attachment())->archive(end);
    });
  if (!archive.is_reading())
    return;
  for (auto &[name, inode] : entries) {
    const bool valid = !name.empty() && name != "." && name != ".." &&
                       name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
    if (!valid || (inode && (&inode->memory_ != &memory_ || inode.get() == this)))
      return archive.fail("it has a directory that can't be");
    entries_.emplace_hint(entries_.end(), name, inode);
  }
  if (own_ && own_->mode != 0 && (own_->mode & S_IFMT) != type())
    return archive.fail("it has a file of two types");
  if (own_)
    own_->mode |= type();
}

Ref<RefCounted> MemoryPages::archive_head(Archive &archive, MemoryPages *saved) {
  Ref<HostInode> lower = saved ? saved->lower_ : nullptr;
  archive(lower);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<MemoryPages>(*archive.context<memory::FrameArena>(), lower, u64{0});
}

void MemoryPages::archive_body(Archive &archive) {
  archive(lower_limit_, size_);
  if (lower_limit_ > size_ || (lower_limit_ > 0 && !lower_) ||
      size_ > static_cast<u64>(std::numeric_limits<i64>::max()))
    archive.fail("it has a file of a size that can't be");
  archive_pages(archive);
}

} // namespace tine::fs
