// A standard stream of a box that leads to this process, without a descriptor of the host.
#pragma once

#include "box/runtime.hpp"
#include "fs/pipe.hpp"
#include "sched/wait_queue.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <optional>
#include <string>
#include <string_view>

namespace tine::box {

/// The host program's end of a pipe whose other end is a standard stream of a box. For one host
/// thread at a time. Lives no longer than the runtime.
class HostPipe final : public sched::WakeTarget {
public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  explicit HostPipe(Runtime &runtime) : runtime_(runtime) {}
  ~HostPipe() override;

  /// A new pipe as standard stream `role` of a box: the box's end of it. With the kernel lock.
  [[nodiscard]] Ref<fs::File> open(int role);
  /// Blocks while the pipe is full. False if the box doesn't read any more.
  bool write(std::string_view bytes);
  /// Appends what is there, waiting for it. False at the end and after the deadline.
  bool read(std::string &to, const Deadline &deadline);
  /// The box reads the end, or writes in vain.
  void close();
  [[nodiscard]] bool is_open() const { return open_; }

  void woken(sched::WaitQueue &queue) override;

private:
  [[nodiscard]] bool wait(KernelGuard &guard, const Deadline &deadline);

  Runtime &runtime_;
  Ref<fs::File> end_; ///< with the kernel lock
  bool open_ = false;
  std::atomic<bool> changed_{false};
  std::condition_variable_any wake_;
};

} // namespace tine::box
