#include "measure.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

std::int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// Adds up the lines `NAME: n kB` of a /proc file whose name starts with `prefix`. In bytes. Read
/// without the heap, so that looking copies as few pages as it can.
std::int64_t sum_of_lines(const char *path, const char *prefix) {
  static char text[16384];
  int fd = open(path, O_RDONLY);
  if (fd < 0)
    return -1;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0)
    return -1;
  text[length] = '\0';
  std::int64_t sum = 0;
  for (char *line = text; line != nullptr; line = std::strchr(line, '\n')) {
    line += *line == '\n';
    if (std::strncmp(line, prefix, std::strlen(prefix)) == 0)
      sum += std::atoll(std::strchr(line, ':') + 1) * 1024;
  }
  return sum;
}

/// What a child tells its parent through a pipe.
struct Report {
  std::int64_t shared, private_before, private_after, page_tables;
};

Report look(const std::function<void()> &work) {
  Report report{};
  report.private_before = sum_of_lines("/proc/self/smaps_rollup", "Private_Dirty");
  work();
  report.private_after = sum_of_lines("/proc/self/smaps_rollup", "Private_Dirty");
  report.shared = sum_of_lines("/proc/self/smaps_rollup", "Shared_");
  report.page_tables = sum_of_lines("/proc/self/status", "VmPTE");
  return report;
}

bool reap(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

Measurement measure_child(const std::string &name, const std::function<void()> &work) {
  Measurement result;
  result.name = name;
  // The median of three: the first fork also pays for what the program did before.
  std::int64_t fork_ns[3], reaped_ns[3];
  for (int i = 0; i < 3; ++i) {
    std::int64_t start = now_ns();
    pid_t child = fork();
    if (child == 0) {
      work();
      _exit(0);
    }
    fork_ns[i] = now_ns() - start;
    result.failed |= child < 0 || !reap(child);
    reaped_ns[i] = now_ns() - start;
  }
  std::sort(fork_ns, fork_ns + 3);
  std::sort(reaped_ns, reaped_ns + 3);
  result.fork_ns = fork_ns[1];
  result.reaped_ns = reaped_ns[1];

  int fds[2];
  if (pipe(fds) != 0) {
    result.failed = true;
    return result;
  }
  pid_t child = fork();
  if (child == 0) {
    Report report = look(work);
    _exit(write(fds[1], &report, sizeof report) == sizeof report ? 0 : 1);
  }
  close(fds[1]);
  Report report{};
  result.failed |=
      child < 0 || read(fds[0], &report, sizeof report) != sizeof report || !reap(child);
  close(fds[0]);
  result.shared_bytes = report.shared;
  result.private_bytes = report.private_after;
  result.page_table_bytes = report.page_tables;
  result.pages_copied = (report.private_after - report.private_before) / 4096;
  return result;
}

Measurement measure_exec(const std::string &name, const char *program, const char *argument,
                         std::size_t &lines_of_output) {
  Measurement result;
  result.name = name;
  int fds[2];
  if (pipe(fds) != 0) {
    result.failed = true;
    return result;
  }
  std::int64_t start = now_ns();
  pid_t child = fork();
  if (child == 0) {
    dup2(fds[1], STDOUT_FILENO);
    close(fds[0]);
    close(fds[1]);
    execl(program, program, argument, nullptr);
    _exit(127);
  }
  result.fork_ns = now_ns() - start;
  close(fds[1]);
  lines_of_output = 0;
  char text[4096];
  for (ssize_t count; (count = read(fds[0], text, sizeof text)) > 0;)
    lines_of_output += static_cast<std::size_t>(std::count(text, text + count, '\n'));
  close(fds[0]);
  result.failed = child < 0 || !reap(child);
  result.reaped_ns = now_ns() - start;
  return result;
}
