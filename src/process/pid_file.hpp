// A descriptor that stands for a process or a thread: pidfd_open(2), CLONE_PIDFD.
#pragma once

#include "fs/file.hpp"
#include "process/process.hpp"

namespace tine::process {

/// Keeps the Process object, not the process: after it was reaped, signals to it are ESRCH.
class PidFile final : public fs::File {
public:
  /// `thread`: PIDFD_THREAD; none for the process.
  explicit PidFile(Ref<Process> process, Pid thread = {});

  /// POLLIN once it has ended, POLLHUP once nobody can wait for it any more.
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override {
    return is_of_thread() ? &process_->thread_exited : &process_->exited;
  }
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] std::string description() override { return "anon_inode:[pidfd]"; }

  /// Its process, or the thread's.
  [[nodiscard]] const Ref<Process> &process() const { return process_; }
  [[nodiscard]] bool is_of_thread() const { return !thread_.is_none(); }
  [[nodiscard]] Pid id() const { return is_of_thread() ? thread_ : process_->pid; }
  /// The thread, or the process's first; null once it has ended.
  [[nodiscard]] Thread *living_thread() const;
  /// Whether the pid was given back.
  [[nodiscard]] bool is_reaped() const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PidFile *saved);

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;

  Ref<Process> process_;
  Pid thread_;
};

} // namespace tine::process
