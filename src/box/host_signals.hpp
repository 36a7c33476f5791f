// Signals that tine itself gets are meant for the program in the box.
#pragma once

#include "base/unique_fd.hpp"
#include "sched/host_events.hpp"
#include "sched/wait_queue.hpp"

#include <functional>
#include <sys/signalfd.h>

namespace tine::box {

/// Blocks the signals in the calling thread (threads made later inherit that) and reads them from a
/// descriptor instead. One at a time in a host process. Guarded by the kernel lock.
class HostSignals final : public sched::WakeTarget {
public:
  using Receive = std::function<void(const signalfd_siginfo &)>;

  HostSignals(sched::HostEvents &events, Receive receive);
  ~HostSignals() override;

  void woken(sched::WaitQueue &queue) override;

private:
  sched::HostEvents &events_;
  Receive receive_;
  UniqueFd descriptor_;
  sched::WaitQueue arrived_;
};

} // namespace tine::box
