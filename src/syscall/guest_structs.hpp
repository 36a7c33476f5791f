// Structures of the system-call ABI that more than one family passes, and their conversion.
#pragma once

#include "base/result.hpp"
#include "memory/address_space.hpp"
#include "process/process.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

namespace tine::syscall {

/// struct rusage of getrusage(2).
[[nodiscard]] inline struct rusage rusage_of(const process::ResourceUsage &usage) {
  struct rusage result {};
  result.ru_utime = {usage.user_time / 1'000'000'000, usage.user_time % 1'000'000'000 / 1000};
  result.ru_stime = {usage.system_time / 1'000'000'000, usage.system_time % 1'000'000'000 / 1000};
  result.ru_maxrss = static_cast<long>(usage.max_resident / 1024);
  result.ru_minflt = static_cast<long>(usage.minor_faults);
  result.ru_majflt = static_cast<long>(usage.major_faults);
  result.ru_nvcsw = static_cast<long>(usage.voluntary_switches);
  result.ru_nivcsw = static_cast<long>(usage.involuntary_switches);
  return result;
}

/// A duration or a time; EINVAL if it is negative or its nanoseconds are out of range. Times beyond
/// what Nanoseconds hold (292 years) are cut.
[[nodiscard]] inline Result<Nanoseconds> nanoseconds_of(const timespec &time) {
  if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= 1'000'000'000)
    return Errno{EINVAL};
  constexpr i64 longest = INT64_MAX / 1'000'000'000 - 1;
  if (time.tv_sec > longest)
    return Nanoseconds{longest * 1'000'000'000};
  return Nanoseconds{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

[[nodiscard]] inline timespec timespec_of(Nanoseconds time) {
  return {time / 1'000'000'000, time % 1'000'000'000};
}

[[nodiscard]] inline Result<Nanoseconds> nanoseconds_of(const timeval &time) {
  if (time.tv_usec < 0 || time.tv_usec >= 1'000'000)
    return Errno{EINVAL};
  return nanoseconds_of(timespec{time.tv_sec, time.tv_usec * 1000});
}

[[nodiscard]] inline timeval timeval_of(Nanoseconds time) {
  return {time / 1'000'000'000, time % 1'000'000'000 / 1000};
}

[[nodiscard]] inline Result<Nanoseconds> read_timespec(memory::AddressSpace &memory,
                                                       GuestAddress address) {
  return nanoseconds_of(TINE_TRY(memory.read_object<timespec>(address)));
}

} // namespace tine::syscall
