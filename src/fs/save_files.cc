// A saved box: open file descriptions and descriptor tables.
#include "fs/epoll.hpp"
#include "fs/event_files.hpp"
#include "fs/fd_table.hpp"
#include "fs/host_file.hpp"
#include "fs/host_stream.hpp"
#include "fs/host_stream_pages.hpp"
#include "fs/inotify.hpp"
#include "fs/locks.hpp"
#include "fs/memory_fs.hpp"
#include "fs/pipe.hpp"
#include "fs/plain_files.hpp"
#include "fs/saved_classes.hpp"

#include <algorithm>

namespace tine::fs {
namespace {

/// The head of a file with a place and nothing else.
template <typename T> Ref<RefCounted> archive_placed(Archive &archive, T *saved) {
  return File::archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    Path place = saved ? *saved->place() : Path{};
    archive(place);
    if (archive.is_reading() && !place)
      archive.fail("a file in it is nowhere");
    return archive.is_reading() && archive.ok() ? make_ref<T>(place, flags) : nullptr;
  });
}

} // namespace

void File::archive_signals(Archive &archive, File *saved, File *made) {
  bool there = saved && saved->async, locked = saved && saved->own_locks,
       was_created = saved && saved->was_created;
  archive(there, locked, was_created);
  if (made)
    made->was_created = was_created;
  if (locked && (saved || made))
    archive.at_end([keep = Ref<File>(saved ? saved : made)](Archive &end) {
      if (end.is_reading())
        keep->own_locks = make_ref<LockList>();
      static_cast<LockList &>(*keep->own_locks).archive(end);
    });
  if (!there)
    return;
  if (saved)
    return saved->async->archive(archive);
  auto *sender = archive.context<AsyncSender>();
  if (made == nullptr || sender == nullptr)
    return archive.fail("it has signals of no file");
  made->async = std::make_unique<AsyncSignals>(*made, *sender);
  made->async->archive(archive);
}

void add_saved_classes(ArchiveClasses &classes) {
  classes.add<FdTable>("descriptors");
  classes.add<Pipe>("pipe");
  classes.add<PipeFile>("pipe end");
  classes.add<DirectoryFile>("open directory");
  classes.add<PathFile>("path descriptor");
  classes.add<HostFile>("open host file");
  classes.add<FileMapping>("mapped file");
  classes.add<MemoryFile>("open file");
  classes.add<EventFile>("eventfd");
  classes.add<TimerFile>("timerfd");
  classes.add<SignalFile>("signalfd");
  classes.add<EpollFile>("epoll");
  classes.add<HostStream>("standard stream");
  classes.add<StreamPages>("mapped standard stream");
  classes.add<InotifyFile>("inotify");
  classes.add<HostFs>("host directory");
  classes.add<HostInode>("host file");
  classes.add<HostPages>("host file contents");
  classes.add<MemoryFs>("file system");
  classes.add<MemoryInode>("file");
  classes.add<MemoryPages>("file contents");
  classes.add<Dentry>("name");
  classes.add<Mount>("mount");
  classes.add<MountNamespace>("mounts");
  classes.add<FileSystemContext>("directories");
  classes.add<UserNamespace>("user namespace");
  classes.add<PseudoFs>("generated tree");
  add_saved_text_files(classes);
  add_saved_devices(classes);
  add_saved_terminals(classes);
  add_saved_control(classes);
}

Ref<RefCounted> FdTable::archive_head(Archive &, FdTable *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<FdTable>();
}

void FdTable::archive_body(Archive &archive) {
  archive.sequence(*entries_, [&](Descriptor &descriptor) {
    archive(descriptor.file, descriptor.close_on_exec);
  });
}

Ref<RefCounted> Pipe::archive_head(Archive &, Pipe *saved) {
  return saved ? Ref<RefCounted>(saved) : make_ref<Pipe>();
}

void Pipe::archive_body(Archive &archive) {
  std::vector<std::byte> bytes;
  const auto [first, second] = contents();
  bytes.insert(bytes.end(), first.begin(), first.end());
  bytes.insert(bytes.end(), second.begin(), second.end());
  archive(capacity_, number_, writers_ever, admitted_readers, admitted_writers, bytes);
  if (!archive.is_reading())
    return;
  // What set_capacity allows: a power of two of pages.
  if ((capacity_ & (capacity_ - 1)) != 0 || capacity_ < page_size || capacity_ > largest_capacity ||
      bytes.size() > capacity_) {
    capacity_ = default_capacity;
    return archive.fail("it has a pipe that can't be");
  }
  if (bytes.empty())
    return;
  allocate();
  std::copy(bytes.begin(), bytes.end(), ring_.begin());
  used_ = bytes.size();
}

