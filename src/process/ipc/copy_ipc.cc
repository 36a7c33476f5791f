// The fork of a box: its System V objects and POSIX message queues, with their numbers and
// contents.
#include "process/ipc/ipc_namespace.hpp"

namespace tine::process {

Result<MessageQueue> MessageQueue::copy() const {
  MessageQueue made;
  made.permissions = permissions;
  made.messages = messages;
  made.bytes = bytes;
  made.capacity = capacity;
  made.send_time = send_time;
  made.receive_time = receive_time;
  made.change_time = change_time;
  made.last_sender = last_sender;
  made.last_receiver = last_receiver;
  return made;
}

Status MessageQueues::copy_from(const MessageQueues &original) {
  limits = original.limits;
  return queues_.copy_from(original.queues_,
                           [](const MessageQueue &queue) { return queue.copy(); });
}

/// Who sleeps in semop(2) is named by pid and ticket, which are the same in the copy.
Status Semaphores::copy_from(const Semaphores &original) {
  limits = original.limits;
  known_total_ = original.known_total_;
  last_undo_ = original.last_undo_;
  last_ticket_ = original.last_ticket_;
  return sets_.copy_from(original.sets_,
                         [](const SemaphoreSet &set) { return Result<SemaphoreSet>(set); });
}

Segment::Segment(SharedMemory *table_, const Segment &original,
                 Ref<memory::AnonymousPageObject> pages)
    : id(original.id), first_key(original.first_key), table(table_), pages_(std::move(pages)),
      size_(original.size_) {}

Result<Ref<memory::MappedFile>> Segment::copy(Copier &copier) {
  // Without a table: that of a namespace that is gone, or that no thread is in.
  SharedMemory *own = table ? copier.counterpart(*table) : nullptr;
  return Ref<memory::MappedFile>(
      Ref<Segment>(new Segment(own, *this, TINE_TRY(copier.copy(pages_)))));
}

/// A segment that is marked to be destroyed lives in the copier until a mapping shows it.
Status SharedMemory::copy_from(const SharedMemory &original, Copier &copier) {
  limits = original.limits;
  return segments_.copy_from(
      original.segments_, [&copier](const SegmentEntry &entry) -> Result<SegmentEntry> {
        SegmentEntry made = entry;
        const Ref<Segment> segment = TINE_TRY(copier.copy(Ref<Segment>(entry.segment)));
        made.segment = segment.get();
        made.keep = entry.keep ? segment : Ref<Segment>();
        return made;
      });
}

Result<Ref<fs::FileSystem>> QueueFs::copy(Copier &copier) {
  Ref<QueueFs> made = make_ref<QueueFs>(device());
  copier.note(*this, made);
  made->limits = limits;
  made->next_number_ = next_number_;
  for (const auto &[name, queue] : queues_)
    made->queues_.emplace(name, TINE_TRY(copier.copy(queue)));
  return Ref<fs::FileSystem>(made);
}

Result<Ref<fs::Inode>> PosixQueue::copy(Copier &copier, fs::Inode *, const std::string &) {
  return Ref<fs::Inode>(TINE_TRY(copier.copy(Ref<PosixQueue>(this))));
}

Result<Ref<PosixQueue>> PosixQueue::copy(Copier &copier) const {
  const Ref<QueueFs> file_system = TINE_TRY(copier.copy(Ref<QueueFs>(&file_system_)));
  // Copying the file system may have copied this queue.
  if (PosixQueue *known = copier.find(*this))
    return Ref<PosixQueue>(known);
  Ref<PosixQueue> made = make_ref<PosixQueue>(*file_system, attributes_, capacity, message_bytes);
  made->messages_ = messages_;
  made->count_ = count_;
  made->bytes_ = bytes_;
  made->notification = notification;
  if (notification && notification->socket)
    copier.later([this, &copier, made]() -> Status {
      made->notification->socket = TINE_TRY(copier.copy(notification->socket));
      return Done{};
    });
  return made;
}

Result<Ref<fs::File>> QueueFile::make_copy(Copier &copier) {
  const fs::Path place = TINE_TRY(fs::copy_path(copier, place_));
  return Ref<fs::File>(make_ref<QueueFile>(place, status_flags(), TINE_TRY(copier.copy(queue_))));
}

Status IpcNamespace::copy_from(const IpcNamespace &original, Copier &copier) {
  copier.note_counterpart(original.shared_memory, shared_memory);
  TINE_TRY(shared_memory.copy_from(original.shared_memory, copier));
  TINE_TRY(semaphores.copy_from(original.semaphores));
  TINE_TRY(message_queues.copy_from(original.message_queues));
  posix_queues = TINE_TRY(copier.copy(original.posix_queues));
  return Done{};
}

Result<Ref<IpcNamespace>> IpcNamespace::copy(Copier &copier) const {
  Ref<IpcNamespace> made =
      make_ref<IpcNamespace>(*copier.counterpart(kernel_), id, TINE_TRY(copier.copy(owner)));
  TINE_TRY(made->copy_from(*this, copier));
  return made;
}

} // namespace tine::process
