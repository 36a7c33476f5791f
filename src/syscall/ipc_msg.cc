// System V message queues: msgget(2), msgop(2), msgctl(2).
#include "process/namespaces.hpp"
#include "syscall/handlers.hpp"

#include "process/ipc/ipc_namespace.hpp"

#include <limits>
#include <linux/capability.h>

namespace tine::syscall {
namespace {

using process::MessageQueue;
using process::MessageQueues;

MessageQueues &message_queues(Call &call) {
  return process::ipc_of(call.thread).message_queues;
}

/// EINVAL; EIDRM if the caller slept meanwhile.
Result<MessageQueue *> queue_of(Call &call, int id) {
  MessageQueue *found = message_queues(call).queues().find(id);
  if (found != nullptr)
    return found;
  return call.state().retrying ? Errno{EIDRM} : Errno{EINVAL};
}

SyscallResult sleep_on_queue(Call &call, const MessageQueue &queue) {
  call.thread.wait_on(*queue.changed);
  return blocked(Interrupt::no_restart);
}

/// MSG_COPY: the message at an index, which stays.
SyscallResult copy_message(Call &call, const MessageQueue &queue, GuestAddress address, u64 length,
                           i64 index, int flags) {
  if (index < 0 || static_cast<u64>(index) >= queue.messages.size())
    return Errno{ENOMSG};
  const process::Message &message = *std::next(queue.messages.begin(), index);
  if (message.text.size() > length) // a copy is never truncated
    return Errno{(flags & MSG_NOERROR) == 0 ? E2BIG : EINVAL};
  const u64 count = message.text.size();
  TINE_TRY(call.memory.write_object(address, message.type));
  TINE_TRY(call.memory.write(address + sizeof(i64), std::span(message.text).first(count)));
  return count;
}

SyscallResult put_msg_limits(Call &call, int command, GuestAddress address) {
  MessageQueues &all = message_queues(call);
  msginfo info{};
  info.msgmni = static_cast<int>(all.limits.queues);
  info.msgmax = static_cast<int>(all.limits.largest_message);
  info.msgmnb = static_cast<int>(all.limits.queue_bytes);
  info.msgssz = 16;
  info.msgseg = 0xffff;
  info.msgpool = static_cast<int>(all.limits.queues * all.limits.queue_bytes / 1024);
  info.msgmap = info.msgtql = static_cast<int>(all.limits.queue_bytes);
  if (command == MSG_INFO) {
    info.msgpool = static_cast<int>(all.queues().size());
    info.msgmap = info.msgtql = 0;
    for (const auto &[index, queue] : all.queues().all()) {
      info.msgmap += static_cast<int>(queue.messages.size());
      info.msgtql += static_cast<int>(queue.bytes);
    }
  }
  TINE_TRY(call.memory.write_object(address, info));
  return all.queues().highest_index();
}

SyscallResult put_msg_state(Call &call, const MessageQueue &queue, GuestAddress address, int result,
                            bool check) {
  if (check)
    TINE_TRY(queue.permissions.check(call.thread.credentials, 0444));
  TINE_TRY(call.memory.write_object(address, queue.to_guest()));
  return result;
}

SyscallResult set_msg_state(Call &call, MessageQueue &queue, GuestAddress address) {
  const auto wanted = TINE_TRY(call.memory.read_object<msqid_ds>(address));
  const fs::Credentials &who = call.thread.credentials;
  TINE_TRY(queue.permissions.check_owner(who));
  if (wanted.msg_qbytes > message_queues(call).limits.queue_bytes && !who.capable(CAP_SYS_RESOURCE))
    return Errno{EPERM};
  TINE_TRY(queue.permissions.set(wanted.msg_perm));
  queue.capacity = wanted.msg_qbytes;
  queue.change_time = process::ipc_now();
  queue.changed->wake_all();
  return 0;
}

} // namespace

SyscallResult sys_msgget(Call &call, int key, int flags) {
  return message_queues(call).get({key, flags}, call.thread.credentials);
}

SyscallResult sys_msgsnd(Call &call, int id, GuestAddress address, u64 length, int flags) {
  const auto type = TINE_TRY(call.memory.read_object<i64>(address));
  if (length > message_queues(call).limits.largest_message || id < 0 || type < 1)
    return Errno{EINVAL};
  process::Message message{type, std::vector<std::byte>(length)};
  TINE_TRY(call.memory.read(address + sizeof(i64), message.text));
  MessageQueue &queue = *TINE_TRY(queue_of(call, id));
  TINE_TRY(queue.permissions.check(call.thread.credentials, 0222));
  if (!queue.has_room(length)) {
    if ((flags & IPC_NOWAIT) != 0)
      return Errno{EAGAIN};
    return sleep_on_queue(call, queue);
  }
  message_queues(call).send(queue, std::move(message), call.process.pid);
  return 0;
}

SyscallResult sys_msgrcv(Call &call, int id, GuestAddress address, u64 length, i64 type,
                         int flags) {
  if (id < 0 || length > static_cast<u64>(std::numeric_limits<i64>::max()))
    return Errno{EINVAL};
  const bool copies = (flags & MSG_COPY) != 0;
  if (copies && ((flags & MSG_EXCEPT) != 0 || (flags & IPC_NOWAIT) == 0))
    return Errno{EINVAL};
  MessageQueue &queue = *TINE_TRY(queue_of(call, id));
  TINE_TRY(queue.permissions.check(call.thread.credentials, 0444));
  if (copies)
    return copy_message(call, queue, address, length, type, flags);
  const auto chosen = queue.choose(type, (flags & MSG_EXCEPT) != 0);
  if (chosen == queue.messages.end()) {
    if ((flags & IPC_NOWAIT) != 0)
      return Errno{ENOMSG};
    return sleep_on_queue(call, queue);
  }
  if (chosen->text.size() > length && (flags & MSG_NOERROR) == 0)
    return Errno{E2BIG};
  const process::Message message = message_queues(call).receive(queue, chosen, call.process.pid);
  const u64 count = std::min<u64>(length, message.text.size());
  // As in Linux, a bad address loses the message.
  TINE_TRY(call.memory.write_object(address, message.type));
  TINE_TRY(call.memory.write(address + sizeof(i64), std::span(message.text).first(count)));
  return count;
}

SyscallResult sys_msgctl(Call &call, int id, int command, GuestAddress address) {
  constexpr int stat_any = 13; // MSG_STAT_ANY
  if (id < 0 || command < 0)
    return Errno{EINVAL};
  switch (command) {
  case IPC_INFO:
  case MSG_INFO:
    return put_msg_limits(call, command, address);
  case MSG_STAT:
  case stat_any: {
    const MessageQueue *queue = message_queues(call).queues().at_index(id);
    if (queue == nullptr)
      return Errno{EINVAL};
    return put_msg_state(call, *queue, address, queue->permissions.id, command == MSG_STAT);
  }
  case IPC_STAT:
    return put_msg_state(call, *TINE_TRY(queue_of(call, id)), address, 0, true);
  case IPC_SET:
    return set_msg_state(call, *TINE_TRY(queue_of(call, id)), address);
  case IPC_RMID: {
    MessageQueue &queue = *TINE_TRY(queue_of(call, id));
    TINE_TRY(queue.permissions.check_owner(call.thread.credentials));
    message_queues(call).remove(queue);
    return 0;
  }
  default:
    return Errno{EINVAL};
  }
}

} // namespace tine::syscall
