// Locks that inherit priority, futex(2): their words hold the owner's tid, and the kernel hands
// them over.
#include "memory/address_space.hpp"
#include "process/kernel.hpp"
#include "process/namespaces.hpp"

#include <algorithm>
#include <linux/futex.h>
#include <utility>

namespace tine::process {
namespace {

/// The word of a lock that `owner` has now, in its memory. Nothing can be done about one that is
/// gone.
void write_new_owner(Thread &owner, GuestAddress address, bool has_waiters) {
  const u32 desired = static_cast<u32>(shown_pid(owner, owner.tid).value) | FUTEX_OWNER_DIED |
                      (has_waiters ? FUTEX_WAITERS : 0);
  const auto word = owner.memory->read_object<u32>(address);
  if (!word.ok())
    return;
  for (u32 found = *word;;)
    if (const auto replaced = exchange_futex_word(*owner.memory, address, found, desired);
        !replaced.ok() || *replaced)
      return;
}

} // namespace

Status FutexTable::enqueue_for_lock(Thread &thread, const FutexWord &lock, GuestAddress address,
                                    Thread &owner) {
  for (const Thread *next = &owner; next != nullptr; next = next->futex_waiter.lock_owner)
    if (next == &thread)
      return Errno{EDEADLK};
  enqueue(thread, lock.key, ~u32{0}, lock.object);
  thread.futex_waiter.lock_address = address;
  wait_for(thread, owner);
  return Done{};
}

Thread *FutexTable::first_lock_waiter(const FutexKey &key) const {
  const auto entry = queues_.find(key);
  if (entry == queues_.end())
    return nullptr;
  const std::vector<Thread *> &queue = entry->second;
  const auto found = std::find_if(queue.begin(), queue.end(), [](const Thread *thread) {
    return thread->futex_waiter.lock_owner != nullptr;
  });
  return found == queue.end() ? nullptr : *found;
}

void FutexTable::hand_over(const FutexKey &key) {
  Thread *const next = first_lock_waiter(key);
  if (next == nullptr)
    return;
  wake(*next, key);
  const auto *others = waiters(key);
  if (others == nullptr)
    return;
  for (Thread *other : std::vector<Thread *>(*others)) // waiting moves them in it
    if (Thread *owner = std::exchange(other->futex_waiter.lock_owner, nullptr)) {
      stop_waiting_for(*other, *owner);
      wait_for(*other, *next);
    }
}

void FutexTable::hand_over_locks_of(Thread &thread) {
  for (auto found = lock_waiters_.find(&thread); found != lock_waiters_.end();
       found = lock_waiters_.find(&thread)) {
    const FutexKey key = found->second->futex_waiter.key;
    Thread &next = *first_lock_waiter(key);
    write_new_owner(next, next.futex_waiter.lock_address, waiters(key)->size() > 1);
    hand_over(key);
  }
}

void FutexTable::priority_changed(Thread &thread) {
  const FutexWaiter &waiter = thread.futex_waiter;
  if (waiter.lock_owner == nullptr)
    return;
  take_off(thread, waiter.key);
  insert(thread, waiter.key);
  inherit_from_waiters(*waiter.lock_owner);
}

void FutexTable::wait_for(Thread &thread, Thread &owner) {
  thread.futex_waiter.lock_owner = &owner;
  lock_waiters_.emplace(&owner, &thread);
  inherit_from_waiters(owner);
}

void FutexTable::stop_waiting_for(Thread &thread, Thread &owner) {
  const auto [first, last] = lock_waiters_.equal_range(&owner);
  const auto entry = std::find_if(
      first, last, [&thread](const auto &candidate) { return candidate.second == &thread; });
  if (entry != last)
    lock_waiters_.erase(entry);
  inherit_from_waiters(owner);
}

/// Along the chain of who waits for whom, as far as that changes anything. enqueue_for_lock() sees
/// to it that it ends.
void FutexTable::inherit_from_waiters(Thread &owner) {
  int inherited = 0;
  const auto [first, last] = lock_waiters_.equal_range(&owner);
  for (auto entry = first; entry != last; ++entry)
    inherited = std::max(inherited, entry->second->priority());
  const int before = owner.priority();
  owner.kernel.host.scheduler.inherit(owner, inherited);
  if (owner.priority() != before)
    priority_changed(owner);
}

} // namespace tine::process
