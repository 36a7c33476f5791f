#include "fs/event_files.hpp"

#include "fs/caller.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>

namespace tine::fs {
namespace {

constexpr u64 largest_count = ~u64{0} - 1;

Result<u64> put_u64(memory::IoBuffer &to, u64 value) {
  return to.copy_out(std::as_bytes(std::span<const u64, 1>(&value, 1)));
}

} // namespace

EventFile::EventFile(u64 initial, u32 flags, bool semaphore)
    : File(flags | O_RDWR), count_(initial), semaphore_(semaphore) {}

Result<u64> EventFile::read(memory::IoBuffer &to) {
  if (to.remaining() < sizeof(u64))
    return Errno{EINVAL};
  if (count_ == 0)
    return Errno{EAGAIN};
  const u64 value = semaphore_ ? 1 : count_;
  const u64 size = TINE_TRY(put_u64(to, value));
  count_ -= value;
  changed_.wake_all();
  return size;
}

Result<u64> EventFile::write(memory::IoBuffer &from) {
  if (from.remaining() != sizeof(u64))
    return Errno{EINVAL};
  const auto bytes = TINE_TRY(from.window(memory::Access::read));
  u64 value = 0;
  if (bytes.size() >= sizeof value) { // the buffer stays where it is for another try
    std::memcpy(&value, bytes.data(), sizeof value);
  } else {
    memory::IoBuffer copy = from;
    TINE_TRY(copy.copy_in(std::as_writable_bytes(std::span<u64, 1>(&value, 1))));
  }
  if (value == ~u64{0})
    return Errno{EINVAL};
  if (value > largest_count - count_)
    return Errno{EAGAIN};
  from.advance(sizeof value);
  count_ += value;
  changed_.wake_all();
  return u64{sizeof value};
}

u32 EventFile::poll() {
  u32 events = 0;
  if (count_ > 0)
    events |= POLLIN | POLLRDNORM;
  if (count_ < largest_count)
    events |= POLLOUT | POLLWRNORM;
  return events;
}

TimerFile::TimerFile(time::TimerQueue &timers, int clock, u32 flags)
    : File(flags | O_RDWR), timers_(timers), clock_(clock), timer_(timers, [this] { expired(); }) {}

Nanoseconds TimerFile::clock_now() const {
  timespec now{};
  ::clock_gettime(clock_, &now);
  return Nanoseconds{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool TimerFile::measures_wall_clock() const {
  return clock_ == CLOCK_REALTIME || clock_ == CLOCK_REALTIME_ALARM;
}

void TimerFile::expired() {
  ++expirations_;
  if (interval_ > 0) {
    const Nanoseconds late = time::TimerQueue::now() - next_;
    const Nanoseconds missed = std::max<Nanoseconds>(late / interval_, 0);
    expirations_ += static_cast<u64>(missed);
    next_ += interval_ * (missed + 1);
    timer_.arm(next_);
  }
  changed_.wake_all();
}

void TimerFile::set(const Setting &setting, bool absolute) {
  timer_.disarm();
  expirations_ = 0;
  interval_ = setting.interval;
  if (setting.value == 0)
    return;
  is_wall_clock_ = absolute && measures_wall_clock();
  const Nanoseconds delay =
      absolute ? std::max<Nanoseconds>(setting.value - clock_now(), 0) : setting.value;
  constexpr Nanoseconds largest = Nanoseconds{1} << 62;
  const Nanoseconds now = time::TimerQueue::now();
  next_ = delay > largest - now ? largest : now + delay;
  timer_.arm(next_);
}

TimerFile::Setting TimerFile::remaining() const {
  if (!timer_.deadline())
    return {0, interval_};
  // "it_value returns the amount of time until the timer will next expire": never zero while armed.
  return {std::max<Nanoseconds>(*timer_.deadline() - time::TimerQueue::now(), 1), interval_};
}

Result<u64> TimerFile::read(memory::IoBuffer &to) {
  if (to.remaining() < sizeof(u64))
    return Errno{EINVAL};
  if (expirations_ == 0)
    return Errno{EAGAIN};
  const u64 size = TINE_TRY(put_u64(to, expirations_));
  expirations_ = 0;
  return size;
}

u32 TimerFile::poll() {
  return expirations_ > 0 ? POLLIN | POLLRDNORM : 0;
}

namespace {

/// The sender's part of siginfo_t in the layout of signalfd(2).
signalfd_siginfo to_signalfd(const siginfo_t &info) {
  signalfd_siginfo result{};
  result.ssi_signo = static_cast<u32>(info.si_signo);
  result.ssi_errno = info.si_errno;
  result.ssi_code = info.si_code;
  result.ssi_pid = static_cast<u32>(info.si_pid);
  result.ssi_uid = info.si_uid;
  if (info.si_signo == SIGCHLD) {
    result.ssi_status = info.si_status;
    result.ssi_utime = static_cast<u64>(info.si_utime);
    result.ssi_stime = static_cast<u64>(info.si_stime);
  } else if (info.si_code < 0) {
    result.ssi_int = info.si_value.sival_int;
    std::memcpy(&result.ssi_ptr, &info.si_value, sizeof result.ssi_ptr);
  }
  return result;
}

} // namespace

SignalFile::SignalFile(u64 mask, u32 flags, AsyncSender &box)
    : File(flags | O_RDWR), box_(box), mask_(0) {
  set_mask(mask);
  box_.signal_files_.push_back(this);
}

SignalFile::~SignalFile() {
  std::erase(box_.signal_files_, this);
}

void SignalFile::set_mask(u64 mask) {
  // "The set of signals ... it is not possible to receive SIGKILL or SIGSTOP".
  mask_ = mask & ~(u64{1} << (SIGKILL - 1) | u64{1} << (SIGSTOP - 1));
  changed_.wake_all();
}

Result<u64> SignalFile::read(memory::IoBuffer &to) {
  if (to.remaining() < sizeof(signalfd_siginfo))
    return Errno{EINVAL};
  Caller *caller = current_caller();
  u64 done = 0;
  siginfo_t info{};
  while (caller && to.remaining() >= sizeof(signalfd_siginfo) &&
         caller->take_signal(mask_, &info)) {
    const signalfd_siginfo record = to_signalfd(info);
    done += TINE_TRY(to.copy_out(std::as_bytes(std::span(&record, 1))));
  }
  return done > 0 ? Result<u64>(done) : Errno{EAGAIN};
}

u32 SignalFile::poll() {
  const Caller *caller = current_caller();
  return caller && (caller->pending_signals() & mask_) != 0 ? POLLIN | POLLRDNORM : 0;
}

void AsyncSender::wake_signal_files(int signal) {
  for (SignalFile *file : signal_files_)
    if ((file->mask_ >> (signal - 1) & 1U) != 0)
      file->changed_.wake_all();
}

} // namespace tine::fs
