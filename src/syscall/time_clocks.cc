// Clocks, and sleeping by them.
#include "process/timers.hpp"
#include "syscall/cpu_clocks.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

namespace tine::syscall {
namespace {

/// The dynamic clock ids of clock_getcpuclockid(3): ~pid in the upper bits, the kind below.
struct CpuClock {
  Pid id;
  bool is_thread;
  enum class Kind : u8 { user_and_system, user, scheduled } kind;
};

std::optional<CpuClock> dynamic_clock(int clock) {
  constexpr int thread_bit = 4, kind_mask = 3, file_descriptor_kind = 3;
  if (clock >= 0 || (clock & 7) == file_descriptor_kind || (clock & kind_mask) == kind_mask)
    return std::nullopt;
  return CpuClock{Pid{~(clock >> 3)}, (clock & thread_bit) != 0,
                  (clock & kind_mask) == 1 ? CpuClock::Kind::user
                                           : CpuClock::Kind::user_and_system};
}

Nanoseconds thread_time(const process::Thread &thread) {
  Nanoseconds total = thread.user_time + thread.system_time;
  if (thread.on_cpu_since != 0)
    total += std::max(Nanoseconds{0}, time::TimerQueue::now() - thread.on_cpu_since);
  return total;
}

Result<Nanoseconds> read_cpu_clock(const Call &call, const CpuClock &clock) {
  if (clock.is_thread) {
    const process::Thread *thread =
        clock.id.is_none() ? &call.thread : call.kernel.find_thread(given(call, clock.id.value));
    if (thread == nullptr || thread->process != &call.process)
      return Errno{EINVAL};
    return thread_time(*thread);
  }
  const process::Process *target =
      clock.id.is_none() ? &call.process : call.kernel.find_process(given(call, clock.id.value));
  if (target == nullptr)
    return Errno{EINVAL};
  return clock.kind == CpuClock::Kind::user ? process::user_time(*target)
                                            : process::cpu_time(*target);
}

bool is_host_clock(int clock) {
  switch (clock) {
  case CLOCK_REALTIME:
  case CLOCK_MONOTONIC:
  case CLOCK_MONOTONIC_RAW:
  case CLOCK_REALTIME_COARSE:
  case CLOCK_MONOTONIC_COARSE:
  case CLOCK_BOOTTIME:
  case CLOCK_REALTIME_ALARM:
  case CLOCK_BOOTTIME_ALARM:
  case CLOCK_TAI:
    return true;
  default:
    return false;
  }
}

/// Those that a restored box has go on from where they were.
bool is_monotonic(int clock) {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
         clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME ||
         clock == CLOCK_BOOTTIME_ALARM;
}

Result<Nanoseconds> read_clock(const Call &call, int clock) {
  if (clock == CLOCK_PROCESS_CPUTIME_ID)
    return process::cpu_time(call.process);
  if (clock == CLOCK_THREAD_CPUTIME_ID)
    return thread_time(call.thread);
  if (const auto cpu_clock = dynamic_clock(clock))
    return read_cpu_clock(call, *cpu_clock);
  if (!is_host_clock(clock))
    return Errno{EINVAL};
  timespec now{};
  if (::clock_gettime(clock, &now) != 0)
    return Errno{EINVAL};
  const Nanoseconds host = Nanoseconds{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return is_monotonic(clock) ? host + call.kernel.monotonic_offset : host;
}

/// Sleeps `duration` from the first try on. `remaining`, if not null, is written when a signal ends
/// it.
SyscallResult sleep_for(Call &call, Nanoseconds duration, GuestAddress remaining,
                        Interrupt interrupt, bool is_wall_clock = false) {
  if (call.timed_out() || (duration == 0 && !call.state().retrying))
    return 0;
  call.set_timeout(duration, is_wall_clock);
  if (!remaining.is_null() && call.thread.has_deliverable_signal()) {
    const Nanoseconds left =
        std::max(Nanoseconds{0}, *call.state().deadline - time::TimerQueue::now());
    TINE_TRY(call.memory.write_object(remaining, timespec_of(left)));
  }
  return blocked(interrupt);
}

/// CPU-time clocks have no timer of the host's: the sleep looks again each time a tick may have
/// passed.
SyscallResult sleep_on_cpu_clock(Call &call, int clock, Nanoseconds time, bool absolute) {
  constexpr Nanoseconds look_again = 1'000'000;
  const Nanoseconds now = TINE_TRY(read_clock(call, clock));
  process::SyscallState &state = call.state();
  if (!state.retrying)
    state.scratch[0] = static_cast<u64>(absolute ? time : now + time);
  if (now >= static_cast<Nanoseconds>(state.scratch[0]))
    return 0;
  state.deadline.reset();
  state.timed_out = false;
  call.thread.timeout.disarm();
  call.set_timeout(look_again);
  return blocked(Interrupt::no_handler);
}

} // namespace

SyscallResult sys_nanosleep(Call &call, GuestAddress duration, GuestAddress remaining) {
  const Nanoseconds time = TINE_TRY(read_timespec(call.memory, duration));
  return sleep_for(call, time, remaining, Interrupt::restart_block);
}

Result<int> own_cpu_clock(const Call &call, int clock) {
  const std::optional<CpuClock> found = dynamic_clock(clock);
  if (!found || found->kind != CpuClock::Kind::user_and_system)
    return Errno{EINVAL};
  const Pid id = found->id.is_none() ? Pid{} : given(call, found->id.value);
  if (found->is_thread && (id.is_none() || id == call.thread.tid))
    return CLOCK_THREAD_CPUTIME_ID;
  if (!found->is_thread && (id.is_none() || id == call.process.pid))
    return CLOCK_PROCESS_CPUTIME_ID;
  return Errno{EINVAL};
}

SyscallResult sys_clock_nanosleep(Call &call, int clock, u64 flags, GuestAddress request,
                                  GuestAddress remaining) {
  const bool absolute = (flags & TIMER_ABSTIME) != 0;
  // Clocks that can be read and not slept on; no clock wakes a box that is suspended.
  if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_REALTIME_ALARM ||
      clock == CLOCK_BOOTTIME_ALARM)
    return Errno{EOPNOTSUPP};
  if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
      clock == CLOCK_MONOTONIC_COARSE)
    return Errno{EOPNOTSUPP};
  if (!is_host_clock(clock) && clock != CLOCK_PROCESS_CPUTIME_ID && !dynamic_clock(clock))
    return Errno{EINVAL};
  const Nanoseconds time = TINE_TRY(read_timespec(call.memory, request));
  if (!is_host_clock(clock))
    return sleep_on_cpu_clock(call, clock, time, absolute);
  if (!absolute)
    return sleep_for(call, time, remaining, Interrupt::restart_block);
  const Nanoseconds now = TINE_TRY(read_clock(call, clock));
  return sleep_for(call, time > now ? time - now : 0, {}, Interrupt::no_handler,
                   clock == CLOCK_REALTIME || clock == CLOCK_TAI);
}

