// Runs each test in a fork of the state after set-up: the set-up is paid for once, and no test sees
// what another one left, in memory or in files, even if it crashed.
//
//   test_runner SUITE.py
#include <tine/tine.hpp>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>

namespace {

/// Whether the test passed.
bool run(tine::Box &ready, const std::string &name) {
  const auto start = std::chrono::steady_clock::now();
  tine::Box box = ready.fork({.streams = {.error = tine::Stream::pipe}});
  box.write(name + "\n");
  const std::string output = box.read_all();
  const int status = box.wait();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  std::cout << (status == 0 ? "passed  " : "FAILED  ") << name << "  (" << time.count() << " ms)\n";
  if (status != 0)
    std::cout << "        exit status " << status << (output.empty() ? "\n" : ": " + output);
  return status == 0;
}

} // namespace

int main(int argc, char **argv) try {
  if (argc != 2) {
    std::cerr << "usage: test_runner SUITE.py\n";
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  tine::Box ready =
      tine::Box::start({.arguments = {"python3", std::filesystem::absolute(argv[1])}});
  const auto names = ready.read_line(std::chrono::seconds(60));
  if (!names)
    throw tine::Error("the set-up failed", 1);
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  std::cout << "set up in " << time.count() << " ms\n";
  int failed = 0;
  std::istringstream words(*names);
  for (std::string name; words >> name;)
    failed += run(ready, name) ? 0 : 1;
  std::cout << failed << " failed\n";
  return failed == 0 ? 0 : 1;
} catch (const tine::Error &error) {
  std::cerr << error.what() << '\n';
  return error.exit_status;
}
