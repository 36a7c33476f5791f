// Descriptors that stand for events: eventfd(2), timerfd_create(2), signalfd(2).
#pragma once

#include "fs/async_signals.hpp"
#include "fs/file.hpp"
#include "time/timer_queue.hpp"

namespace tine::fs {

/// A counter. Invariant: below 2^64 - 1.
class EventFile final : public File {
public:
  EventFile(u64 initial, u32 flags, bool semaphore);
  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] Result<u64> write(memory::IoBuffer &from) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &changed_; }
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] std::string description() override { return "anon_inode:[eventfd]"; }
  [[nodiscard]] u64 count() const { return count_; }
  [[nodiscard]] bool is_semaphore() const { return semaphore_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, EventFile *saved);

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;

  u64 count_;
  bool semaphore_;
  sched::WaitQueue changed_;
};

/// A timer of one clock. Expirations are counted until they are read.
class TimerFile final : public File {
public:
  TimerFile(time::TimerQueue &timers, int clock, u32 flags);
  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &changed_; }
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] std::string description() override { return "anon_inode:[timerfd]"; }

  /// Both in nanoseconds; zero `value` disarms. `absolute`: a time of the file's clock.
  struct Setting {
    Nanoseconds value = 0;
    Nanoseconds interval = 0;
  };
  void set(const Setting &setting, bool absolute);
  /// Time until the next expiration, and the interval.
  [[nodiscard]] Setting remaining() const;
  [[nodiscard]] int clock() const { return clock_; }
  [[nodiscard]] u64 expirations() const { return expirations_; }
  [[nodiscard]] bool measures_wall_clock() const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, TimerFile *saved);
  void archive_body(Archive &archive);

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;
  void expired();
  [[nodiscard]] Nanoseconds clock_now() const;

  time::TimerQueue &timers_;
  int clock_;
  time::Timer timer_;
  Nanoseconds interval_ = 0;
  Nanoseconds next_ = 0;       ///< host monotonic
  bool is_wall_clock_ = false; ///< it was given as a time of the wall clock
  u64 expirations_ = 0;
  sched::WaitQueue changed_;
};

/// Signals of whoever reads. Woken by AsyncSender::wake_signal_files().
class SignalFile final : public File {
public:
  SignalFile(u64 mask, u32 flags, AsyncSender &box);
  ~SignalFile() override;
  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &changed_; }
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] std::string description() override { return "anon_inode:[signalfd]"; }
  void set_mask(u64 mask);
  [[nodiscard]] u64 mask() const { return mask_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, SignalFile *saved);

private:
  friend class AsyncSender;
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;

  AsyncSender &box_;
  u64 mask_;
  sched::WaitQueue changed_;
};

} // namespace tine::fs
