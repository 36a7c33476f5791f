// What CLONE_NEWIPC would separate: the System V objects and the POSIX message queues of a box.
#pragma once

#include "process/ipc/message_queues.hpp"
#include "process/ipc/posix_queues.hpp"
#include "process/ipc/semaphores.hpp"
#include "process/ipc/shared_memory.hpp"

namespace tine::process {

/// Owned by the kernel of the box. Guarded by the kernel lock.
class IpcNamespace {
public:
  explicit IpcNamespace(Kernel &kernel) : semaphores(kernel), posix_queues(make_ref<QueueFs>()) {}

  SharedMemory shared_memory;
  Semaphores semaphores;
  MessageQueues message_queues;
  Ref<QueueFs> posix_queues;
};

} // namespace tine::process