Ref<RefCounted> PipeFile::archive_head(Archive &archive, PipeFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    Ref<Pipe> pipe = saved ? saved->pipe_ : nullptr;
    Path place = saved ? saved->place_ : Path{};
    u64 writers_at_open = saved ? saved->writers_at_open_ : 0;
    archive.required(pipe);
    archive(place, writers_at_open);
    if (saved || !archive.ok())
      return nullptr;
    const u64 writers_ever = pipe->writers_ever;
    auto made = make_ref<PipeFile>(pipe, flags, place);
    pipe->writers_ever = writers_ever;
    made->writers_at_open_ = writers_at_open;
    return made;
  });
}

Ref<RefCounted> DirectoryFile::archive_head(Archive &archive, DirectoryFile *saved) {
  return archive_placed(archive, saved);
}

void DirectoryFile::archive_body(Archive &archive) {
  archive(taken_, entries_);
}

Ref<RefCounted> PathFile::archive_head(Archive &archive, PathFile *saved) {
  return archive_placed(archive, saved);
}

Ref<RefCounted> HostFile::archive_head(Archive &archive, HostFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    Path place = saved ? saved->place_ : Path{};
    Ref<HostInode> host = saved ? saved->host_ : nullptr;
    archive(place);
    archive.required(host);
    if (archive.is_reading() && (!place || place.dentry->inode() != host))
      archive.fail("a file in it is nowhere");
    return archive.is_reading() && archive.ok() ? make_ref<HostFile>(place, flags, host) : nullptr;
  });
}

Ref<RefCounted> FileMapping::archive_head(Archive &archive, FileMapping *saved) {
  Path place = saved ? saved->place_ : Path{};
  Ref<memory::PageObject> pages = saved ? saved->pages_ : nullptr;
  archive(place);
  archive.required(pages);
  if (saved)
    return Ref<RefCounted>(saved);
  if (!place)
    archive.fail("a file in it is nowhere");
  return archive.ok() ? Ref<RefCounted>(make_ref<FileMapping>(place, pages)) : nullptr;
}

Ref<RefCounted> MemoryFile::archive_head(Archive &archive, MemoryFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    Path place = saved ? saved->place_ : Path{};
    Ref<MemoryInode> inode = saved ? saved->memory_ : nullptr;
    archive(place);
    archive.required(inode);
    if (archive.is_reading() && (!place || place.dentry->inode() != inode))
      archive.fail("a file in it is nowhere");
    return archive.is_reading() && archive.ok() ? make_ref<MemoryFile>(place, flags, inode)
                                                : nullptr;
  });
}

Ref<RefCounted> EventFile::archive_head(Archive &archive, EventFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    u64 count = saved ? saved->count_ : 0;
    bool semaphore = saved && saved->semaphore_;
    archive(count, semaphore);
    if (count == ~u64{0})
      archive.fail("it has an eventfd that can't be");
    return make_ref<EventFile>(count, flags, semaphore);
  });
}

Ref<RefCounted> TimerFile::archive_head(Archive &archive, TimerFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    i32 clock = saved ? saved->clock_ : 0;
    archive(clock);
    if (saved)
      return nullptr;
    return make_ref<TimerFile>(*archive.context<time::TimerQueue>(), clock, flags);
  });
}

/// "timers end when due": the time that was left is left, or it is the wall clock's time still.
void TimerFile::archive_body(Archive &archive) {
  std::optional<Nanoseconds> deadline = timer_.deadline();
  archive(interval_, expirations_, is_wall_clock_);
  archive.instant(next_, is_wall_clock_);
  archive.instant(deadline, is_wall_clock_);
  if (!archive.is_reading())
    return;
  if (interval_ < 0)
    return archive.fail("it has a timer that can't be");
  if (deadline)
    timer_.arm(*deadline);
}

Ref<RefCounted> SignalFile::archive_head(Archive &archive, SignalFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    u64 mask = saved ? saved->mask_ : 0;
    archive(mask);
    return saved ? nullptr : make_ref<SignalFile>(mask, flags, *archive.context<AsyncSender>());
  });
}

Ref<RefCounted> EpollFile::archive_head(Archive &archive, EpollFile *saved) {
  return archive_file(archive, saved, [](u32) -> Ref<File> { return make_ref<EpollFile>(); });
}

/// An item doesn't keep its file: those that nobody else refers to aren't there.
void EpollFile::archive_body(Archive &archive) {
  archive.at_end([keep = Ref<EpollFile>(this)](Archive &end) { keep->archive_items(end); });
}

