// The fork of a box: its files in memory. Every inode that has a name or a user is copied; contents
// are shared page by page until one side writes.
#include "fs/fork_rights.hpp"
#include "fs/locks.hpp"
#include "fs/memory_fs.hpp"

namespace tine::fs {

MemoryFs::MemoryFs(const MemoryFs &original)
    : FileSystem(original.device()), frames_(original.frames_), lower_(original.lower_),
      is_secret_(original.is_secret_), next_number_(original.next_number_),
      lower_devices_(original.lower_devices_) {}

Result<Ref<FileSystem>> MemoryFs::copy(Copier &copier) {
  Ref<MemoryFs> made = make_ref<MemoryFs>(*this);
  copier.note(*this, made);
  made->root_ = TINE_TRY(copier.copy(root_));
  for (const auto &[key, inode] : changed_)
    made->changed_.emplace(key, TINE_TRY(copier.copy(inode)));
  return Ref<FileSystem>(made);
}

bool MemoryFs::withholds_files(const Copier &copier) const {
  const auto *rights = copier.context<ForkRights>();
  return is_secret_ && (rights == nullptr || !rights->secrets);
}

bool MemoryInode::is_withheld(const Copier &copier) const {
  return type() == S_IFREG && memory_.withholds_files(copier);
}

MemoryInode::MemoryInode(MemoryFs &memory, const MemoryInode &original)
    : Inode(original.type()), memory_(memory), number_(original.number_), lower_(original.lower_),
      own_(original.own_ ? std::make_unique<Attributes>(*original.own_) : nullptr),
      link_target_(original.link_target_), extended_(original.extended_) {
  seals = original.seals;
}

Result<Ref<Inode>> MemoryInode::copy(Copier &copier, Inode *, const std::string &) {
  return Ref<Inode>(TINE_TRY(copier.copy(Ref<MemoryInode>(this))));
}

Result<Ref<MemoryInode>> MemoryInode::copy(Copier &copier) {
  const Ref<FileSystem> file_system = TINE_TRY(copier.copy(Ref<FileSystem>(&memory_)));
  // Copying the file system may have copied this inode.
  if (MemoryInode *known = copier.find(*this))
    return Ref<MemoryInode>(known);
  auto &memory = static_cast<MemoryFs &>(*file_system);
  Ref<MemoryInode> made = make_ref<MemoryInode>(memory, *this);
  copier.note(*this, made);
  if (lower_) {
    const Attributes &lower = lower_->remembered();
    const auto known = memory_.shown_.find({lower.device, lower.inode});
    if (known != memory_.shown_.end() && known->second == this)
      memory.shown_.emplace(known->first, made.get());
  }
  copier.later([this, &copier, made] { return copy_rest(copier, *made); });
  if (attachment())
    copier.at_end([this, &copier, made]() -> Status {
      made->attach(static_cast<const LockList *>(attachment())->copy(copier));
      return Done{};
    });
  return made;
}

Status MemoryInode::copy_rest(Copier &copier, MemoryInode &made) const {
  if (is_withheld(copier)) {
    made.pages_ = make_ref<MemoryPages>(memory_.frames(), nullptr, u64{0});
    made.own_->links = 0;
    return Done{};
  }
  for (const auto &[name, inode] : entries_)
    if (!inode || !inode->is_withheld(copier))
      made.entries_.emplace_hint(made.entries_.end(), name, TINE_TRY(copier.copy(inode)));
  made.pages_ = TINE_TRY(copier.copy(pages_));
  made.fifo_ = TINE_TRY(copier.copy(fifo_));
  return Done{};
}

Result<Ref<memory::PageObject>> MemoryPages::copy(Copier &) {
  Ref<MemoryPages> made = make_ref<MemoryPages>(frames(), lower_, lower_limit_);
  made->size_ = size_;
  made->share_pages_of(*this);
  return Ref<memory::PageObject>(made);
}

} // namespace tine::fs
