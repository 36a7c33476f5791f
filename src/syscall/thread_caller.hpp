// The current thread, as fs/ sees it.
#pragma once

#include "fs/caller.hpp"
#include "process/thread.hpp"

namespace tine::syscall {

/// Lives on the stack of a system call.
class ThreadCaller final : public fs::Caller {
public:
  explicit ThreadCaller(process::Thread &thread) : thread_(thread) {}
  [[nodiscard]] Pid process() const override;
  [[nodiscard]] Pid thread() const override;
  [[nodiscard]] Pid group() const override;
  [[nodiscard]] Pid session() const override;
  [[nodiscard]] Ref<fs::File> controlling_terminal() const override;
  void set_controlling_terminal(Ref<fs::File> terminal) override;
  [[nodiscard]] bool disregards(int signal) const override;
  bool signal_group(Pid group, int signal) const override;
  [[nodiscard]] bool group_in_session(Pid group, Pid session) const override;
  bool take_signal(u64 set, void *info) override;
  [[nodiscard]] u64 pending_signals() const override;
  [[nodiscard]] const fs::Path &root() const override;
  [[nodiscard]] const fs::Credentials &credentials() const override { return thread_.credentials; }
  [[nodiscard]] Pid shown(Pid pid) const override;
  [[nodiscard]] Pid given(Pid number) const override;

private:
  process::Thread &thread_;
};

} // namespace tine::syscall
