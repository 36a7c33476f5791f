// The box that a command runs in the foreground, with the forks that its program asks for.
#pragma once

#include "box/box.hpp"
#include "box/host_signals.hpp"

#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace tine::box {

/// Owns the box that is the command's, and its forks. Signals that tine gets go to all of them, and
/// tine's terminal is theirs. A fork writes where the original does, and reads nothing: of its
/// standard input it finds the end. One at a time in a host process; used by the thread that starts
/// it.
class Foreground {
public:
  /// std::runtime_error if the host gives no descriptor.
  explicit Foreground(Runtime &runtime);
  ~Foreground();
  Foreground(const Foreground &) = delete;
  Foreground &operator=(const Foreground &) = delete;

  [[nodiscard]] std::optional<StartFailure> start(BoxOptions options);
  /// Waits until the first process of each box has ended; forks boxes meanwhile, and stops and
  /// continues with the original. The original's status, as wait4(2) reports it.
  [[nodiscard]] int wait();
  [[nodiscard]] Box &original() { return *boxes_.front().box; }

private:
  /// A box, and who hears of its end. Guarded by the kernel lock.
  struct Member final : sched::WakeTarget {
    Member(Foreground &foreground_, std::unique_ptr<Box> box_, Ref<fs::BoxControl> control_);
    void woken(sched::WaitQueue &queue) override;
    Foreground &foreground;
    std::unique_ptr<Box> box;
    Ref<fs::BoxControl> control;
    std::list<Member>::iterator place; ///< in boxes_
  };
  static void request(void *self, fs::BoxControl &control);
  void remove_ended_forks();
  void carry_out_requests();
  void add(std::unique_ptr<Box> box, Ref<fs::BoxControl> control);
  void carry_out(const Ref<fs::BoxControl> &control);
  [[nodiscard]] bool add_fork(Member &original);
  /// A signal that the caller's terminal sent to tine goes to the terminal's foreground process
  /// group in the boxes; one that another program sent goes to their first processes. With the
  /// kernel lock.
  void forward_signal(const signalfd_siginfo &info);

  Runtime &runtime_;
  UniqueFd null_;
  std::list<Member> boxes_;     ///< the original first; changed with the kernel lock
  std::vector<Member *> ended_; ///< forks, not removed yet; guarded by the kernel lock
  std::vector<Ref<fs::BoxControl>> requests_; ///< guarded by the kernel lock
  i64 last_number_ = 0;
  std::unique_ptr<HostSignals> signals_;
};

} // namespace tine::box
