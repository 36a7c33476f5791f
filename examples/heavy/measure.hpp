// What the example measures of one fork, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

/// Of one forked child. Times in nanoseconds on CLOCK_MONOTONIC; sizes in bytes, as the child reads
/// them of itself in /proc when its work is done.
struct Measurement {
  std::string name;
  std::int64_t fork_ns = 0;   ///< how long fork() took, as the parent sees it
  std::int64_t reaped_ns = 0; ///< from the call of fork() until waitpid() returned; without the
                              ///< child's own look at /proc
  std::int64_t shared_bytes = 0;
  std::int64_t private_bytes = 0;
  std::int64_t page_table_bytes = 0;
  std::int64_t pages_copied =
      0; ///< by the child's writes: its private pages after them, less before
  bool failed = false;
};

/// Forks a child that runs `work`; then, in a second child, the same again with the look at /proc
/// before and after it, so that the times are of the work alone.
Measurement measure_child(const std::string &name, const std::function<void()> &work);

/// Forks a child that execs `program`, whose standard output goes to `lines_of_output`.
Measurement measure_exec(const std::string &name, const char *program, const char *argument,
                         std::size_t &lines_of_output);
