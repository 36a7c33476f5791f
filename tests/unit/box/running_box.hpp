// A box that runs one of the guests, its standard streams pipes of the test.
#pragma once

#include "box/box.hpp"
#include "box/runtime.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace tine::box {

/// The host's end of a box's standard streams, and the box.
class RunningBox {
public:
  /// Starts `guest` (of tests/unit/box/guests) with arguments. Its standard input may be given.
  static std::unique_ptr<RunningBox> start(Runtime &runtime, const std::string &guest,
                                           std::vector<std::string> arguments = {},
                                           BoxOptions options = {}) {
    auto made = std::make_unique<RunningBox>();
    options.program = guest.starts_with('/') ? guest : std::string(TINE_BOX_GUESTS "/") + guest;
    options.arguments = std::move(arguments);
    options.arguments.insert(options.arguments.begin(), options.program);
    options.working_directory = "/";
    UniqueFd input = std::move(options.streams.descriptors[STDIN_FILENO]);
    options.streams = made->make_streams();
    if (input)
      options.streams.descriptors[STDIN_FILENO] = std::move(input);
    made->box_ = std::make_unique<Box>(runtime);
    const auto failure = made->box_->start(options);
    EXPECT_FALSE(failure) << failure->message;
    return failure ? nullptr : std::move(made);
  }
  std::unique_ptr<RunningBox> fork() {
    auto made = std::make_unique<RunningBox>();
    auto forked = box_->fork(made->make_streams());
    if (auto *failure = std::get_if<StartFailure>(&forked)) {
      ADD_FAILURE() << failure->message;
      return nullptr;
    }
    made->box_ = std::move(std::get<std::unique_ptr<Box>>(forked));
    return made;
  }

  /// The box in a file that has no name.
  UniqueFd save() {
    UniqueFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    EXPECT_TRUE(file);
    const auto failure = box_->save(file.get(), {});
    EXPECT_FALSE(failure) << failure->message;
    return file;
  }
  static std::unique_ptr<RunningBox> restore(Runtime &runtime, const UniqueFd &file,
                                             RestoreOptions options = {}) {
    auto made = std::make_unique<RunningBox>();
    options.streams = made->make_streams();
    Surroundings surroundings;
    auto restored = Box::restore(runtime, UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3)),
                                 std::move(options), surroundings);
    if (auto *failure = std::get_if<StartFailure>(&restored)) {
      ADD_FAILURE() << failure->message;
      return nullptr;
    }
    made->box_ = std::move(std::get<std::unique_ptr<Box>>(restored));
    return made;
  }

  void say(const std::string &line) {
    const std::string bytes = line + "\n";
    EXPECT_EQ(::write(input_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  /// The next line of standard output; empty at its end, and after 20 seconds, which fails.
  std::string line() {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      if (const auto end = pending_.find('\n'); end != std::string::npos) {
        std::string result = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        return result;
      }
      pollfd entry{output_.get(), POLLIN, 0};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          limit - std::chrono::steady_clock::now());
      if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0) {
        ADD_FAILURE() << "no line of output came; so far: " << pending_;
        return {};
      }
      char bytes[4096];
      const ssize_t count = ::read(output_.get(), bytes, sizeof bytes);
      if (count <= 0)
        return {};
      pending_.append(bytes, static_cast<std::size_t>(count));
    }
  }
  /// The lines up to "done", by their first word: what follows it, or the whole rest.
  std::map<std::string, std::string> facts() {
    std::map<std::string, std::string> found;
    for (std::string next = line(); next != "done"; next = line()) {
      if (next.empty()) {
        ADD_FAILURE() << "the guest ended early";
        break;
      }
      const auto blank = next.find(' ');
      found[next.substr(0, blank)] = blank == std::string::npos ? "" : next.substr(blank + 1);
    }
    return found;
  }
  /// Reads the lines up to "done", each of which must be "ok NAME"; how many there are.
  std::size_t expect_all_ok() {
    std::size_t count = 0;
    for (std::string next = line(); next != "done"; next = line()) {
      EXPECT_TRUE(next.starts_with("ok ")) << next;
      if (next.empty())
        break;
      ++count;
    }
    return count;
  }
  int exit_code() {
    const int status = box_->wait_for_end();
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WEXITSTATUS(status);
  }
  /// Checks every address space of the box: an empty string, or what is wrong.
  std::string validate(Runtime &runtime) {
    const KernelGuard guard = runtime.pause(box_->kernel());
    for (const auto &[pid, process] : box_->kernel().processes())
      for (const Ref<process::Thread> &thread : process->threads)
        if (std::string wrong = thread->memory ? thread->memory->validate() : ""; !wrong.empty())
          return wrong;
    return {};
  }
  Box &box() { return *box_; }

private:
  fs::StandardStreams make_streams() {
    int in[2], out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    input_ = UniqueFd(in[1]);
    output_ = UniqueFd(out[0]);
    fs::StandardStreams streams;
    streams.descriptors[0] = UniqueFd(in[0]);
    streams.descriptors[1] = UniqueFd(out[1]);
    streams.descriptors[2] = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    return streams;
  }

  UniqueFd input_, output_;
  std::string pending_;
  std::unique_ptr<Box> box_;
};

/// A runtime for a test; after it nothing is left of its boxes.
class BoxTest : public testing::Test {
protected:
  BoxTest() : runtime_({.vcpus = 2, .memory_bytes = u64{4} << 30}) { runtime_.start(); }

  Runtime runtime_;
};

} // namespace tine::box
