#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tine::bench {

namespace {

using Clock = std::chrono::steady_clock;

double seconds(const timeval &time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

[[noreturn]] void become(const Command &command, int output) {
  const int input =
      open(command.input_file.empty() ? "/dev/null" : command.input_file.c_str(), O_RDONLY);
  const int errors = open("/dev/null", O_WRONLY);
  dup2(input, 0);
  dup2(output, 1);
  if (!std::getenv("TINE_BENCH_LOUD"))
    dup2(errors, 2);
  setpgid(0, 0);
  std::vector<char *> arguments;
  for (const std::string &argument : command.arguments)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

/// Reads to the end of file; false if `deadline` came first.
bool read_all(int fd, std::string &output, Clock::time_point deadline) {
  char buffer[65536];
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0)
      return false;
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count <= 0)
      return true;
    output.append(buffer, static_cast<std::size_t>(count));
  }
}

} // namespace

Run run(const Command &command, double timeout_seconds) {
  Run result;
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0)
    return result;
  const auto begin = Clock::now();
  const pid_t child = fork();
  if (child == 0)
    become(command, pipe_ends[1]);
  close(pipe_ends[1]);
  const auto deadline =
      begin + std::chrono::milliseconds(static_cast<long>(timeout_seconds * 1000));
  result.timed_out = !read_all(pipe_ends[0], result.output, deadline);
  if (result.timed_out)
    kill(-child, SIGKILL);
  close(pipe_ends[0]);
  rusage usage{};
  int status = -1;
  wait4(child, &status, 0, &usage);
  result.wall_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  result.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  result.status = result.timed_out ? -1 : status;
  return result;
}

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double geometric_mean(const std::vector<double> &values) {
  double sum = 0;
  for (const double value : values)
    sum += std::log(value);
  return values.empty() ? 0 : std::exp(sum / static_cast<double>(values.size()));
}

bool is_executable(const std::string &name) {
  if (name.find('/') != std::string::npos)
    return access(name.c_str(), X_OK) == 0;
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string directory; std::getline(path, directory, ':');)
    if (access((directory + "/" + name).c_str(), X_OK) == 0)
      return true;
  return false;
}

std::string own_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

} // namespace tine::bench
