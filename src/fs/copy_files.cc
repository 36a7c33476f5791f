// The fork of a box: open file descriptions and descriptor tables.
#include "fs/epoll.hpp"
#include "fs/event_files.hpp"
#include "fs/fd_table.hpp"
#include "fs/host_file.hpp"
#include "fs/host_stream.hpp"
#include "fs/locks.hpp"
#include "fs/memory_fs.hpp"
#include "fs/pipe.hpp"
#include "fs/plain_files.hpp"

#include <algorithm>

namespace tine::fs {

Result<Ref<FdTable>> FdTable::copy(Copier &copier) const {
  Ref<FdTable> made = make_ref<FdTable>();
  // Tables that share their descriptors since a fork go on sharing them.
  if (auto known = copier.shared_counterpart(*entries_)) {
    made->entries_ = std::move(known);
    return made;
  }
  copier.note_counterpart(*entries_, made->entries_);
  // The originals may come to be copied deep in a chain of sockets: their files come later.
  copier.later([&copier, from = entries_, to = made->entries_]() -> Status {
    to->reserve(from->size());
    for (const Descriptor &descriptor : *from)
      to->push_back({TINE_TRY(copier.copy(descriptor.file)), descriptor.close_on_exec});
    return Done{};
  });
  return made;
}

Result<Ref<Pipe>> Pipe::copy(Copier &) const {
  Ref<Pipe> made = make_ref<Pipe>();
  made->capacity_ = capacity_;
  made->number_ = number_;
  made->writers_ever = writers_ever;
  made->admitted_readers = admitted_readers;
  made->admitted_writers = admitted_writers;
  if (used_ != 0) {
    made->allocate();
    const auto [first, second] = contents();
    const auto next = std::copy(first.begin(), first.end(), made->ring_.begin());
    std::copy(second.begin(), second.end(), next);
    made->used_ = used_;
  }
  return made;
}

Result<Ref<File>> PipeFile::make_copy(Copier &copier) {
  if (pipe_->standard_stream >= 0) {
    Ref<File> made =
        TINE_TRY(copied_standard_stream(copier, pipe_->standard_stream, status_flags()));
    return made ? made : reopen(status_flags());
  }
  const Ref<Pipe> pipe = TINE_TRY(copier.copy(pipe_));
  const Path place = TINE_TRY(copy_path(copier, place_));
  const u64 writers_ever = pipe->writers_ever;
  Ref<PipeFile> made = make_ref<PipeFile>(pipe, status_flags(), place);
  pipe->writers_ever = writers_ever;
  made->writers_at_open_ = writers_at_open_;
  return Ref<File>(made);
}

Result<Ref<File>> DirectoryFile::make_copy(Copier &copier) {
  Ref<DirectoryFile> made =
      make_ref<DirectoryFile>(TINE_TRY(copy_path(copier, place_)), status_flags());
  made->entries_ = entries_;
  made->taken_ = taken_;
  return Ref<File>(made);
}

Result<Ref<File>> PathFile::make_copy(Copier &copier) {
  return Ref<File>(make_ref<PathFile>(TINE_TRY(copy_path(copier, place_)), status_flags()));
}

Result<Ref<File>> HostFile::make_copy(Copier &copier) {
  return Ref<File>(make_ref<HostFile>(TINE_TRY(copy_path(copier, place_)), status_flags(), host_));
}

Result<Ref<memory::MappedFile>> FileMapping::copy(Copier &copier) {
  Path place = TINE_TRY(copy_path(copier, place_));
  Ref<memory::PageObject> pages = TINE_TRY(copier.copy(pages_));
  return Ref<memory::MappedFile>(make_ref<FileMapping>(std::move(place), std::move(pages), *this));
}

Result<Ref<File>> MemoryFile::make_copy(Copier &copier) {
  const Path place = TINE_TRY(copy_path(copier, place_));
  return Ref<File>(make_ref<MemoryFile>(place, status_flags(), TINE_TRY(copier.copy(memory_))));
}

Result<Ref<File>> EventFile::make_copy(Copier &) {
  return Ref<File>(make_ref<EventFile>(count_, status_flags(), semaphore_));
}

/// "timers end when due": armed for the same instant.
Result<Ref<File>> TimerFile::make_copy(Copier &) {
  Ref<TimerFile> made = make_ref<TimerFile>(timers_, clock_, status_flags());
  made->interval_ = interval_;
  made->next_ = next_;
  made->expirations_ = expirations_;
  made->is_wall_clock_ = is_wall_clock_;
  if (timer_.deadline())
    made->timer_.arm(*timer_.deadline());
  return Ref<File>(made);
}

Result<Ref<File>> SignalFile::make_copy(Copier &copier) {
  return Ref<File>(make_ref<SignalFile>(mask_, status_flags(), *copier.counterpart(box_)));
}

Result<Ref<File>> EpollFile::make_copy(Copier &copier) {
  Ref<EpollFile> made = make_ref<EpollFile>();
  // An item doesn't keep its file: those that nobody else refers to aren't there.
  copier.at_end([this, &copier, made]() -> Status {
    made->copy_items(*this, copier);
    return Done{};
  });
  return Ref<File>(made);
}

/// The same items, on the same place of the list of those that may be ready: an edge that was
/// reported isn't reported again.
void EpollFile::copy_items(const EpollFile &original, const Copier &copier) {
  std::map<const EpollItem *, EpollItem *> copies;
  for (const auto &[key, item] : original.items_) {
    File *file = copier.find(*key.first);
    if (!file)
      continue;
    auto made = std::make_unique<EpollItem>(*this, *file, item->fd_, item->event_);
    made->disabled_ = item->disabled_;
    copies.emplace(item.get(), made.get());
    EpollItem &added = *made;
    items_.emplace(Key{file, item->fd_}, std::move(made));
    if (sched::WaitQueue *queue = file->wait_queue())
      added.wait_on(*queue);
    file->prepare_wait(item->event_.events);
  }
  for (const EpollItem *item : original.ready_)
    if (const auto found = copies.find(item); found != copies.end()) {
      found->second->listed_ = true;
      ready_.push_back(found->second);
    }
}

Ref<LockList> LockList::copy(const Copier &copier) const {
  Ref<LockList> made = make_ref<LockList>();
  const auto copy_held = [&copier](const std::vector<HeldLock> &from, std::vector<HeldLock> &to) {
    for (HeldLock lock : from)
      if ((lock.owner = copier.find_address(lock.owner)) != nullptr)
        to.push_back(lock);
  };
  copy_held(held_, made->held_);
  copy_held(whole_, made->whole_);
  for (Lease lease : leases_.held())
    if ((lease.holder = copier.find(*lease.holder)) != nullptr && lease.holder->async)
      made->leases_.add_copy(lease);
  return made;
}

} // namespace tine::fs
