// POSIX message queues: mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2),
// mq_notify(2), mq_getsetattr(2).
#include "process/namespaces.hpp"
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include "process/ipc/ipc_namespace.hpp"
#include "process/signals.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <poll.h>

namespace tine::syscall {
namespace {

using process::PosixQueue;
using process::QueueFile;
using process::QueueFs;

/// What the kernel copies: struct mq_attr with its reserved words.
struct GuestQueueAttributes {
  i64 flags = 0, maximum_messages = 0, message_size = 0, current_messages = 0;
  i64 reserved[4] = {};
};
static_assert(sizeof(GuestQueueAttributes) == sizeof(mq_attr));

/// EBADF.
Result<Ref<QueueFile>> queue_file(Call &call, int fd) {
  const Ref<QueueFile> file = ref_cast<QueueFile>(TINE_TRY(file_of(call, fd)));
  if (!file)
    return Errno{EBADF};
  return file;
}

/// A queue's name, which the C library passes without its slash. ENOENT, EACCES, ENAMETOOLONG.
Result<std::string> read_queue_name(Call &call, GuestAddress address) {
  std::string name = TINE_TRY(read_path(call, address));
  if (name.empty())
    return Errno{ENOENT};
  if (name.size() > NAME_MAX)
    return Errno{ENAMETOOLONG};
  if (name.find('/') != std::string::npos || name == "." || name == "..")
    return Errno{EACCES};
  return name;
}

/// What RLIMIT_MSGQUEUE counts for a queue: getrlimit(2).
u64 accounted_bytes(u64 messages, u64 message_bytes) {
  constexpr u64 message_header = 48, tree_node = 48;
  return messages * (message_bytes + message_header) +
         std::min<u64>(messages, process::posix_priority_limit) * tree_node;
}

/// mq_open(3): "EINVAL … attr->mq_maxmsg or attr->mq_msgsize was invalid"; EMFILE beyond
/// RLIMIT_MSGQUEUE, as Linux says it.
Result<QueueFs::NewQueue> new_queue(Call &call, u32 mode, GuestAddress address) {
  const fs::Credentials &who = call.thread.credentials;
  const process::PosixQueueLimits &limits = process::ipc_of(call.thread).posix_queues->limits;
  QueueFs::NewQueue result{{.mode = S_IFREG | (mode & 0777U & ~call.thread.fs->umask),
                            .uid = who.fsuid,
                            .gid = who.fsgid},
                           limits.default_messages,
                           limits.default_message_bytes};
  if (!address.is_null()) {
    const auto wanted = TINE_TRY(call.memory.read_object<GuestQueueAttributes>(address));
    const bool privileged = who.capable(CAP_SYS_RESOURCE);
    const i64 most = privileged ? i64{process::most_posix_messages} : i64{limits.messages};
    const i64 longest = privileged ? i64{process::most_posix_bytes} : i64{limits.message_bytes};
    if (wanted.maximum_messages <= 0 || wanted.message_size <= 0 ||
        wanted.maximum_messages > most || wanted.message_size > longest)
      return Errno{EINVAL};
    result.messages = static_cast<u32>(wanted.maximum_messages);
    result.message_bytes = static_cast<u32>(wanted.message_size);
  }
  u64 total = accounted_bytes(result.messages, result.message_bytes);
  for (const auto &[name, queue] : process::ipc_of(call.thread).posix_queues->queues())
    if (TINE_TRY(queue->attributes()).uid == who.fsuid)
      total += accounted_bytes(queue->capacity, queue->message_bytes);
  if (total > call.process.limit(RLIMIT_MSGQUEUE))
    return Errno{EMFILE};
  return result;
}

/// When an absolute CLOCK_REALTIME timeout is, as a duration from now. EINVAL.
Result<std::optional<Nanoseconds>> read_deadline(Call &call, GuestAddress address) {
  if (address.is_null())
    return std::optional<Nanoseconds>();
  const auto time = TINE_TRY(call.memory.read_object<timespec>(address));
  const Nanoseconds deadline = TINE_TRY(to_nanoseconds(time));
  return std::optional<Nanoseconds>(std::max<Nanoseconds>(deadline - time::wall_clock(), 0));
}

/// scratch[0] says which queue a thread receives from, for is_receiver_waiting.
SyscallResult sleep_on_posix_queue(Call &call, QueueFile &file,
                                   std::optional<Nanoseconds> timeout) {
  if (file.is_nonblocking())
    return Errno{EAGAIN};
  if (call.timed_out())
    return Errno{ETIMEDOUT};
  if (timeout)
    call.set_timeout(*timeout, true);
  call.state().scratch[0] = file.queue().number();
  return wait_for_file(call, file, POLLIN | POLLOUT);
}

bool is_receiver_waiting(Call &call, const PosixQueue &queue) {
  for (const auto &[pid, process] : call.kernel.processes())
    for (const Ref<process::Thread> &thread : process->threads)
      if (thread->syscall_number == SYS_mq_timedreceive && thread->syscall_state.retrying &&
          thread->syscall_state.scratch[0] == queue.number())
        return true;
  return false;
}

/// mq_notify(3): "Message notification occurs only when a new message arrives and the queue was
/// previously empty"; the registration is used up.
void notify(Call &call, PosixQueue &queue) {
  if (!queue.notification || queue.count() != 1 || is_receiver_waiting(call, queue))
    return;
  const process::QueueNotification &registered = *queue.notification;
  process::Process *target = call.kernel.find_process(registered.process);
  if (target != nullptr && registered.method == SIGEV_SIGNAL && registered.signal != 0) {
    siginfo_t info = process::user_signal(registered.signal, SI_MESGQ, call.thread);
    info.si_value = registered.value;
    process::send_signal(*target, info);
  }
  queue.end_notification(PosixQueue::NotificationEnd::message);
}

Status register_notification(Call &call, PosixQueue &queue, const sigevent &event) {
  process::QueueNotification wanted;
  wanted.process = call.process.pid;
  wanted.method = event.sigev_notify;
  wanted.value = event.sigev_value;
  switch (event.sigev_notify) {
  case SIGEV_NONE:
    break;
  case SIGEV_SIGNAL:
    wanted.signal = event.sigev_signo;
    break;
  case SIGEV_THREAD:
    wanted.socket = ref_cast<net::NetlinkSocket>(TINE_TRY(file_of(call, event.sigev_signo)));
    if (!wanted.socket)
      return Errno{EINVAL};
    TINE_TRY(call.memory.read(GuestAddress{reinterpret_cast<u64>(event.sigev_value.sival_ptr)},
                              wanted.cookie));
    break;
  default:
    return Errno{EINVAL};
  }
  const process::Process *owner =
      queue.notification ? call.kernel.find_process(queue.notification->process) : nullptr;
  if (owner != nullptr && !owner->is_zombie())
    return Errno{EBUSY};
  queue.notification = std::move(wanted);
  return Done{};
}

} // namespace

SyscallResult sys_mq_open(Call &call, GuestAddress address, u32 flags, u32 mode,
                          GuestAddress attributes) {
  const std::string name = TINE_TRY(read_queue_name(call, address));
  QueueFs &queues = *process::ipc_of(call.thread).posix_queues;
  const fs::Credentials &who = call.thread.credentials;
  const u32 access = flags & O_ACCMODE;
  if (access == O_ACCMODE)
    return Errno{EINVAL};
  Ref<PosixQueue> queue = queues.find(name);
  if (queue && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
    return Errno{EEXIST};
  if (!queue) {
    if ((flags & O_CREAT) == 0)
      return Errno{ENOENT};
    const QueueFs::NewQueue wanted = TINE_TRY(new_queue(call, mode, attributes));
    queue = TINE_TRY(queues.create(name, wanted, who.capable(CAP_SYS_RESOURCE)));
  } else {
    const u32 mask = access == O_RDONLY ? 4U : access == O_WRONLY ? 2U : 6U;
    TINE_TRY(fs::check_permission(who, *queue, mask));
  }
  Ref<fs::File> file =
      TINE_TRY(queue->open(queues.path_of(name, queue), flags & (O_ACCMODE | O_NONBLOCK), who));
  // "mq_open … the close-on-exec flag is set automatically".
  return install_file(call, std::move(file), true);
}

SyscallResult sys_mq_unlink(Call &call, GuestAddress address) {
  const std::string name = TINE_TRY(read_queue_name(call, address));
  QueueFs &queues = *process::ipc_of(call.thread).posix_queues;
  const Ref<PosixQueue> queue = queues.find(name);
  if (!queue)
    return Errno{ENOENT};
  TINE_TRY(fs::check_sticky(call.thread.credentials, *queues.root(), *queue));
  return queues.unlink(name);
}

SyscallResult sys_mq_timedsend(Call &call, int fd, GuestAddress address, u64 length, u32 priority,
                               GuestAddress deadline) {
  if (priority >= process::posix_priority_limit)
    return Errno{EINVAL};
  const auto timeout = TINE_TRY(read_deadline(call, deadline));
  const Ref<QueueFile> file = TINE_TRY(queue_file(call, fd));
  if (!file->is_writable())
    return Errno{EBADF};
  PosixQueue &queue = file->queue();
  if (length > queue.message_bytes)
    return Errno{EMSGSIZE};
  std::vector<std::byte> text(length);
  TINE_TRY(call.memory.read(address, text));
  if (queue.is_full())
    return sleep_on_posix_queue(call, *file, timeout);
  queue.send(std::move(text), priority);
  notify(call, queue);
  return 0;
}

SyscallResult sys_mq_timedreceive(Call &call, int fd, GuestAddress address, u64 length,
                                  GuestAddress priority, GuestAddress deadline) {
  const auto timeout = TINE_TRY(read_deadline(call, deadline));
  const Ref<QueueFile> file = TINE_TRY(queue_file(call, fd));
  if (!file->is_readable())
    return Errno{EBADF};
  PosixQueue &queue = file->queue();
  if (length < queue.message_bytes)
    return Errno{EMSGSIZE};
  if (queue.is_empty())
    return sleep_on_posix_queue(call, *file, timeout);
  const PosixQueue::Received message = queue.receive();
  if (!priority.is_null())
    TINE_TRY(call.memory.write_object(priority, message.priority));
  TINE_TRY(call.memory.write(address, message.text));
  return message.text.size();
}

SyscallResult sys_mq_notify(Call &call, int fd, GuestAddress address) {
  std::optional<sigevent> event;
  if (!address.is_null())
    event = TINE_TRY(call.memory.read_object<sigevent>(address));
  if (event && event->sigev_notify != SIGEV_NONE && event->sigev_notify != SIGEV_THREAD &&
      (event->sigev_notify != SIGEV_SIGNAL || event->sigev_signo < 0 || event->sigev_signo > 64))
    return Errno{EINVAL}; // before the descriptor is looked at
  const Ref<QueueFile> file = TINE_TRY(queue_file(call, fd));
  PosixQueue &queue = file->queue();
  if (event)
    return register_notification(call, queue, *event);
  if (queue.notification && queue.notification->process == call.process.pid)
    queue.end_notification(PosixQueue::NotificationEnd::removed);
  return 0;
}

SyscallResult sys_mq_getsetattr(Call &call, int fd, GuestAddress new_address,
                                GuestAddress old_address) {
  std::optional<GuestQueueAttributes> wanted;
  if (!new_address.is_null()) {
    wanted = TINE_TRY(call.memory.read_object<GuestQueueAttributes>(new_address));
    if ((wanted->flags & ~i64{O_NONBLOCK}) != 0)
      return Errno{EINVAL};
  }
  const Ref<QueueFile> file = TINE_TRY(queue_file(call, fd));
  const PosixQueue &queue = file->queue();
  const GuestQueueAttributes old{.flags = file->status_flags() & O_NONBLOCK,
                                 .maximum_messages = queue.capacity,
                                 .message_size = queue.message_bytes,
                                 .current_messages = queue.count()};
  if (wanted)
    file->set_status_flags((file->status_flags() & ~u32{O_NONBLOCK}) |
                           static_cast<u32>(wanted->flags));
  if (!old_address.is_null())
    TINE_TRY(call.memory.write_object(old_address, old));
  return 0;
}

} // namespace tine::syscall
