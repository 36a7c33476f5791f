#include "sched/wait_queue.hpp"

#include <algorithm>
#include <utility>

namespace tine::sched {

void WakeTarget::wait_on(WaitQueue &queue) {
  if (std::find(queues_.begin(), queues_.end(), &queue) != queues_.end())
    return;
  queues_.push_back(&queue);
  queue.targets_.push_back(this);
}

void WakeTarget::leave(WaitQueue &queue) {
  std::erase(queues_, &queue);
  std::erase(queue.targets_, this);
}

void WakeTarget::leave_all() {
  for (WaitQueue *queue : queues_)
    std::erase(queue->targets_, this);
  queues_.clear();
}

WaitQueue::~WaitQueue() {
  for (WakeTarget *target : targets_)
    std::erase(target->queues_, this);
}

void WaitQueue::wake_all() {
  wake(~u32{0});
}

u32 WaitQueue::wake(u32 count) {
  // Targets may leave while they are told; one that left before its turn is not told.
  const std::vector<WakeTarget *> chosen(
      targets_.begin(), targets_.begin() + static_cast<std::ptrdiff_t>(
                                               std::min<std::size_t>(count, targets_.size())));
  bool exclusive_told = false;
  for (WakeTarget *target : chosen) {
    if (std::find(targets_.begin(), targets_.end(), target) == targets_.end())
      continue;
    if (target->is_exclusive() && std::exchange(exclusive_told, true))
      continue;
    target->woken(*this);
  }
  return static_cast<u32>(chosen.size());
}

} // namespace tine::sched
