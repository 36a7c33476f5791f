// futex(2): operations on the words; the table of waiters is process/futex.
#include "process/futex.hpp"

#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <linux/futex.h>
#include <optional>

namespace tine::syscall {

using process::FutexKey;
using process::FutexTable;

namespace {

constexpr u32 command_mask = ~u32{FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME};

/// One call's words and flags.
struct Futex {
  Call &call;
  GuestAddress address;
  bool is_private;
  bool is_wall_clock;
  Ref<memory::PageObject> object;

  Result<FutexKey> key() { return FutexTable::key_of(call.memory, address, is_private, object); }
  [[nodiscard]] Result<u32> value() const { return call.memory.read_object<u32>(address); }
};

/// Relative for FUTEX_WAIT; absolute on the monotonic or the wall clock for all others. None waits
/// for ever.
Status arm_timeout(Futex &futex, GuestAddress timeout, bool is_absolute) {
  if (timeout.is_null())
    return Done{};
  const Nanoseconds time = TINE_TRY(read_timespec(futex.call.memory, timeout));
  if (!futex.call.state().deadline) {
    const Nanoseconds now = futex.is_wall_clock
                                ? time::wall_clock()
                                : time::TimerQueue::now() + futex.call.kernel.monotonic_offset;
    futex.call.set_timeout(!is_absolute ? time
                           : time > now ? time - now
                                        : 0,
                           is_absolute && futex.is_wall_clock);
  } else {
    futex.call.set_timeout(0); // the deadline stands; the timer is armed again
  }
  return Done{};
}

SyscallResult timed_out(Call &call) {
  call.kernel.futexes->remove(call.thread);
  return Errno{ETIMEDOUT};
}

/// What a further try of a call that waits comes to; none if it must begin anew.
std::optional<SyscallResult> further_try(Call &call, Interrupt interrupt = Interrupt::restart) {
  if (call.state().woken)
    return 0;
  if (!call.state().retrying || !call.thread.futex_waiter.queued)
    return std::nullopt;
  return call.timed_out() ? timed_out(call) : blocked(interrupt);
}

SyscallResult wait(Futex futex, u32 expected, GuestAddress timeout, bool is_absolute, u32 bitset) {
  Call &call = futex.call;
  if (bitset == 0)
    return Errno{EINVAL};
  const bool restarts = timeout.is_null() || is_absolute;
  if (const auto result =
          further_try(call, restarts ? Interrupt::restart : Interrupt::restart_block))
    return *result;
  const FutexKey key = TINE_TRY(futex.key());
  if (TINE_TRY(futex.value()) != expected)
    return Errno{EAGAIN};
  TINE_TRY(arm_timeout(futex, timeout, is_absolute));
  call.kernel.futexes->enqueue(call.thread, key, bitset, futex.object);
  return blocked(timeout.is_null() || is_absolute ? Interrupt::restart : Interrupt::restart_block);
}

/// "EINVAL: The kernel detected an inconsistency between the user-space state at uaddr and the
/// kernel state -- that is, it detected a waiter which waits in FUTEX_LOCK_PI on uaddr".
Status refuse_lock_waiters(const FutexTable &table, const FutexKey &key, u64 count) {
  const auto *waiters = table.waiters(key);
  for (std::size_t i = 0; waiters && i < waiters->size() && i < std::max<u64>(count, 1); ++i)
    if ((*waiters)[i]->futex_waiter.waits_for_lock())
      return Errno{EINVAL};
  return Done{};
}

SyscallResult wake(Futex futex, u32 count, u32 bitset) {
  if (bitset == 0)
    return Errno{EINVAL};
  const FutexKey key = TINE_TRY(futex.key());
  TINE_TRY(refuse_lock_waiters(*futex.call.kernel.futexes, key, count));
  return futex.call.kernel.futexes->wake(key, count, bitset);
}

SyscallResult requeue(Futex from, Futex to, u32 wake_count, u32 move_count,
                      std::optional<u32> expected) {
  if (static_cast<i32>(wake_count) < 0 || static_cast<i32>(move_count) < 0)
    return Errno{EINVAL};
  const FutexKey from_key = TINE_TRY(from.key());
  const FutexKey to_key = TINE_TRY(to.key());
  if (expected && TINE_TRY(from.value()) != *expected)
    return Errno{EAGAIN};
  FutexTable &table = *from.call.kernel.futexes;
  TINE_TRY(refuse_lock_waiters(table, from_key, u64{wake_count} + move_count));
  const u32 woken = table.wake(from_key, wake_count, ~u32{0});
  const u32 moved = table.requeue(from_key, to_key, move_count, to.object);
  return expected ? woken + moved : woken;
}

/// FUTEX_WAKE_OP: the operation encoded in the last argument, futex(2).
struct WakeOperation {
  u32 operation, comparison, operand, compared;

