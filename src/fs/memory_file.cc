#include "fs/memory_fs.hpp"

#include "fs/host_file.hpp"

#include <fcntl.h>
#include <limits>
#include <linux/falloc.h>

namespace tine::fs {

Result<u64> MemoryFile::size() {
  if (memory_->pages())
    return memory_->pages()->size();
  return SeekableFile::size();
}

Result<u64> MemoryFile::read_at(memory::IoBuffer &to, u64 at) {
  const u64 count = TINE_TRY(memory_->read_at(to, at));
  note_access();
  return count;
}

Result<u64> MemoryFile::write_at(memory::IoBuffer &from, u64 at) {
  if ((memory_->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
    return Errno{EPERM};
  constexpr u64 largest = std::numeric_limits<i64>::max();
  if (at >= largest)
    return Errno{EFBIG};
  from.truncate(largest - at);
  if ((memory_->seals & F_SEAL_GROW) != 0) {
    const u64 end = TINE_TRY(size());
    if (at >= end)
      return Errno{EPERM};
    from.truncate(end - at);
  }
  return memory_->write_at(from, at);
}

Status MemoryFile::allocate(int mode, u64 at, u64 length) {
  constexpr int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if ((mode & ~known) != 0)
    return Errno{EOPNOTSUPP};
  const bool punch = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
  if (punch && mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
    return Errno{EOPNOTSUPP};
  if (punch && (memory_->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
    return Errno{EPERM};
  const Ref<MemoryPages> pages = TINE_TRY(memory_->own_pages());
  if (punch || (mode & FALLOC_FL_ZERO_RANGE) != 0)
    TINE_TRY(pages->erase(at, length));
  if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && at + length > pages->size()) {
    if ((memory_->seals & F_SEAL_GROW) != 0)
      return Errno{EPERM};
    TINE_TRY(pages->set_size(at + length));
  }
  memory_->contents_changed();
  return Done{};
}

Result<Ref<memory::MappedFile>> MemoryFile::map() {
  const auto mapping =
      is_writable() ? MemoryInode::Mapping::may_write : MemoryInode::Mapping::read_only;
  Ref<memory::PageObject> pages = TINE_TRY(memory_->pages_to_map(mapping));
  note_access();
  return Ref<memory::MappedFile>(make_ref<FileMapping>(place_, std::move(pages)));
}

u64 MemoryFile::next_data(u64 from, u64 end) {
  const Ref<MemoryPages> &pages = memory_->pages();
  if (!pages)
    return from;
  for (u64 index = from >> page_shift; index << page_shift < end; ++index)
    if (pages->has_data(index))
      return std::max(from, index << page_shift);
  return end;
}

u64 MemoryFile::next_hole(u64 from, u64 end) {
  const Ref<MemoryPages> &pages = memory_->pages();
  if (!pages)
    return end;
  for (u64 index = from >> page_shift; index << page_shift < end; ++index)
    if (!pages->has_data(index))
      return std::max(from, index << page_shift);
  return end;
}

Result<Ref<File>> make_memfd(const Ref<MemoryFs> &memory, const std::string &name, bool sealable,
                             u32 mode) {
  const Ref<MemoryInode> inode = memory->unnamed({S_IFREG | mode, 0, 0, 0, ""});
  inode->seals = sealable ? 0 : F_SEAL_SEAL;
  Ref<Mount> mount = make_ref<Mount>();
  mount->file_system = memory;
  const Ref<Dentry> dentry = make_ref<Dentry>("memfd:" + name, nullptr, Ref<Inode>(inode));
  dentry->set_deleted();
  return inode->open({mount, dentry}, O_RDWR | O_LARGEFILE, {});
}

} // namespace tine::fs
