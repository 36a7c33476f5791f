// A Python interpreter that is warmed up once and serves each request in a fresh fork of its box:
// no request sees what another one did.
//
//   warm_python [REQUESTS]
#include <tine/tine.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

constexpr const char *server = R"(
import os, sys, json, decimal, random, re   # the warm-up, paid for once
state = {"requests": 0}
print("ready", flush=True)
line = sys.stdin.readline()                 # here the box is forked
state["requests"] += 1
print(json.dumps({"answer": str(eval(line)), "requests": state["requests"]}), flush=True)
os._exit(0)                                 # nothing is left to be tidied up
)";

/// One request; false if the answer is wrong.
bool serve(tine::Box &warm, int number) {
  tine::Box box = warm.fork();
  box.write("decimal.Decimal(" + std::to_string(number) + ") / 8\n");
  const auto answer = box.read_line();
  // The answer says that this fork has served one request, whatever was served before.
  const bool right = answer && answer->find("\"requests\": 1}") != std::string::npos;
  if (!right)
    std::cerr << "request " << number << ": " << answer.value_or("no answer") << '\n';
  else if (number <= 3)
    std::cout << *answer << '\n';
  return right && box.wait() == 0;
}

} // namespace

int main(int argc, char **argv) try {
  const int requests = argc > 1 ? std::atoi(argv[1]) : 1000;
  tine::Box warm = tine::Box::start({.arguments = {"python3", "-c", server}});
  if (!warm.read_until("ready", std::chrono::seconds(30))) {
    std::cerr << "python3 does not get ready\n";
    return 1;
  }
  const auto start = std::chrono::steady_clock::now();
  for (int number = 1; number <= requests; ++number)
    if (!serve(warm, number))
      return 1;
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::cout << requests << " requests, each in its own fork: " << time.count() << " s, "
            << time.count() / requests * 1e6 << " us each\n";
  return 0;
} catch (const tine::Error &error) {
  std::cerr << error.what() << '\n';
  return error.exit_status;
}
