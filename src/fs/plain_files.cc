#include "fs/plain_files.hpp"

#include "fs/caller.hpp"
#include "fs/inotify.hpp"
#include "fs/locks.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <iterator>
#include <limits>

namespace tine::fs {

PlacedFile::PlacedFile(const Path &path, u32 flags)
    : File(flags), place_(path), inode_(path.dentry->inode()) {
  if (is_writable())
    ++inode_->writers;
  else if (is_readable())
    ++inode_->readers;
}

PlacedFile::~PlacedFile() {
  if (is_writable())
    --inode_->writers;
  else if (is_readable())
    --inode_->readers;
  if (denies_writers_)
    --inode_->executions;
  if ((status_flags() & O_PATH) == 0)
    notify(*place_.dentry, is_writable() ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
  notify_unlinked(*place_.dentry);
  release_description_locks(*inode_, this);
  if (LeaseList *leases = leases_of(*inode_))
    (void)leases->remove(*this);
}

Status PlacedFile::deny_writers() {
  if (inode_->writers > 0)
    return Errno{ETXTBSY};
  if (!denies_writers_)
    ++inode_->executions;
  denies_writers_ = true;
  return Done{};
}

std::string PlacedFile::description() {
  const Caller *caller = current_caller();
  return path_name(place_, caller ? caller->root() : Path{});
}

Result<u64> SeekableFile::read(memory::IoBuffer &to) {
  const u64 count = TINE_TRY(read_at(to, offset));
  offset += count;
  return count;
}

Result<u64> SeekableFile::write(memory::IoBuffer &from) {
  offset = TINE_TRY(write_position(offset));
  const u64 count = TINE_TRY(write_at(from, offset));
  offset += count;
  return count;
}

Result<u64> SeekableFile::write_position(u64 wanted) {
  return (status_flags() & O_APPEND) != 0 ? size() : Result<u64>(wanted);
}

Result<u64> SeekableFile::size() {
  return TINE_TRY(inode_->attributes()).size;
}

Result<u64> SeekableFile::seek(i64 distance, int whence) {
  i64 base = 0;
  switch (whence) {
  case SEEK_SET:
    break;
  case SEEK_CUR:
    base = static_cast<i64>(offset);
    break;
  case SEEK_END:
    base = static_cast<i64>(TINE_TRY(size()));
    break;
  case SEEK_DATA:
  case SEEK_HOLE: {
    const u64 end = TINE_TRY(size());
    if (distance < 0 || static_cast<u64>(distance) >= end)
      return Errno{ENXIO};
    const u64 from = static_cast<u64>(distance);
    const u64 found = whence == SEEK_DATA ? next_data(from, end) : next_hole(from, end);
    if (whence == SEEK_DATA && found >= end)
      return Errno{ENXIO};
    return offset = found;
  }
  default:
    return Errno{EINVAL};
  }
  i64 target = 0;
  if (__builtin_add_overflow(base, distance, &target))
    return Errno{EOVERFLOW};
  if (target < 0)
    return Errno{EINVAL};
  return offset = static_cast<u64>(target);
}

void PlacedFile::note_access() {
  constexpr u32 untouched = mount_read_only | mount_no_access_times;
  if ((status_flags() & O_NOATIME) == 0 && (place_.mount->flags & untouched) == 0)
    inode_->contents_read();
}

Result<u64> DirectoryFile::seek(i64 distance, int whence) {
  if (whence == SEEK_CUR)
    distance += static_cast<i64>(offset);
  else if (whence != SEEK_SET)
    return Errno{EINVAL};
  if (distance < 0)
    return Errno{EINVAL};
  if (distance == 0)
    taken_ = false; // rewinddir(3): "as a call to opendir would"
  return offset = static_cast<u64>(distance);
}

Status DirectoryFile::take_entries() {
  std::vector<DirectoryEntry> entries = TINE_TRY(inode_->list());
  const u64 self = TINE_TRY(inode_->attributes()).inode;
  const Path above = parent_of(place_, {});
  const u64 parent = TINE_TRY(above.dentry->inode()->attributes()).inode;
  entries_.clear();
  entries_.push_back({self, 0, DT_DIR, "."});
  entries_.push_back({parent, 0, DT_DIR, ".."});
  entries_.insert(entries_.end(), std::make_move_iterator(entries.begin()),
                  std::make_move_iterator(entries.end()));
  for (std::size_t index = 0; index < entries_.size(); ++index)
    entries_[index].next_offset = static_cast<i64>(index + 1);
  taken_ = true;
  return Done{};
}

Status DirectoryFile::read_directory(const std::function<bool(const DirectoryEntry &)> &visit) {
  if (!taken_) {
    if (place_.dentry->is_deleted())
      return Errno{ENOENT};
    TINE_TRY(take_entries());
  }
  while (offset < entries_.size()) {
    if (!visit(entries_[offset]))
      break;
    ++offset;
  }
  note_access();
  return Done{};
}

} // namespace tine::fs
