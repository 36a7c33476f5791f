// On whose behalf the kernel acts: Linux's `current`, as far as files must know it.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/types.hpp"

namespace tine::fs {

class File;
struct Credentials;
struct Path;

/// The thread whose system call is being carried out. Implemented above (syscall/).
class Caller {
public:
  virtual ~Caller() = default;
  [[nodiscard]] virtual Pid process() const = 0;
  [[nodiscard]] virtual Pid thread() const = 0;
  [[nodiscard]] virtual Pid group() const = 0;
  [[nodiscard]] virtual Pid session() const = 0;
  /// The session's terminal; null if it has none.
  [[nodiscard]] virtual Ref<File> controlling_terminal() const = 0;
  virtual void set_controlling_terminal(Ref<File> terminal) = 0;
  /// Whether the signal is blocked or ignored by the thread.
  [[nodiscard]] virtual bool disregards(int signal) const = 0;
  /// To each process of a process group; false if there is none.
  virtual bool signal_group(Pid group, int signal) const = 0;
  /// Whether the group exists in the session.
  [[nodiscard]] virtual bool group_in_session(Pid group, Pid session) const = 0;
  /// Signals that wait for the thread and its process, within `set` (bit n-1: signal n); removed
  /// and described in `info` (128 bytes, siginfo_t).
  virtual bool take_signal(u64 set, void *info) = 0;
  [[nodiscard]] virtual u64 pending_signals() const = 0;
  [[nodiscard]] virtual const Path &root() const = 0;
  [[nodiscard]] virtual const Credentials &credentials() const = 0;
  /// A pid as its pid namespace numbers it (none: not there), and the other way round (one that no
  /// process has: not there).
  [[nodiscard]] virtual Pid shown(Pid pid) const = 0;
  [[nodiscard]] virtual Pid given(Pid number) const = 0;
};

/// Null outside of a system call.
[[nodiscard]] Caller *current_caller();

/// Makes `caller` the current one of this host thread until the end of the scope.
class CallerScope {
public:
  explicit CallerScope(Caller &caller);
  ~CallerScope();
  CallerScope(const CallerScope &) = delete;
  CallerScope &operator=(const CallerScope &) = delete;

private:
  Caller *previous_;
};

} // namespace tine::fs