SyscallResult sys_clock_gettime(Call &call, int clock, GuestAddress address) {
  return call.memory.write_object(address, timespec_of(TINE_TRY(read_clock(call, clock))));
}

SyscallResult sys_clock_getres(Call &call, int clock, GuestAddress address) {
  TINE_TRY(read_clock(call, clock));
  timespec resolution{0, 1};
  if (is_host_clock(clock))
    ::clock_getres(clock, &resolution);
  if (!address.is_null())
    TINE_TRY(call.memory.write_object(address, resolution));
  return 0;
}

/// The box can't set the host's clocks, so nobody in it may: EPERM, as without CAP_SYS_TIME.
SyscallResult sys_clock_settime(Call &call, int clock, GuestAddress address) {
  TINE_TRY(read_timespec(call.memory, address));
  return clock == CLOCK_REALTIME ? Errno{EPERM} : Errno{EINVAL};
}

SyscallResult sys_settimeofday(Call &call, GuestAddress time, GuestAddress) {
  if (!time.is_null()) {
    const auto given = TINE_TRY(call.memory.read_object<timeval>(time));
    if (given.tv_usec < 0 || given.tv_usec >= 1'000'000 || given.tv_sec < 0)
      return Errno{EINVAL};
  }
  return Errno{EPERM};
}

SyscallResult sys_clock_adjtime(Call &call, int clock, GuestAddress address) {
  auto request = TINE_TRY(call.memory.read_object<timex>(address));
  if (clock != CLOCK_REALTIME)
    return clock < 0 || clock > CLOCK_TAI ? Errno{EINVAL} : Errno{EOPNOTSUPP};
  if (request.modes != 0 && request.modes != ADJ_OFFSET_SS_READ) // both only read
    return Errno{EPERM};
  // By this number: glibc's function is clock_adjtime(2), which the host filter refuses.
  const long state = ::syscall(SYS_adjtimex, &request);
  if (state < 0)
    return Errno{errno};
  TINE_TRY(call.memory.write_object(address, request));
  return state;
}

SyscallResult sys_adjtimex(Call &call, GuestAddress address) {
  return sys_clock_adjtime(call, CLOCK_REALTIME, address);
}

SyscallResult sys_gettimeofday(Call &call, GuestAddress time, GuestAddress zone) {
  const Nanoseconds now = TINE_TRY(read_clock(call, CLOCK_REALTIME));
  if (!time.is_null())
    TINE_TRY(call.memory.write_object(time, timeval_of(now)));
  if (!zone.is_null())
    TINE_TRY(call.memory.write_object(zone, u64{0})); // struct timezone: UTC
  return 0;
}

SyscallResult sys_time(Call &call, GuestAddress address) {
  const i64 seconds = TINE_TRY(read_clock(call, CLOCK_REALTIME)) / 1'000'000'000;
  if (!address.is_null())
    TINE_TRY(call.memory.write_object(address, seconds));
  return seconds;
}

} // namespace tine::syscall
