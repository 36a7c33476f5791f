// Running a command as a child process and what it cost.
#pragma once

#include <string>
#include <vector>

namespace tine::bench {

struct Command {
  std::vector<std::string> arguments;
  /// Standard input; empty: /dev/null.
  std::string input_file;
};

struct Run {
  double wall_seconds = 0;
  double cpu_seconds = 0; ///< user and system, of the child and all that it waited for
  int status = -1;        ///< as wait(2) gives it; -1: it could not be started, or took too long
  bool timed_out = false;
  std::string output;
  [[nodiscard]] bool succeeded() const { return status == 0; }
};

/// Standard error goes where ours goes only if the run is `loud`.
[[nodiscard]] Run run(const Command &command, double timeout_seconds);

[[nodiscard]] double median(std::vector<double> values);
[[nodiscard]] double geometric_mean(const std::vector<double> &values);

/// True if a program of that name is found on PATH, or is an executable file.
[[nodiscard]] bool is_executable(const std::string &name);
/// The directory that holds the running program.
[[nodiscard]] std::string own_directory();

} // namespace tine::bench
