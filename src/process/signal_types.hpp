// Signals as data: sets, dispositions, pending queues.
#pragma once

#include "base/archive.hpp"
#include "base/copier.hpp"
#include "base/ref.hpp"
#include "base/types.hpp"

#include <array>
#include <csignal>
#include <memory>
#include <vector>

namespace tine::process {

inline constexpr int highest_signal = 64;

/// Signals 1 to 64; bit n-1 is signal n, as in the kernel's sigset_t.
struct SignalSet {
  u64 bits = 0;
  [[nodiscard]] constexpr bool contains(int signal) const {
    return (bits >> (signal - 1) & 1U) != 0;
  }
  void add(int signal) { bits |= u64{1} << (signal - 1); }
  void remove(int signal) { bits &= ~(u64{1} << (signal - 1)); }
  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  [[nodiscard]] constexpr SignalSet operator|(SignalSet other) const { return {bits | other.bits}; }
  [[nodiscard]] constexpr SignalSet operator&(SignalSet other) const { return {bits & other.bits}; }
  [[nodiscard]] constexpr SignalSet operator~() const { return {~bits}; }
  constexpr bool operator==(const SignalSet &) const = default;
};

/// The set of the given signals.
template <typename... Signals> [[nodiscard]] constexpr SignalSet signal_set(Signals... signals) {
  return {((u64{1} << (signals - 1)) | ...)};
}
/// What no mask, handler or sigtimedwait changes.
inline constexpr SignalSet unblockable_signals = signal_set(SIGKILL, SIGSTOP);
inline constexpr SignalSet stop_signals = signal_set(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
/// Raised by the thread's own instruction; taken before all others.
inline constexpr SignalSet synchronous_signals =
    signal_set(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS);
inline constexpr int first_real_time_signal = 32;

/// struct kernel_sigaction of x86-64.
struct SignalAction {
  u64 handler = 0; ///< SIG_DFL 0, SIG_IGN 1
  u64 flags = 0;
  u64 restorer = 0;
  SignalSet mask;
  void archive(Archive &archive) { archive(handler, flags, restorer, mask.bits); }
};

/// What CLONE_SIGHAND shares. fork copies it: the actions are shared with forks until one side
/// changes them.
class SignalHandlers final : public RefCounted {
public:
  SignalHandlers() : actions_(std::make_shared<Actions>()) {}
  [[nodiscard]] const SignalAction &operator[](int signal) const {
    return (*actions_)[static_cast<std::size_t>(signal - 1)];
  }
  /// The action, to be changed. Valid until the next clone().
  [[nodiscard]] SignalAction &writable(int signal);
  /// What execve(2) and CLONE_CLEAR_SIGHAND do: all but ignored signals get their default action.
  void reset_caught();
  [[nodiscard]] Ref<SignalHandlers> clone() const;
  [[nodiscard]] Result<Ref<SignalHandlers>> copy(Copier &) const { return clone(); }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, SignalHandlers *saved);
  void archive_body(Archive &archive);

private:
  using Actions = std::array<SignalAction, 64>;
  explicit SignalHandlers(std::shared_ptr<Actions> actions) : actions_(std::move(actions)) {}

  std::shared_ptr<Actions> actions_; ///< never null
};

/// Pending signals of a thread, or shared ones of a process. Standard signals are kept once,
/// real-time signals queue. Invariant: `set` says which signals are in `queue`.
class PendingSignals {
public:
  void add(const siginfo_t &info);
  /// The next signal that `allowed` contains, removed: synchronous ones first, then the lowest
  /// number, the oldest of one number first.
  [[nodiscard]] bool take(SignalSet allowed, siginfo_t &info);
  void discard(SignalSet signals);
  [[nodiscard]] SignalSet set() const { return set_; }
  [[nodiscard]] std::size_t size() const { return queue_.size(); }
  [[nodiscard]] const std::vector<siginfo_t> &queue() const { return queue_; }
  void archive(Archive &archive);

private:
  SignalSet set_;
  std::vector<siginfo_t> queue_;
};

} // namespace tine::process
