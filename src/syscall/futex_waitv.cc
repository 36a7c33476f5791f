// futex_waitv(2): wait for any of several words.
#include "process/futex.hpp"

#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"

#include <algorithm>
#include <linux/futex.h>

namespace tine::syscall {
namespace {

using process::FutexTable;
using process::FutexWord;

/// struct futex_waitv.
struct WaitedWord {
  u64 value, address;
  u32 flags, reserved;
};
constexpr u32 most_words = 128;
constexpr u32 size_of_u32 = 2; // FUTEX2_SIZE_U32, the only size there is

Status check_word(const WaitedWord &word) {
  const bool known = (word.flags & ~u32{FUTEX_PRIVATE_FLAG}) == size_of_u32;
  return known && word.reserved == 0 && word.value >> 32 == 0 ? Status(Done{}) : Errno{EINVAL};
}

Result<std::vector<WaitedWord>> read_words(Call &call, GuestAddress address, u32 count) {
  std::vector<WaitedWord> words(count);
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(words))));
  for (const WaitedWord &word : words)
    TINE_TRY(check_word(word));
  return words;
}

/// The time until an absolute deadline of the clock. EINVAL.
Result<Nanoseconds> time_until(Call &call, GuestAddress address, int clock) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
    return Errno{EINVAL};
  const Nanoseconds deadline = TINE_TRY(read_timespec(call.memory, address));
  timespec now{};
  ::clock_gettime(clock, &now);
  const Nanoseconds offset = clock == CLOCK_MONOTONIC ? call.kernel.monotonic_offset : 0;
  return std::max<Nanoseconds>(deadline - offset - (now.tv_sec * 1'000'000'000 + now.tv_nsec), 0);
}

} // namespace

SyscallResult sys_futex_waitv(Call &call, GuestAddress address, u32 count, u32 flags,
                              GuestAddress timeout, int clock) {
  FutexTable &table = *call.kernel.futexes;
  if (call.state().woken)
    return call.state().scratch[0];
  if (call.timed_out()) {
    table.remove(call.thread);
    return Errno{ETIMEDOUT};
  }
  if (call.state().retrying && call.thread.futex_waiter.queued)
    return blocked();
  if (flags != 0 || count == 0 || count > most_words || address.is_null())
    return Errno{EINVAL};
  std::optional<Nanoseconds> remaining;
  if (!timeout.is_null())
    remaining = TINE_TRY(time_until(call, timeout, clock));
  const auto wanted_words = TINE_TRY(read_words(call, address, count));
  std::vector<FutexWord> words;
  for (const WaitedWord &wanted : wanted_words) {
    FutexWord &word = words.emplace_back();
    const GuestAddress place{wanted.address};
    word.key = TINE_TRY(FutexTable::key_of(call.memory, place,
                                           (wanted.flags & FUTEX_PRIVATE_FLAG) != 0, word.object));
    if (TINE_TRY(call.memory.read_object<u32>(place)) != wanted.value)
      return Errno{EAGAIN};
  }
  if (remaining)
    call.set_timeout(*remaining, clock == CLOCK_REALTIME);
  table.enqueue_words(call.thread, std::move(words));
  return blocked();
}

} // namespace tine::syscall
