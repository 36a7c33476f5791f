#include "process/robust_list.hpp"

#include "process/kernel.hpp"
#include "process/namespaces.hpp"

#include <linux/futex.h>

namespace tine::process {
namespace {

/// Kernel's limit against loops in the guest's list: ROBUST_LIST_LIMIT.
constexpr int longest_list = 2048;

void release_futex(Thread &thread, GuestAddress address, bool priority_inheriting,
                   bool is_pending) {
  if ((address.value & 3) != 0)
    return;
  const auto word = thread.memory->read_object<u32>(address);
  if (!word.ok())
    return;
  const u32 owner = *word & FUTEX_TID_MASK;
  Ref<memory::PageObject> object;
  const auto key = FutexTable::key_of(*thread.memory, address, false, object);
  // A thread that died between its wake-up and taking the lock leaves the word zero: pass the
  // wake-up on.
  if (is_pending && !priority_inheriting && *word == 0) {
    if (key.ok())
      thread.kernel.futexes->wake(*key, 1, ~u32{0});
    return;
  }
  if (owner != static_cast<u32>(shown_pid(thread, thread.tid).value))
    return;
  // A priority-inheriting lock is handed over: its first waiter finds itself the owner.
  u32 next_word = FUTEX_OWNER_DIED;
  const FutexTable &table = *thread.kernel.futexes;
  if (const Thread *next =
          priority_inheriting && key.ok() ? table.first_lock_waiter(*key) : nullptr)
    next_word |= static_cast<u32>(shown_pid(*next, next->tid).value) |
                 (table.waiters(*key)->size() > 1 ? FUTEX_WAITERS : 0);
  u32 found = *word;
  while ((found & FUTEX_TID_MASK) == owner) {
    const auto replaced = exchange_futex_word(
        *thread.memory, address, found,
        priority_inheriting ? next_word : (found & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
    if (!replaced.ok())
      return;
    if (*replaced)
      break;
  }
  if (!key.ok())
    return;
  if (priority_inheriting)
    thread.kernel.futexes->hand_over(*key);
  else if ((found & FUTEX_WAITERS) != 0)
    thread.kernel.futexes->wake(*key, 1, ~u32{0});
}

} // namespace

void release_robust_list(Thread &thread) {
  if (thread.robust_list.is_null() || !thread.memory)
    return;
  const auto head = thread.memory->read_object<robust_list_head>(thread.robust_list);
  if (!head.ok())
    return;
  const u64 head_address = thread.robust_list.value;
  const auto futex_of = [&](u64 entry) {
    return GuestAddress{(entry & ~u64{1}) + static_cast<u64>(head->futex_offset)};
  };
  const u64 pending = reinterpret_cast<u64>(head->list_op_pending);
  u64 entry = reinterpret_cast<u64>(head->list.next);
  for (int count = 0; count < longest_list && (entry & ~u64{1}) != head_address; ++count) {
    const auto next = thread.memory->read_object<u64>(GuestAddress{entry & ~u64{1}});
    if ((entry & ~u64{1}) != (pending & ~u64{1}))
      release_futex(thread, futex_of(entry), (entry & 1) != 0, false);
    if (!next.ok())
      break;
    entry = *next;
  }
  if (pending != 0)
    release_futex(thread, futex_of(pending), (pending & 1) != 0, true);
  thread.robust_list = {};
}

} // namespace tine::process
