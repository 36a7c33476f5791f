// A saved box: its System V objects and POSIX message queues.
#include "process/ipc/ipc_namespace.hpp"
#include "process/kernel.hpp"
#include "process/saved_classes.hpp"
#include "process/signal_types.hpp"

namespace tine::process {

void add_saved_ipc(ArchiveClasses &classes) {
  classes.add<IpcNamespace>("ipc namespace");
  classes.add<SemaphoreUndo>("semaphore adjustments");
  classes.add<Segment>("shared memory segment");
  classes.add<QueueFs>("message queues");
  classes.add<PosixQueue>("message queue");
  classes.add<QueueFile>("open message queue");
}

/// The box's first is there already, in its kernel.
Ref<RefCounted> IpcNamespace::archive_head(Archive &archive, IpcNamespace *saved) {
  u64 id = saved ? saved->id : 0;
  Ref<fs::UserNamespace> owner = saved ? saved->owner : nullptr;
  archive(id, owner);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  Kernel &kernel = *archive.context<Kernel>();
  if (id == 0)
    return kernel.ipc;
  return make_ref<IpcNamespace>(kernel, id, owner);
}

void IpcNamespace::archive_body(Archive &archive) {
  shared_memory.archive(archive);
  semaphores.archive(archive);
  message_queues.archive(archive);
  archive.required(posix_queues);
}

void SharedMemory::archive(Archive &archive) {
  archive(limits.largest_segment, limits.total_pages, limits.segments);
  segments_.archive(archive, [this](Archive &one, SegmentEntry &entry) {
    Ref<Segment> segment(entry.segment);
    bool kept = entry.keep != nullptr;
    one.required(segment);
    one(kept, entry.attach_time, entry.detach_time, entry.change_time, entry.creator, entry.last);
    if (!one.is_reading() || !one.ok())
      return;
    if (segment->table != nullptr)
      return one.fail("it has a shared memory segment in two places");
    segment->table = this;
    segment->id = entry.permissions.id;
    entry.segment = segment.get();
    entry.keep = kept ? segment : Ref<Segment>();
  });
}

Ref<RefCounted> Segment::archive_head(Archive &archive, Segment *saved) {
  Ref<memory::AnonymousPageObject> pages = saved ? saved->pages_ : nullptr;
  archive.required(pages);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return Ref<Segment>(new Segment(nullptr, pages));
}

void Segment::archive_body(Archive &archive) {
  i32 number = id;
  archive(number, first_key, size_);
  if (table == nullptr)
    id = number;
}

void Semaphores::archive(Archive &archive) {
  archive(limits.per_set, limits.total, limits.operations, limits.sets, last_undo_, last_ticket_);
  sets_.archive(archive, [](Archive &one, SemaphoreSet &set) {
    one.sequence(set.semaphores,
                 [&](Semaphore &semaphore) { one(semaphore.value, semaphore.last); });
    one(set.operation_time, set.change_time, set.adjustments);
    one.sequence(set.waiting, [&](WaitingOperation &waiting) {
      one(waiting.thread, waiting.process, waiting.ticket, waiting.undo, waiting.blocking);
      one.sequence(waiting.operations, [&](sembuf &operation) { one.plain(operation); });
      bool valid = waiting.blocking < waiting.operations.size();
      for (const sembuf &operation : waiting.operations)
        valid = valid && operation.sem_num < set.semaphores.size();
      if (!valid)
        one.fail("it has a semaphore operation that can't be");
    });
    for (const auto &[undo, values] : set.adjustments)
      if (values.size() != set.semaphores.size())
        one.fail("it has semaphore adjustments that can't be");
    for (const Semaphore &semaphore : set.semaphores)
      if (semaphore.value < 0 || semaphore.value > largest_semaphore_value)
        one.fail("it has a semaphore that can't be");
  });
}

void MessageQueues::archive(Archive &archive) {
  archive(limits.largest_message, limits.queue_bytes, limits.queues);
  queues_.archive(archive, [](Archive &one, MessageQueue &queue) {
    one.sequence(queue.messages, [&](Message &message) { one(message.type, message.text); });
    one(queue.capacity, queue.send_time, queue.receive_time, queue.change_time, queue.last_sender,
        queue.last_receiver);
    queue.bytes = 0;
    for (const Message &message : queue.messages)
      queue.bytes += message.text.size();
  });
}

Ref<RefCounted> SemaphoreUndo::archive_head(Archive &archive, SemaphoreUndo *saved) {
  u64 number = saved ? saved->number : 0;
  archive(number);
  return saved ? Ref<RefCounted>(saved) : make_ref<SemaphoreUndo>(number);
}

Ref<RefCounted> QueueFs::archive_head(Archive &archive, QueueFs *saved) {
  u64 device = saved ? saved->device() : 0;
  archive(device);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  reserve_device(device);
  return make_ref<QueueFs>(device);
}

void QueueFs::archive_body(Archive &archive) {
  archive(limits.queues, limits.messages, limits.message_bytes, limits.default_messages,
          limits.default_message_bytes, next_number_);
  std::map<std::string, Ref<PosixQueue>> queues(queues_.begin(), queues_.end());
  archive(queues);
  if (!archive.is_reading() || !archive.ok())
    return;
  for (auto &[name, queue] : queues) {
    if (!queue || &queue->file_system() != this)
      return archive.fail("it has a message queue that can't be");
    queues_.emplace(name, queue);
  }
}

Ref<RefCounted> PosixQueue::archive_head(Archive &archive, PosixQueue *saved) {
  Ref<QueueFs> file_system(saved ? &saved->file_system_ : nullptr);
  fs::Attributes attributes = saved ? saved->attributes_ : fs::Attributes{};
  u32 capacity = saved ? saved->capacity : 0, message_bytes = saved ? saved->message_bytes : 0;
  archive.required(file_system);
  archive(attributes, capacity, message_bytes);
  if (saved || !file_system || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<PosixQueue>(*file_system, attributes, capacity, message_bytes);
}

void PosixQueue::archive_body(Archive &archive) {
  archive(messages_);
  bool notifies = notification.has_value();
  archive(notifies);
  if (notifies) {
    QueueNotification wanted = notification.value_or(QueueNotification{});
    archive(wanted.process, wanted.method, wanted.signal, wanted.socket);
    archive.plain(wanted.value);
    archive.plain(wanted.cookie);
    if (wanted.signal < 0 || wanted.signal > highest_signal)
      archive.fail("it has a signal that can't be");
    notification = wanted;
  }
  count_ = 0;
  bytes_ = 0;
  for (auto &[priority, texts] : messages_) {
    if (texts.empty())
      archive.fail("it has a message queue that can't be");
    for (const std::vector<std::byte> &text : texts) {
      ++count_;
      bytes_ += text.size();
      if (text.size() > message_bytes)
        archive.fail("it has a message queue that can't be");
    }
  }
  if (count_ > capacity)
    archive.fail("it has a message queue that can't be");
}

Ref<RefCounted> QueueFile::archive_head(Archive &archive, QueueFile *saved) {
  return archive_file(archive, saved, [&](u32 flags) -> Ref<fs::File> {
    fs::Path place = saved ? saved->place_ : fs::Path{};
    Ref<PosixQueue> queue = saved ? saved->queue_ : nullptr;
    archive(place);
    archive.required(queue);
    if (saved || !archive.ok() || !place || place.dentry->inode() != queue)
      return nullptr;
    return make_ref<QueueFile>(place, flags, queue);
  });
}

} // namespace tine::process
