#include "process/ipc/message_queues.hpp"

#include <algorithm>
#include <limits>

namespace tine::process {

msqid_ds MessageQueue::to_guest() const {
  msqid_ds result{};
  result.msg_perm = permissions.to_guest();
  result.msg_stime = send_time;
  result.msg_rtime = receive_time;
  result.msg_ctime = change_time;
  result.__msg_cbytes = bytes;
  result.msg_qnum = messages.size();
  result.msg_qbytes = capacity;
  result.msg_lspid = last_sender.value;
  result.msg_lrpid = last_receiver.value;
  return result;
}

std::list<Message>::iterator MessageQueue::choose(i64 type, bool except) {
  if (type == 0)
    return messages.begin();
  if (type > 0)
    return std::find_if(messages.begin(), messages.end(),
                        [&](const Message &message) { return (message.type == type) != except; });
  // "the first message in the queue with the lowest type less than or equal to the absolute value"
  constexpr i64 largest = std::numeric_limits<i64>::max();
  const i64 limit = type == std::numeric_limits<i64>::min() ? largest : -type;
  auto best = messages.end();
  for (auto at = messages.begin(); at != messages.end(); ++at)
    if (at->type <= limit && (best == messages.end() || at->type < best->type))
      best = at;
  return best;
}

Result<i32> MessageQueues::get(const IpcRequest &request, const fs::Credentials &who) {
  if (MessageQueue *found = TINE_TRY(queues_.look_up(request))) {
    TINE_TRY(found->permissions.check(who, static_cast<u32>(request.flags)));
    return found->permissions.id;
  }
  if (queues_.size() >= std::min<u64>(limits.queues, IpcNumbers::index_limit))
    return Errno{ENOSPC};
  MessageQueue &queue = queues_.create(request, who);
  queue.capacity = limits.queue_bytes;
  queue.change_time = ipc_now();
  return queue.permissions.id;
}

void MessageQueues::send(MessageQueue &queue, Message message, Pid sender) {
  queue.bytes += message.text.size();
  queue.messages.push_back(std::move(message));
  queue.send_time = ipc_now();
  queue.last_sender = sender;
  queue.changed->wake_all();
}

Message MessageQueues::receive(MessageQueue &queue, std::list<Message>::iterator chosen,
                               Pid receiver) {
  Message message = std::move(*chosen);
  queue.messages.erase(chosen);
  queue.bytes -= message.text.size();
  queue.receive_time = ipc_now();
  queue.last_receiver = receiver;
  queue.changed->wake_all();
  return message;
}

void MessageQueues::remove(MessageQueue &queue) {
  queue.changed->wake_all();
  queues_.remove(queue.permissions.id);
}

} // namespace tine::process