  explicit WakeOperation(u32 encoded)
      : operation(encoded >> 28 & 7), comparison(encoded >> 24 & 15),
        operand(encoded >> 12 & 0xfff), compared(encoded & 0xfff) {
    if ((encoded >> 28 & FUTEX_OP_OPARG_SHIFT) != 0)
      operand = u32{1} << (operand & 31);
    else
      operand = sign_extended(operand);
    compared = sign_extended(compared);
  }
  static u32 sign_extended(u32 value) {
    return static_cast<u32>(static_cast<i32>(value << 20) >> 20);
  }

  [[nodiscard]] std::optional<u32> apply(u32 old) const {
    switch (operation) {
    case FUTEX_OP_SET:
      return operand;
    case FUTEX_OP_ADD:
      return old + operand;
    case FUTEX_OP_OR:
      return old | operand;
    case FUTEX_OP_ANDN:
      return old & ~operand;
    case FUTEX_OP_XOR:
      return old ^ operand;
    default:
      return std::nullopt;
    }
  }
  [[nodiscard]] std::optional<bool> compare(u32 old) const {
    const i32 left = static_cast<i32>(old), right = static_cast<i32>(compared);
    switch (comparison) {
    case FUTEX_OP_CMP_EQ:
      return left == right;
    case FUTEX_OP_CMP_NE:
      return left != right;
    case FUTEX_OP_CMP_LT:
      return left < right;
    case FUTEX_OP_CMP_LE:
      return left <= right;
    case FUTEX_OP_CMP_GT:
      return left > right;
    case FUTEX_OP_CMP_GE:
      return left >= right;
    default:
      return std::nullopt;
    }
  }
};

/// Replaces the word by what `next` makes of it; the old value. ENOSYS if it makes nothing.
template <typename Next> Result<u32> update(const Futex &futex, Next next) {
  u32 found = TINE_TRY(futex.value());
  while (true) {
    const std::optional<u32> desired = next(found);
    if (!desired)
      return Errno{ENOSYS};
    if (TINE_TRY(process::exchange_futex_word(futex.call.memory, futex.address, found, *desired)))
      return found;
  }
}

SyscallResult wake_operation(Futex first, Futex second, u32 first_count, u32 second_count,
                             u32 encoded) {
  const FutexKey first_key = TINE_TRY(first.key());
  const FutexKey second_key = TINE_TRY(second.key());
  const WakeOperation operation(encoded);
  if (!operation.compare(0))
    return Errno{ENOSYS};
  const u32 old = TINE_TRY(update(second, [&](u32 found) { return operation.apply(found); }));
  FutexTable &table = *first.call.kernel.futexes;
  u32 woken = table.wake(first_key, first_count, ~u32{0});
  if (*operation.compare(old))
    woken += table.wake(second_key, second_count, ~u32{0});
  return woken;
}

/// EINVAL for the same reason: who is first waits there as for any word.
Status refuse_other_waiters(const FutexTable &table, const FutexKey &key) {
  const auto *waiters = table.waiters(key);
  if (waiters != nullptr && waiters->front()->futex_waiter.lock_owner == nullptr)
    return Errno{EINVAL};
  return Done{};
}

/// A priority-inheriting lock: the word holds the owner's tid, and unlock gives it to the first
/// waiter.
SyscallResult lock_pi(Futex futex, GuestAddress timeout, bool only_try) {
  Call &call = futex.call;
  if (const auto result = further_try(call))
    return *result;
  const FutexKey key = TINE_TRY(futex.key());
  const auto tid = static_cast<u32>(shown(call, call.thread.tid));
  if ((TINE_TRY(futex.value()) & FUTEX_TID_MASK) == tid)
    return Errno{EDEADLK};
  TINE_TRY(refuse_other_waiters(*call.kernel.futexes, key));
  const u32 others = call.kernel.futexes->waiters(key) != nullptr ? FUTEX_WAITERS : 0;
  const u32 old = TINE_TRY(update(futex, [&](u32 found) -> std::optional<u32> {
    if ((found & FUTEX_TID_MASK) == 0)
      return tid | (found & FUTEX_OWNER_DIED) | others;
    return only_try || (found & FUTEX_TID_MASK) == tid ? found : found | FUTEX_WAITERS;
  }));
  const u32 owner = old & FUTEX_TID_MASK;
  if (owner == 0)
    return 0;
  if (owner == tid)
    return Errno{EDEADLK};
  if (only_try)
    return Errno{EAGAIN};
  process::Thread *const holder = call.kernel.find_thread(given(call, static_cast<i32>(owner)));
  if (holder == nullptr)
    return Errno{ESRCH};
  TINE_TRY(arm_timeout(futex, timeout, true));
  TINE_TRY(call.kernel.futexes->enqueue_for_lock(call.thread, {key, futex.object}, futex.address,
                                                 *holder));
  return blocked();
}

SyscallResult unlock_pi(Futex futex) {
  Call &call = futex.call;
  const FutexKey key = TINE_TRY(futex.key());
  FutexTable &table = *call.kernel.futexes;
  const auto tid = static_cast<u32>(shown(call, call.thread.tid));
  if ((TINE_TRY(futex.value()) & FUTEX_TID_MASK) != tid)
    return Errno{EPERM};
  TINE_TRY(refuse_other_waiters(table, key));
  u32 next = 0;
  if (const process::Thread *first = table.first_lock_waiter(key))
    next = static_cast<u32>(process::shown_pid(*first, first->tid).value) |
           (table.waiters(key)->size() > 1 ? FUTEX_WAITERS : 0);
  const u32 old = TINE_TRY(update(futex, [&](u32 found) -> std::optional<u32> {
    return (found & FUTEX_TID_MASK) == tid ? next : found;
  }));
  if ((old & FUTEX_TID_MASK) != tid)
    return Errno{EPERM};
  table.hand_over(key);
  return 0;
}

/// FUTEX_WAIT_REQUEUE_PI: waits until FUTEX_CMP_REQUEUE_PI has moved it to the lock and it has got
/// that.
SyscallResult wait_requeue_pi(Futex futex, Futex lock, u32 expected, GuestAddress timeout) {
  Call &call = futex.call;
  if (futex.address == lock.address)
    return Errno{EINVAL};
  if (const auto result = further_try(call))
    return *result;
  const FutexKey lock_key = TINE_TRY(lock.key());
  const FutexKey key = TINE_TRY(futex.key());
  if (key == lock_key)
    return Errno{EINVAL};
  if (TINE_TRY(futex.value()) != expected)
    return Errno{EAGAIN};
  TINE_TRY(arm_timeout(futex, timeout, true));
  call.kernel.futexes->enqueue(call.thread, key, ~u32{0}, futex.object);
  call.thread.futex_waiter.target = {lock_key, lock.object};
  call.thread.futex_waiter.lock_address = lock.address;
  return blocked();
}

/// The lock becomes the waiter's if nobody has it: none. Else who is to hand it over. ESRCH,
/// EDEADLK.
Result<process::Thread *> take_for(const Futex &lock, process::Thread &waiter) {
  const auto tid = static_cast<u32>(process::shown_pid(waiter, waiter.tid).value);
  const u32 old = TINE_TRY(update(lock, [&](u32 found) -> std::optional<u32> {
    if ((found & FUTEX_TID_MASK) == 0)
      return tid | (found & FUTEX_OWNER_DIED) | FUTEX_WAITERS;
    return found | FUTEX_WAITERS;
  }));
  const u32 owner = old & FUTEX_TID_MASK;
  if (owner == 0)
    return nullptr;
  if (owner == tid)
    return Errno{EDEADLK};
  process::Thread *const holder =
      lock.call.kernel.find_thread(given(lock.call, static_cast<i32>(owner)));
  if (holder == nullptr)
    return Errno{ESRCH};
  return holder;
}

/// FUTEX_CMP_REQUEUE_PI: at most one waiter gets the lock and is woken, others wait for it from now
/// on.
SyscallResult requeue_pi(Futex from, Futex lock, u32 wake_count, u32 move_count, u32 expected) {
  if (static_cast<i32>(move_count) < 0 || wake_count != 1 || from.address == lock.address)
    return Errno{EINVAL};
  const FutexKey from_key = TINE_TRY(from.key());
  const FutexKey lock_key = TINE_TRY(lock.key());
  if (from_key == lock_key)
    return Errno{EINVAL};
  if (TINE_TRY(from.value()) != expected)
    return Errno{EAGAIN};
  FutexTable &table = *from.call.kernel.futexes;
  const u64 most = u64{wake_count} + move_count;
  u32 done = 0;
  process::Thread *owner = nullptr;
  while (done < most) {
    const auto *waiters = table.waiters(from_key);
    if (waiters == nullptr)
      break;
    process::Thread &first = *waiters->front();
    if (!(first.futex_waiter.target.key == lock_key))
      return done > 0 ? SyscallResult(done) : Errno{EINVAL};
    if (owner == nullptr)
      owner = TINE_TRY(take_for(lock, first));
    if (owner != nullptr) {
      TINE_TRY(table.enqueue_for_lock(first, {lock_key, lock.object},
                                      first.futex_waiter.lock_address, *owner));
    } else {
      owner = &first;
      table.wake(from_key, 1, ~u32{0});
    }
    ++done;
  }
  return done;
}

} // namespace

SyscallResult sys_futex(Call &call, GuestAddress address, u32 operation, u64 value,
                        u64 timeout_or_count, GuestAddress second_address, u64 last) {
  const u32 command = operation & command_mask;
  const bool is_private = (operation & FUTEX_PRIVATE_FLAG) != 0;
  const bool is_wall_clock = (operation & FUTEX_CLOCK_REALTIME) != 0;
  // do_futex: not FUTEX_WAIT, whatever the manual page says of Linux 4.5.
  if (is_wall_clock && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT_REQUEUE_PI &&
      command != FUTEX_LOCK_PI2)
    return Errno{ENOSYS};
  const Futex futex{call, address, is_private, is_wall_clock || command == FUTEX_LOCK_PI, nullptr};
  const Futex second{call, second_address, is_private, false, nullptr};
  const GuestAddress timeout{timeout_or_count};
  const u32 count = static_cast<u32>(value), second_count = static_cast<u32>(timeout_or_count);
  const u32 argument = static_cast<u32>(last);
  switch (command) {
  case FUTEX_WAIT:
    return wait(futex, count, timeout, false, FUTEX_BITSET_MATCH_ANY);
  case FUTEX_WAIT_BITSET:
    return wait(futex, count, timeout, true, argument);
  case FUTEX_WAKE:
    return wake(futex, count, FUTEX_BITSET_MATCH_ANY);
  case FUTEX_WAKE_BITSET:
    return wake(futex, count, argument);
  case FUTEX_REQUEUE:
    return requeue(futex, second, count, second_count, std::nullopt);
  case FUTEX_CMP_REQUEUE:
    return requeue(futex, second, count, second_count, argument);
  case FUTEX_WAKE_OP:
    return wake_operation(futex, second, count, second_count, argument);
  case FUTEX_LOCK_PI:
  case FUTEX_LOCK_PI2:
    if (!timeout.is_null()) // EINVAL also when there is nothing to wait for
      TINE_TRY(read_timespec(call.memory, timeout));
    return lock_pi(futex, timeout, false);
  case FUTEX_TRYLOCK_PI:
    return lock_pi(futex, {}, true);
  case FUTEX_UNLOCK_PI:
    return unlock_pi(futex);
  case FUTEX_WAIT_REQUEUE_PI:
    return wait_requeue_pi(futex, second, count, timeout);
  case FUTEX_CMP_REQUEUE_PI:
    return requeue_pi(futex, second, count, second_count, argument);
  default:
    return Errno{ENOSYS};
  }
}

} // namespace tine::syscall
