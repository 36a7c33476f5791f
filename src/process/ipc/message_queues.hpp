// System V message queues: msgget(2), msgop(2), msgctl(2).
#pragma once

#include "process/ipc/ipc_table.hpp"
#include "sched/wait_queue.hpp"

#include <list>
#include <memory>
#include <sys/msg.h>
#include <vector>

namespace tine::process {

/// /proc/sys/kernel/msg*.
struct MessageLimits {
  u64 largest_message = 8192; ///< msgmax, bytes
  u64 queue_bytes = 16384;    ///< msgmnb
  u64 queues = 32000;         ///< msgmni
};

struct Message {
  i64 type = 0;
  std::vector<std::byte> text;
};

struct MessageQueue {
  IpcPermissions permissions;
  std::list<Message> messages;
  u64 bytes = 0;    ///< sum of the messages' lengths
  u64 capacity = 0; ///< msg_qbytes
  i64 send_time = 0, receive_time = 0, change_time = 0;
  Pid last_sender, last_receiver;
  /// Those that sleep try again when a message came or went, or the queue is removed.
  std::unique_ptr<sched::WaitQueue> changed = std::make_unique<sched::WaitQueue>();

  /// The queue in the copy of a box.
  [[nodiscard]] Result<MessageQueue> copy() const;
  [[nodiscard]] msqid_ds to_guest() const;
  [[nodiscard]] bool has_room(u64 length) const {
    return bytes + length <= capacity && messages.size() + 1 <= capacity;
  }
  /// The message that msgrcv(2) means by its type and MSG_EXCEPT; end() if there is none.
  [[nodiscard]] std::list<Message>::iterator choose(i64 type, bool except);
};

/// Guarded by the kernel lock.
class MessageQueues {
public:
  MessageLimits limits;

  /// msgget(2): ENOSPC, ENOENT, EEXIST, EACCES.
  [[nodiscard]] Result<i32> get(const IpcRequest &request, const fs::Credentials &who);
  void send(MessageQueue &queue, Message message, Pid sender);
  [[nodiscard]] Message receive(MessageQueue &queue, std::list<Message>::iterator message,
                                Pid receiver);
  /// IPC_RMID: those that wait find the queue gone (EIDRM).
  void remove(MessageQueue &queue);
  [[nodiscard]] Status copy_from(const MessageQueues &original);
  void archive(Archive &archive);
  [[nodiscard]] IpcTable<MessageQueue> &queues() { return queues_; }

private:
  IpcTable<MessageQueue> queues_;
};

} // namespace tine::process
