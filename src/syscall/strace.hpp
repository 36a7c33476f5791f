// `--strace`: one line a system call, as strace -f prints it.
#pragma once

#include "base/unique_fd.hpp"
#include "process/tracer.hpp"

#include <string>
#include <unordered_map>

namespace tine::syscall {

/// Writes to a host descriptor: "[pid     7] openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3". A call
/// that blocks is shown at once as "<unfinished ...>", and when it returns as "<... read resumed>".
class StraceWriter final : public process::SystemCallTracer {
public:
  explicit StraceWriter(UniqueFd output) : output_(std::move(output)) {}

  void started(process::Thread &thread, const std::string &path,
               std::span<const std::string> arguments,
               std::span<const std::string> environment) override;
  void entered(process::Thread &thread, const u64 (&arguments)[6]) override;
  void blocked(process::Thread &thread) override;
  void returned(process::Thread &thread, i64 value, bool has_value) override;
  void interrupted(process::Thread &thread, u8 rule) override;
  void signalled(process::Thread &thread, const siginfo_t &info) override;
  void exited(process::Thread &thread, int status) override;

private:
  /// A call that hasn't returned.
  struct Pending {
    i64 number = -1;
    u64 arguments[6] = {};
    std::string text; ///< as it was at entry: memory may change before the return
    u8 printed = 0;   ///< arguments that are in it
    bool unfinished = false;
  };
  /// Takes the call off and writes its line: what is left of its arguments, then `result`.
  void finish(process::Thread &thread, i64 value, const std::string &result);
  void write_line(const process::Thread &thread, const std::string &line);

  UniqueFd output_;
  std::unordered_map<i32, Pending> pending_; ///< by tid
};

} // namespace tine::syscall
