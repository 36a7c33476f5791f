// A descriptor that stands for a process: pidfd_open(2), CLONE_PIDFD.
#pragma once

#include "fs/file.hpp"
#include "process/process.hpp"

namespace tine::process {

/// Keeps the Process object, not the process: after it was reaped, signals to it are ESRCH.
class PidFile final : public fs::File {
public:
  explicit PidFile(Ref<Process> process);

  /// POLLIN once the process has ended.
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &process_->exited; }
  [[nodiscard]] std::string description() override { return "anon_inode:[pidfd]"; }

  [[nodiscard]] const Ref<Process> &process() const { return process_; }
  /// Whether the pid was given back.
  [[nodiscard]] bool is_reaped() const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PidFile *saved);

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;

  Ref<Process> process_;
};

} // namespace tine::process
