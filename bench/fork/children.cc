#include "children.hpp"

#include <cstdio>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace tine::bench {

namespace {

/// The sum of the named fields of a file of "Name: number kB" lines, in bytes.
double fields(const std::string &path, const std::vector<std::string> &names) {
  std::ifstream file(path);
  double sum = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0;
    words >> name >> kilobytes;
    for (const std::string &wanted : names)
      if (name == wanted + ":")
        sum += kilobytes * 1024;
  }
  return sum;
}

double memory_of(pid_t process, bool in_box) {
  if (in_box)
    return fields("/proc/" + std::to_string(process) + "/status", {"VmRSS", "VmPTE"});
  return fields("/proc/meminfo", {"AnonPages", "PageTables", "KernelStack", "SUnreclaim"});
}

struct Pipes {
  int to_child[2] = {-1, -1}, from_child[2] = {-1, -1};
  [[nodiscard]] bool open() { return pipe(to_child) == 0 && pipe(from_child) == 0; }
};

pid_t start(const Command &command, const Pipes &pipes) {
  const pid_t child = fork();
  if (child != 0)
    return child;
  dup2(pipes.to_child[0], 0);
  dup2(pipes.from_child[1], 1);
  for (const int fd :
       {pipes.to_child[0], pipes.to_child[1], pipes.from_child[0], pipes.from_child[1]})
    close(fd);
  std::vector<char *> arguments;
  for (const std::string &argument : command.arguments)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

} // namespace

Children measure_children(const Command &command, bool in_box) {
  Children result;
  Pipes pipes;
  if (!pipes.open())
    return result;
  const pid_t child = start(command, pipes);
  close(pipes.to_child[0]);
  close(pipes.from_child[1]);
  FILE *output = fdopen(pipes.from_child[0], "r");
  char line[128];
  if (std::fgets(line, sizeof line, output)) {
    const double before = memory_of(child, in_box);
    (void)!write(pipes.to_child[1], "x", 1);
    if (std::fgets(line, sizeof line, output) &&
        std::sscanf(line, "ready %lu %lf", &result.count, &result.fork_nanoseconds) == 2) {
      result.bytes_per_child =
          (memory_of(child, in_box) - before) / static_cast<double>(result.count);
      (void)!write(pipes.to_child[1], "x", 1);
      result.succeeded = std::fgets(line, sizeof line, output) != nullptr;
    }
  }
  if (!result.succeeded)
    kill(child, SIGKILL);
  std::fclose(output);
  close(pipes.to_child[1]);
  int status = 0;
  waitpid(child, &status, 0);
  result.succeeded = result.succeeded && status == 0;
  return result;
}

} // namespace tine::bench
