// `--strace`: one line a system call, as strace prints it.
#pragma once

#include "base/unique_fd.hpp"
#include "process/tracer.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace tine::syscall {

/// Writes to a host descriptor: "[pid  7] openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3". A line is
/// written whole when its call returns, so calls that overlap in time are never mixed. With the
/// kernel lock.
class StraceWriter final : public process::SystemCallTracer {
public:
  explicit StraceWriter(UniqueFd output) : output_(std::move(output)) {}

  void entered(process::Thread &thread, const u64 (&arguments)[6]) override;
  void returned(process::Thread &thread, i64 value, bool has_value) override;
  void signalled(process::Thread &thread, int signal) override;

private:
  struct Pending {
    i64 number = -1;
    u64 arguments[6] = {};
    std::string text; ///< what was printed at entry: strings may change before the return
  };
  void write_line(const process::Thread &thread, const std::string &line);

  UniqueFd output_;
  std::unordered_map<i32, Pending> pending_; ///< by tid
};

} // namespace tine::syscall
