// What CLONE_NEWIPC separates: the System V objects and the POSIX message queues.
#pragma once

#include "process/ipc/message_queues.hpp"
#include "process/ipc/posix_queues.hpp"
#include "process/ipc/semaphores.hpp"
#include "process/ipc/shared_memory.hpp"

namespace tine::process {

/// Owned by the kernel of the box (the first) and by the threads in it. Guarded by the kernel lock.
class IpcNamespace final : public RefCounted {
public:
  explicit IpcNamespace(Kernel &kernel, u64 id_ = 0, Ref<fs::UserNamespace> owner_ = nullptr)
      : id(id_), owner(std::move(owner_)), semaphores(kernel), posix_queues(make_ref<QueueFs>()),
        kernel_(kernel) {}

  const u64 id; ///< inode number of /proc/PID/ns/ipc; 0: the box's first
  const Ref<fs::UserNamespace> owner;
  SharedMemory shared_memory;
  Semaphores semaphores;
  MessageQueues message_queues;
  Ref<QueueFs> posix_queues;

  /// For the fork of a box: what `original` holds, into an empty one.
  [[nodiscard]] Status copy_from(const IpcNamespace &original, Copier &copier);
  /// One that isn't the first in the copy of a box.
  [[nodiscard]] Result<Ref<IpcNamespace>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, IpcNamespace *saved);
  void archive_body(Archive &archive);

private:
  Kernel &kernel_;
};

} // namespace tine::process
