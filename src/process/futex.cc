#include "process/futex.hpp"

#include "memory/address_space.hpp"
#include "process/thread.hpp"

#include <algorithm>
#include <atomic>

namespace tine::process {

Result<FutexKey> FutexTable::key_of(memory::AddressSpace &space, GuestAddress address,
                                    bool is_private, Ref<memory::PageObject> &object) {
  if ((address.value & 3) != 0)
    return Errno{EINVAL};
  if (address.value > user_address_limit - sizeof(u32))
    return Errno{EFAULT};
  if (is_private)
    return FutexKey{&space, address.value};
  const auto mapping = space.mapping_at(address);
  if (!mapping)
    return Errno{EFAULT};
  if (!mapping->shared || !mapping->object)
    return FutexKey{&space, address.value};
  object = mapping->object;
  const u64 page = mapping->object_page + (address.page() - mapping->range.first);
  return FutexKey{object.get(), (page << page_shift) + address.page_offset()};
}

Result<bool> exchange_futex_word(memory::AddressSpace &space, GuestAddress address, u32 &expected,
                                 u32 desired) {
  if ((address.value & 3) != 0)
    return Errno{EINVAL};
  const std::span<std::byte> bytes =
      TINE_TRY(space.window(address, sizeof(u32), memory::Access::write));
  std::atomic_ref<u32> word(*reinterpret_cast<u32 *>(bytes.data()));
  return word.compare_exchange_strong(expected, desired);
}

void FutexTable::enqueue(Thread &thread, const FutexKey &key, u32 bitset,
                         Ref<memory::PageObject> object) {
  remove(thread);
  insert(thread, key);
  thread.futex_waiter = {.queued = true, .key = key, .bitset = bitset, .object = std::move(object)};
}

void FutexTable::enqueue_words(Thread &thread, std::vector<FutexWord> words) {
  remove(thread);
  for (const FutexWord &word : words)
    insert(thread, word.key);
  thread.futex_waiter.queued = true;
  thread.futex_waiter.words = std::move(words);
}

/// By priority, as Linux's plist: sem_post(3) and the like wake "the highest priority thread that
/// has been waiting the longest" (POSIX).
void FutexTable::insert(Thread &thread, const FutexKey &key) {
  std::vector<Thread *> &queue = queues_[key];
  auto place = queue.end();
  while (place != queue.begin() && (*std::prev(place))->priority() < thread.priority())
    --place;
  queue.insert(place, &thread);
}

void FutexTable::take_off(Thread &thread, const FutexKey &key) {
  const auto entry = queues_.find(key);
  if (entry == queues_.end()) // the same word twice in a vector
    return;
  std::erase(entry->second, &thread);
  if (entry->second.empty())
    queues_.erase(entry);
}

void FutexTable::remove(Thread &thread) {
  FutexWaiter &waiter = thread.futex_waiter;
  if (!waiter.queued)
    return;
  if (waiter.words.empty())
    take_off(thread, waiter.key);
  for (const FutexWord &word : waiter.words)
    take_off(thread, word.key);
  Thread *const lock_owner = waiter.lock_owner;
  waiter = {};
  if (lock_owner)
    stop_waiting_for(thread, *lock_owner);
}

u32 FutexTable::wake(const FutexKey &key, u32 count, u32 bitset) {
  const auto entry = queues_.find(key);
  if (entry == queues_.end())
    return 0;
  std::vector<Thread *> chosen;
  for (Thread *thread : entry->second)
    if (chosen.size() < count && (thread->futex_waiter.bitset & bitset) != 0 &&
        std::find(chosen.begin(), chosen.end(), thread) == chosen.end())
      chosen.push_back(thread);
  for (Thread *thread : chosen)
    wake(*thread, key);
  return static_cast<u32>(chosen.size());
}

/// For this word, if it waits for several.
void FutexTable::wake(Thread &thread, const FutexKey &key) {
  const std::vector<FutexWord> words = thread.futex_waiter.words;
  remove(thread);
  thread.syscall_state.woken = true;
  const auto word = std::find_if(words.begin(), words.end(),
                                 [&](const FutexWord &one) { return one.key == key; });
  if (word != words.end())
    thread.syscall_state.scratch[0] = static_cast<u64>(word - words.begin());
  thread.wake();
}

u32 FutexTable::requeue(const FutexKey &from, const FutexKey &to, u32 count,
                        const Ref<memory::PageObject> &object) {
  if (from == to)
    return 0;
  u32 moved = 0;
  for (auto entry = queues_.find(from); entry != queues_.end() && moved < count;
       entry = queues_.find(from)) {
    Thread *thread = entry->second.front();
    FutexWaiter &waiter = thread->futex_waiter;
    if (waiter.words.empty()) {
      enqueue(*thread, to, waiter.bitset, object);
    } else { // its place among the thread's words stays
      take_off(*thread, from);
      for (FutexWord &word : waiter.words)
        if (word.key == from)
          word = {to, object};
      insert(*thread, to);
    }
    ++moved;
  }
  return moved;
}

const std::vector<Thread *> *FutexTable::waiters(const FutexKey &key) const {
  const auto entry = queues_.find(key);
  return entry == queues_.end() ? nullptr : &entry->second;
}

} // namespace tine::process