void EpollFile::archive_items(Archive &archive) {
  std::vector<EpollItem *> items(ready_.begin(), ready_.end());
  for (const auto &[key, item] : items_)
    if (!item->listed_)
      items.push_back(item.get());
  // The ready ones first, in their order: an edge that was reported isn't reported again.
  u64 count = archive.count(items.size());
  for (u64 i = 0; i < count && archive.ok(); ++i) {
    EpollItem *const item = archive.is_reading() ? nullptr : items[i];
    File *file = item ? item->file_ : nullptr;
    i32 fd = item ? item->fd_ : 0;
    u32 events = item ? item->event_.events : 0;
    u64 data = item ? item->event_.data.u64 : 0;
    bool disabled = item && item->disabled_, listed = item && item->listed_;
    archive.weak(file);
    archive(fd, events, data, disabled, listed);
    if (item || !file || !archive.ok())
      continue;
    const auto *inner = dynamic_cast<const EpollFile *>(file);
    if (items_.contains({file, fd}) || (inner && inner->contains(*this, 0)))
      return archive.fail("it has an epoll instance that can't be");
    restore_item(*file, fd, {events, {.u64 = data}}, disabled, listed);
  }
}

void EpollFile::restore_item(File &file, int fd, const epoll_event &event, bool disabled,
                             bool listed) {
  auto made = std::make_unique<EpollItem>(*this, file, fd, event);
  EpollItem &added = *made;
  added.disabled_ = disabled;
  items_.emplace(Key{&file, fd}, std::move(made));
  if (sched::WaitQueue *queue = file.wait_queue())
    added.wait_on(*queue);
  file.prepare_wait(event.events);
  if (listed) {
    added.listed_ = true;
    ready_.push_back(&added);
  }
}

/// What whoever restores the box gives instead.
Ref<RefCounted> HostStream::archive_head(Archive &archive, HostStream *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    i32 role = saved ? saved->role_ : 0;
    archive(role);
    if (saved || !archive.ok())
      return nullptr;
    const auto *streams = archive.context<StandardStreams>();
    if (role < 0 || role > 2 || !streams->files[role]) {
      archive.fail("it has a standard stream that can't be");
      return nullptr;
    }
    auto made = streams->files[role]->reopen(flags);
    return made ? *made : nullptr;
  });
}

Ref<RefCounted> InotifyFile::archive_head(Archive &archive, InotifyFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
    return saved ? nullptr : make_ref<InotifyFile>(flags);
  });
}

/// A watch of a generated file is gone: no event ever comes from there.
void InotifyFile::archive_body(Archive &archive) {
  std::deque<Event> events(events_.begin(), events_.end());
  archive(last_descriptor_, events);
  std::vector<Watch> watches;
  for (const auto &[descriptor, watch] : watches_)
    if (!watch.inode->is_generated())
      watches.push_back(watch);
  u64 count = archive.count(watches.size());
  for (u64 i = 0; i < count && archive.ok(); ++i) {
    Watch watch = archive.is_reading() ? Watch{} : watches[i];
    archive(watch.descriptor, watch.mask);
    archive.required(watch.file_system);
    archive.required(watch.inode);
    if (!archive.is_reading() || !archive.ok())
      continue;
    if (watches_.contains(watch.descriptor) ||
        &watch.inode->file_system() != watch.file_system.get())
      return archive.fail("it has a watch that can't be");
    add_watch(watch.descriptor, watch.inode, watch.mask);
  }
  if (archive.is_reading())
    events_ = std::move(events);
}

/// Locks whose owner is in the file. The list is the inode's, which is archived before.
void LockList::archive(Archive &archive) {
  const auto archive_held = [&](std::vector<HeldLock> &held) {
    std::vector<HeldLock> kept;
    for (const HeldLock &lock : held)
      if (archive.has(lock.owner))
        kept.push_back(lock);
    archive.sequence(kept, [&](HeldLock &lock) {
      archive.weak_address(lock.owner);
      archive(lock.pid, lock.exclusive, lock.range.first, lock.range.last);
      if (archive.is_reading() && (lock.owner == nullptr || lock.range.first > lock.range.last))
        archive.fail("it has a lock that can't be");
    });
    if (archive.is_reading())
      held = archive.ok() ? std::move(kept) : std::vector<HeldLock>{};
  };
  archive_held(held_);
  archive_held(whole_);
  std::vector<Lease> leases;
  for (const Lease &lease : leases_.held())
    if (archive.has(static_cast<const RefCounted *>(lease.holder)))
      leases.push_back(lease);
  archive.sequence(leases, [&](Lease &lease) {
    archive.weak(lease.holder);
    archive(lease.type, lease.target, lease.fd);
    archive.instant(lease.deadline);
    if (!archive.is_reading() || !archive.ok())
      return;
    if (!lease.holder || !lease.holder->async)
      return archive.fail("it has a lease of nobody");
    leases_.add_copy(lease);
  });
}

} // namespace tine::fs
