#include "fs/host_files.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <utility>

namespace tine::fs {

namespace {
/// Also by the time of the last change of the inode, which no program can set back.
u64 identity_of(const HostFileKey &key, const timespec &changed) {
  u64 result = 0;
  for (const u64 part : {key.device, key.inode, key.size, static_cast<u64>(key.modified_seconds),
                         static_cast<u64>(key.modified_nanoseconds),
                         static_cast<u64>(changed.tv_sec), static_cast<u64>(changed.tv_nsec)}) {
    result = (result ^ part) * 0x9e3779b97f4a7c15ULL;
    result ^= result >> 32;
  }
  return result | 1;
}
} // namespace

HostPages::HostPages(memory::FrameArena &frames, Ref<HostInode> inode, const HostFileKey &key,
                     u64 identity)
    : PageObject(frames), inode_(std::move(inode)), key_(key), size_(key.size),
      identity_(identity) {}

HostPages::~HostPages() {
  (void)write_back(0, ~u64{0});
  if (inode_->pages_ == this)
    inode_->pages_ = nullptr;
}

Status HostPages::fill_pages(u64 first_index, std::span<std::byte> pages) {
  TINE_TRY(inode_->read_at(pages, first_index << page_shift));
  return Done{};
}

void HostPages::page_may_become_dirty(u64 index) {
  if (inode_->host().is_writable())
    dirty_[index] = true;
}

Status HostPages::write_back(u64 first, u64 count) {
  auto at = dirty_.lower_bound(first);
  while (at != dirty_.end() && at->first - first < count) {
    const u64 offset = at->first << page_shift;
    if (const auto frame = present_page(at->first); frame && offset < size_) {
      const u64 length = std::min(page_size, size_ - offset);
      TINE_TRY(inode_->write_at(frames().bytes(*frame).first(length), offset));
    }
    // The page stays dirty while it may be mapped writable: nothing tells of the next write.
    ++at;
  }
  return Done{};
}

void HostPages::refresh(u64 offset, u64 length) {
  size_ = std::max(size_, offset + length);
  for (u64 index = offset >> page_shift; index <= (offset + length - 1) >> page_shift; ++index)
    if (const auto frame = present_page(index))
      (void)inode_->read_at(frames().bytes(*frame), index << page_shift);
}

HostFiles::HostFiles(memory::FrameArena &frames, const Options &options)
    : frames_(frames), options_(options) {}

Result<Ref<HostPages>> HostFiles::pages(HostInode &inode) {
  const Attributes now = TINE_TRY(inode.attributes());
  const HostFileKey key{inode.host_device_, inode.host_inode_, now.size, now.modified.tv_sec,
                        now.modified.tv_nsec};
  if (const auto found = cache_.find(key); found != cache_.end()) {
    recent_.remove(key);
    recent_.push_front(key);
    return found->second;
  }
  trim();
  Ref<HostPages> pages =
      make_ref<HostPages>(frames_, Ref<HostInode>(&inode), key, identity_of(key, now.changed));
  cache_.emplace(key, pages);
  recent_.push_front(key);
  return pages;
}

void HostFiles::trim() {
  u64 bytes = 0;
  std::vector<HostFileKey> victims;
  for (const HostFileKey &key : recent_) {
    const Ref<HostPages> &pages = cache_.at(key);
    bytes += pages->pages_present() * page_size;
    if (bytes > options_.cached_bytes && pages->reference_count() == 1)
      victims.push_back(key);
  }
  for (const HostFileKey &key : victims) {
    cache_.erase(key);
    recent_.remove(key);
  }
}

void HostFiles::drop_unused() {
  std::erase_if(cache_, [](const auto &entry) { return entry.second->reference_count() == 1; });
  std::erase_if(recent_, [this](const HostFileKey &key) { return !cache_.contains(key); });
}

void HostFiles::drop_all() {
  recent_.clear();
  const auto dropped = std::exchange(cache_, {}); // their inodes come back here when they go
}

HostPageCache::HostPageCache(Ref<HostFiles> files) : files_(std::move(files)) {
  files_->frames().add_reclaimer(*this);
}

HostPageCache::~HostPageCache() {
  files_->frames().remove_reclaimer(*this);
  files_->drop_all();
}

void HostFiles::descriptor_used(HostInode &inode) {
  const auto known = positions_.find(&inode);
  if (known != positions_.end()) {
    with_descriptors_.splice(with_descriptors_.begin(), with_descriptors_, known->second);
    return;
  }
  if (positions_.size() >= options_.descriptor_limit) {
    HostInode &oldest = *with_descriptors_.back();
    descriptor_gone(oldest);
    oldest.close_descriptors();
  }
  with_descriptors_.push_front(&inode);
  positions_[&inode] = with_descriptors_.begin();
}

void HostFiles::descriptor_gone(HostInode &inode) {
  const auto known = positions_.find(&inode);
  if (known == positions_.end())
    return;
  with_descriptors_.erase(known->second);
  positions_.erase(known);
}

Result<Ref<HostFs>> HostFs::create(const std::string &path, Writing writing, Ref<HostFiles> files) {
  UniqueFd root(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!root)
    return Errno{errno};
  std::error_code error;
  std::string source = std::filesystem::absolute(path, error).string();
  return make_ref<HostFs>(std::move(root), std::move(source), writing, std::move(files));
}

bool HostAccess::allows(const std::string &source, bool writing) const {
  return !writing || std::find(writable.begin(), writable.end(), source) != writable.end();
}

HostFs::HostFs(UniqueFd root, std::string source, Writing writing, Ref<HostFiles> files)
    : root_(std::move(root)), source_(std::move(source)), writing_(writing),
      files_(std::move(files)) {}

Ref<Inode> HostFs::root() {
  return host_root();
}

Ref<HostInode> HostFs::host_root() {
  struct stat status {};
  ::fstat(root_.get(), &status);
  return inode(status, nullptr, "");
}

Result<struct statfs> HostFs::statistics() {
  struct statfs result {};
  if (::fstatfs(root_.get(), &result) != 0)
    return Errno{errno};
  return result;
}

Ref<HostInode> HostFs::inode(const struct stat &status, Ref<HostInode> parent, std::string name) {
  const Key key{status.st_dev, status.st_ino};
  const auto known = inodes_.find(key);
  if (known != inodes_.end() && known->second->type() == (status.st_mode & S_IFMT)) {
    HostInode &inode = *known->second;
    inode.parent_ = std::move(parent);
    inode.name_ = std::move(name);
    inode.remember(status);
    return Ref<HostInode>(&inode);
  }
  Ref<HostInode> inode =
      make_ref<HostInode>(Ref<HostFs>(this), status, std::move(parent), std::move(name));
  inodes_.insert_or_assign(key, inode.get());
  return inode;
}

} // namespace tine::fs
