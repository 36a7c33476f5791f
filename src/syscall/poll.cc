// poll, select and their kin.
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/poll_support.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

namespace tine::syscall {

Status replace_mask(Call &call, GuestAddress address, u64 size) {
  if (address.is_null() || call.state().saved_mask)
    return Done{};
  if (size != sizeof(u64))
    return Errno{EINVAL};
  process::SignalSet mask{TINE_TRY(call.memory.read_object<u64>(address))};
  mask.remove(SIGKILL);
  mask.remove(SIGSTOP);
  call.state().saved_mask = call.thread.signal_mask;
  call.thread.signal_mask = mask;
  return Done{};
}

bool start_wait(Call &call, const std::optional<Nanoseconds> &timeout) {
  if (!timeout)
    return true;
  if (*timeout == 0 || call.timed_out())
    return false;
  call.set_timeout(*timeout);
  return true;
}

namespace {

constexpr u32 always_reported = POLLERR | POLLHUP;

/// One look at all descriptors; how many have something to report.
u64 look(Call &call, std::vector<pollfd> &entries) {
  u64 ready = 0;
  for (pollfd &entry : entries) {
    entry.revents = 0;
    if (entry.fd < 0)
      continue;
    const Result<Ref<fs::File>> file = file_of(call, entry.fd);
    if (!file)
      entry.revents = POLLNVAL;
    else
      entry.revents =
          static_cast<short>((*file)->poll() & (static_cast<u16>(entry.events) | always_reported));
    ready += entry.revents != 0 ? 1U : 0U;
  }
  return ready;
}

void wait_for_all(Call &call, const std::vector<pollfd> &entries) {
  for (const pollfd &entry : entries)
    if (const Result<Ref<fs::File>> file = file_of(call, entry.fd))
      (void)wait_for_file(call, **file, static_cast<u16>(entry.events));
}

SyscallResult poll_files(Call &call, GuestAddress address, u32 count,
                         const std::optional<Nanoseconds> &timeout) {
  if (count > descriptor_limit(call))
    return Errno{EINVAL};
  std::vector<pollfd> entries(count);
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(entries))));
  const u64 ready = look(call, entries);
  if (ready == 0 && start_wait(call, timeout)) {
    wait_for_all(call, entries);
    return blocked(Interrupt::no_restart);
  }
  for (std::size_t index = 0; index < entries.size(); ++index)
    TINE_TRY(call.memory.write_object(address + index * sizeof(pollfd) + offsetof(pollfd, revents),
                                      entries[index].revents));
  return ready;
}

} // namespace

SyscallResult sys_poll(Call &call, GuestAddress entries, u32 count, int timeout) {
  std::optional<Nanoseconds> limit;
  if (timeout >= 0)
    limit = Nanoseconds{timeout} * 1'000'000;
  return poll_files(call, entries, count, limit);
}

Result<std::optional<Nanoseconds>> read_timeout(Call &call, GuestAddress address) {
  if (address.is_null())
    return std::optional<Nanoseconds>();
  const timespec time = TINE_TRY(call.memory.read_object<timespec>(address));
  return std::optional(TINE_TRY(to_nanoseconds(time)));
}

namespace {

/// "On Linux, select() modifies timeout to reflect the amount of time not slept", and so do
/// pselect6(2) and ppoll(2): whatever ends the call, a signal too. Nothing for a timeout of zero.
std::optional<Nanoseconds> time_left(const Call &call, const SyscallResult &result,
                                     const std::optional<Nanoseconds> &timeout) {
  const bool ends =
      result.kind() == SyscallResult::Kind::value || call.thread.has_deliverable_signal();
  if (!ends || !timeout || *timeout == 0)
    return std::nullopt;
  if (!call.state().deadline)
    return *timeout - 1; // ready at once, but some time has passed
  return std::max<Nanoseconds>(*call.state().deadline - time::TimerQueue::now(), 0);
}

SyscallResult store_time_left(Call &call, const SyscallResult &result, GuestAddress timeout,
                              const std::optional<Nanoseconds> &limit) {
  if (const auto left = time_left(call, result, limit))
    (void)call.memory.write_object(timeout, timespec{*left / 1'000'000'000, *left % 1'000'000'000});
  return result;
}

} // namespace

SyscallResult sys_ppoll(Call &call, GuestAddress entries, u32 count, GuestAddress timeout,
                        GuestAddress mask, u64 size) {
  const auto limit = TINE_TRY(read_timeout(call, timeout));
  TINE_TRY(replace_mask(call, mask, size));
  return store_time_left(call, poll_files(call, entries, count, limit), timeout, limit);
}

