#include "fs/fd_table.hpp"

#include "fs/locks.hpp"

namespace tine::fs {

FdTable::~FdTable() {
  close_all();
}

FdTable::Entries &FdTable::writable() {
  if (entries_.use_count() > 1)
    entries_ = std::make_shared<Entries>(*entries_);
  return *entries_;
}

Result<Ref<File>> FdTable::get(int fd) const {
  const auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= entries_->size() || !(*entries_)[index].file)
    return Errno{EBADF};
  return (*entries_)[index].file;
}

Result<Descriptor> FdTable::descriptor(int fd) const {
  TINE_TRY(get(fd));
  return (*entries_)[static_cast<std::size_t>(fd)];
}

Result<int> FdTable::install(Ref<File> file, bool close_on_exec, int from, u64 limit) {
  auto index = static_cast<std::size_t>(from);
  while (index < entries_->size() && (*entries_)[index].file)
    ++index;
  if (index >= limit)
    return Errno{EMFILE};
  Entries &entries = writable();
  if (index >= entries.size())
    entries.resize(index + 1);
  entries[index] = {std::move(file), close_on_exec};
  return static_cast<int>(index);
}

Status FdTable::install_at(int fd, Ref<File> file, bool close_on_exec, u64 limit) {
  const auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= limit)
    return Errno{EBADF};
  Entries &entries = writable();
  if (index >= entries.size())
    entries.resize(index + 1);
  Descriptor old = std::move(entries[index]);
  entries[index] = {std::move(file), close_on_exec};
  closed(old);
  return Done{};
}

Status FdTable::close(int fd) {
  TINE_TRY(get(fd));
  // The slot is empty before the file hears of it: what its end wakes may look at this table.
  Descriptor old = std::exchange(writable()[static_cast<std::size_t>(fd)], {});
  closed(old);
  return Done{};
}

/// "If a process closes any file descriptor referring to a file, then all of the process's locks on
/// that file are released" (fcntl(2)). A descriptor of O_PATH only says where the file is.
void FdTable::closed(const Descriptor &old) {
  if (!old.file)
    return;
  if ((old.file->status_flags() & O_PATH) == 0)
    release_record_locks(*old.file, this);
  if (old.file->async)
    old.file->async->descriptor_closed(this);
  old.file->descriptor_closed();
}

Status FdTable::set_close_on_exec(int fd, bool close_on_exec) {
  TINE_TRY(get(fd));
  writable()[static_cast<std::size_t>(fd)].close_on_exec = close_on_exec;
  return Done{};
}

void FdTable::close_on_exec() {
  for (std::size_t index = 0; index < entries_->size(); ++index)
    if ((*entries_)[index].file && (*entries_)[index].close_on_exec)
      (void)close(static_cast<int>(index));
}

void FdTable::close_all() {
  const std::shared_ptr<Entries> entries = std::exchange(entries_, std::make_shared<Entries>());
  for (const Descriptor &descriptor : *entries)
    closed(descriptor);
}

Ref<FdTable> FdTable::clone() const {
  Ref<FdTable> copy = make_ref<FdTable>();
  copy->entries_ = entries_;
  return copy;
}

std::vector<int> FdTable::open_descriptors() const {
  std::vector<int> open;
  for (std::size_t index = 0; index < entries_->size(); ++index)
    if ((*entries_)[index].file)
      open.push_back(static_cast<int>(index));
  return open;
}

} // namespace tine::fs
