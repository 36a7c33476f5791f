// Futexes: threads that wait for a word of memory to change, futex(2).
//
// Waiting has three steps, since a blocked call is tried again from its start: the first try puts
// the thread on the table and blocks; a waker takes it off and sets syscall_state.woken; the next
// try sees that.
#pragma once

#include "base/result.hpp"
#include "memory/page_object.hpp"

#include <functional>
#include <unordered_map>
#include <vector>

namespace tine::memory {
class AddressSpace;
}

namespace tine::process {

class Thread;

/// Which word: the same for all who can see it. A private word is its address in one address space,
/// a shared one its place in the object that is mapped there.
struct FutexKey {
  const void *owner = nullptr; ///< AddressSpace or PageObject
  u64 offset = 0;              ///< address, or byte of the object
  bool operator==(const FutexKey &) const = default;
};

struct FutexWord {
  FutexKey key;
  Ref<memory::PageObject> object; ///< keeps a shared key's owner
};

/// A thread's place in the table. Invariant: queued exactly if the table holds the thread under
/// `key`, or under the keys of all `words` if there are any.
struct FutexWaiter {
  bool queued = false;
  FutexKey key;
  u32 bitset = ~u32{0};
  Ref<memory::PageObject> object;    ///< keeps a shared key's owner
  std::vector<FutexWord> words = {}; ///< futex_waitv(2)
  Thread *lock_owner = nullptr;      ///< FUTEX_LOCK_PI: who is to hand the lock over
  FutexWord target = {};             ///< FUTEX_WAIT_REQUEUE_PI: the lock that it is to be moved to
  GuestAddress lock_address = {};    ///< of that lock, or of the one that it waits for

  /// FUTEX_WAKE and FUTEX_REQUEUE are not for it.
  [[nodiscard]] bool waits_for_lock() const { return lock_owner || target.key.owner; }
};

/// Guest code on other vCPUs changes futex words at any time: the kernel does it atomically too.
/// Replaces `expected` by `desired`; false, and what was found in `expected`, if the word was
/// another. EFAULT.
[[nodiscard]] Result<bool> exchange_futex_word(memory::AddressSpace &space, GuestAddress address,
                                               u32 &expected, u32 desired);

/// Owned by the kernel. Holds threads that are blocked in futex(2), by key, in the order in which
/// they are woken. futex_locks.cc has the locks whose owner inherits the priority of who waits.
class FutexTable {
public:
  /// EFAULT if nothing readable is mapped there, EINVAL if it isn't aligned.
  static Result<FutexKey> key_of(memory::AddressSpace &space, GuestAddress address, bool is_private,
                                 Ref<memory::PageObject> &object);

  void enqueue(Thread &thread, const FutexKey &key, u32 bitset, Ref<memory::PageObject> object);
  /// futex_waitv(2): the thread waits for any of the words; whoever wakes it leaves the word's
  /// index in syscall_state.scratch[0].
  void enqueue_words(Thread &thread, std::vector<FutexWord> words);
  /// FUTEX_LOCK_PI: the thread waits for the lock at `address` of its memory, and `owner` inherits
  /// its priority meanwhile, as does whoever `owner` waits for. EDEADLK if that is the thread.
  [[nodiscard]] Status enqueue_for_lock(Thread &thread, const FutexWord &lock, GuestAddress address,
                                        Thread &owner);
  /// Who gets the lock next; null if nobody waits for it. Others may wait there as for any word.
  [[nodiscard]] Thread *first_lock_waiter(const FutexKey &key) const;
  /// FUTEX_UNLOCK_PI: wakes the lock's first waiter, if there is one, as its owner; the others wait
  /// for that one from now on.
  void hand_over(const FutexKey &key);
  /// The thread ends, or its memory does: each lock that it has and others wait for goes to its
  /// first waiter, with FUTEX_OWNER_DIED.
  void hand_over_locks_of(Thread &thread);
  /// The thread's own priority has changed: that of those whom it waits for changes with it.
  void priority_changed(Thread &thread);
  /// Takes the thread off, if it is on.
  void remove(Thread &thread);
  /// Wakes up to `count` waiters whose bitset meets `bitset`; how many.
  u32 wake(const FutexKey &key, u32 count, u32 bitset);
  /// Moves up to `count` waiters to another key without waking them; how many.
  u32 requeue(const FutexKey &from, const FutexKey &to, u32 count,
              const Ref<memory::PageObject> &object);
  /// Enters the copies of the threads that wait in `original`, in the same order.
  void copy_waiters(const FutexTable &original, Copier &copier);
  /// The same in the file of a saved box: `find` gives a thread by its number.
  void archive(Archive &archive, const std::function<Thread *(Pid)> &find);
  /// Those who wait for the word, in order.
  [[nodiscard]] const std::vector<Thread *> *waiters(const FutexKey &key) const;

private:
  struct Hash {
    std::size_t operator()(const FutexKey &key) const noexcept {
      return std::hash<const void *>{}(key.owner) ^
             static_cast<std::size_t>(key.offset * 0x9e3779b97f4a7c15);
    }
  };
  void insert(Thread &thread, const FutexKey &key);
  void take_off(Thread &thread, const FutexKey &key);
  void wake(Thread &thread, const FutexKey &key);
  void wait_for(Thread &thread, Thread &owner);
  void stop_waiting_for(Thread &thread, Thread &owner);
  void inherit_from_waiters(Thread &owner);

  std::unordered_map<FutexKey, std::vector<Thread *>, Hash> queues_;
  std::unordered_multimap<const Thread *, Thread *> lock_waiters_; ///< by FutexWaiter::lock_owner
};

} // namespace tine::process