namespace {

using Bits = std::vector<u64>;

struct SelectSets {
  std::array<GuestAddress, 3> addresses; // read, write, exceptional
  std::array<Bits, 3> bits;
};

// What each set waits for, as Linux's select maps it to poll events.
constexpr std::array<u32, 3> set_events = {POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
                                           POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR, POLLPRI};

bool contains(const Bits &bits, int fd) {
  const auto index = static_cast<std::size_t>(fd);
  return index / 64 < bits.size() && (bits[index / 64] >> (index % 64) & 1U) != 0;
}

std::size_t bytes_of(int count) {
  return (static_cast<std::size_t>(count) + 63) / 64 * 8;
}

Result<SelectSets> read_sets(Call &call, int count, std::array<GuestAddress, 3> addresses) {
  SelectSets sets{addresses, {}};
  for (std::size_t kind = 0; kind < 3; ++kind) {
    if (addresses[kind].is_null())
      continue;
    sets.bits[kind].resize(bytes_of(count) / 8);
    TINE_TRY(call.memory.read(addresses[kind], std::as_writable_bytes(std::span(sets.bits[kind]))));
  }
  return sets;
}

/// The result sets, and how many bits they have; EBADF for a descriptor that isn't open.
Result<u64> look(Call &call, int count, const SelectSets &sets, std::array<Bits, 3> &found) {
  u64 ready = 0;
  for (std::size_t kind = 0; kind < 3; ++kind)
    found[kind].assign(sets.bits[kind].size(), 0);
  for (int fd = 0; fd < count; ++fd) {
    u32 wanted = 0;
    for (std::size_t kind = 0; kind < 3; ++kind)
      wanted |= contains(sets.bits[kind], fd) ? set_events[kind] : 0U;
    if (wanted == 0)
      continue;
    const u32 events = TINE_TRY(file_of(call, fd))->poll();
    for (std::size_t kind = 0; kind < 3; ++kind) {
      if (!contains(sets.bits[kind], fd) || (events & set_events[kind]) == 0)
        continue;
      const auto index = static_cast<std::size_t>(fd);
      found[kind][index / 64] |= u64{1} << (index % 64);
      ++ready;
    }
  }
  return ready;
}

SyscallResult select_files(Call &call, int count, std::array<GuestAddress, 3> addresses,
                           const std::optional<Nanoseconds> &timeout) {
  if (count < 0)
    return Errno{EINVAL};
  count = static_cast<int>(std::min<u64>(static_cast<u64>(count), descriptor_limit(call)));
  const SelectSets sets = TINE_TRY(read_sets(call, count, addresses));
  std::array<Bits, 3> found;
  const u64 ready = TINE_TRY(look(call, count, sets, found));
  if (ready == 0 && start_wait(call, timeout)) {
    for (int fd = 0; fd < count; ++fd)
      for (std::size_t kind = 0; kind < 3; ++kind)
        if (contains(sets.bits[kind], fd))
          (void)wait_for_file(call, *TINE_TRY(file_of(call, fd)), set_events[kind]);
    return blocked(Interrupt::no_restart);
  }
  for (std::size_t kind = 0; kind < 3; ++kind)
    if (!addresses[kind].is_null())
      TINE_TRY(call.memory.write(addresses[kind], std::as_bytes(std::span(found[kind]))));
  return ready;
}

} // namespace

SyscallResult sys_select(Call &call, int count, GuestAddress read, GuestAddress write,
                         GuestAddress exceptional, GuestAddress timeout) {
  std::optional<Nanoseconds> limit;
  if (!timeout.is_null()) {
    const auto value = TINE_TRY(call.memory.read_object<timeval>(timeout));
    if (value.tv_sec < 0 || value.tv_usec < 0)
      return Errno{EINVAL};
    limit = TINE_TRY(to_nanoseconds(
        {value.tv_sec + value.tv_usec / 1'000'000, value.tv_usec % 1'000'000 * 1000}));
  }
  const SyscallResult result = select_files(call, count, {read, write, exceptional}, limit);
  if (const auto left = time_left(call, result, limit))
    (void)call.memory.write_object(timeout,
                                   timeval{*left / 1'000'000'000, *left % 1'000'000'000 / 1000});
  return result;
}

SyscallResult sys_pselect6(Call &call, int count, GuestAddress read, GuestAddress write,
                           GuestAddress exceptional, GuestAddress timeout, GuestAddress mask) {
  const auto limit = TINE_TRY(read_timeout(call, timeout));
  if (!mask.is_null()) {
    struct MaskArgument {
      u64 address, size;
    };
    const auto argument = TINE_TRY(call.memory.read_object<MaskArgument>(mask));
    TINE_TRY(replace_mask(call, GuestAddress{argument.address}, argument.size));
  }
  return store_time_left(call, select_files(call, count, {read, write, exceptional}, limit),
                         timeout, limit);
}

} // namespace tine::syscall
