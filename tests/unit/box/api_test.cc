// The public interfaces, C++ and C: what an embedding program can do with a box that runs.
#include "tine/tine.h"
#include "tine/tine.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace tine {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds long_time{20};

Box start(const std::string &guest) {
  return Box::start({.arguments = {TINE_BOX_GUESTS "/" + guest}});
}

TEST(Api, RunsUntilASystemCallIsAboutToBeMade) {
  Box box = start("counter");
  box.write("a\n");
  EXPECT_EQ(box.read_line(long_time), "a 1");
  box.pause(); // else it may have answered before it is waited for
  box.write("b\n");
  ASSERT_TRUE(box.run_until_call("write", long_time));
  EXPECT_EQ(box.read_line(milliseconds(50)), std::nullopt) << "the call was made";
  Box copy = box.fork(); // makes the call at once
  EXPECT_EQ(copy.read_line(long_time), "b 2");
  EXPECT_EQ(box.read_line(milliseconds(50)), std::nullopt) << "the fork let the original go on";
  box.resume();
  EXPECT_EQ(box.read_line(long_time), "b 2");
}

TEST(Api, ACallThatDoesNotComeLetsTheBoxRunOn) {
  Box box = start("counter");
  EXPECT_FALSE(box.run_until_call("socket", milliseconds(50)));
  box.write("a\n");
  EXPECT_EQ(box.read_line(long_time), "a 1");
  box.write("exit\n");
  EXPECT_FALSE(box.run_until_call("socket", long_time));
  EXPECT_EQ(box.exit_status(), 1);
  EXPECT_THROW((void)box.run_until_call("no_such_call"), Error);
}

TEST(Api, AStoppedBoxAnswersWhenItGoesOn) {
  Box box = start("counter");
  box.pause();
  box.write("a\n");
  EXPECT_EQ(box.read_line(milliseconds(50)), std::nullopt);
  EXPECT_TRUE(box.run_for(milliseconds(1)));
  box.resume();
  EXPECT_EQ(box.read_line(long_time), "a 1");
  box.pause();
  box.write("exit\n");
  EXPECT_EQ(box.wait(), 1);
  EXPECT_FALSE(box.run_for(milliseconds(1)));
}

TEST(Api, AStoppedBoxCanBeKilled) {
  Box box = start("counter");
  box.pause();
  box.kill();
  EXPECT_EQ(box.wait(), 128 + 9);
}

TEST(Api, MemoryIsReadAndWrittenInOneBoxAlone) {
  Box box = start("value");
  const std::uint64_t address = std::stoull(box.read_line(long_time).value(), nullptr, 16);
  ASSERT_EQ(box.processes().size(), 1u);
  const int pid = box.processes().front();
  int value = 0;
  std::memcpy(&value, box.read_memory(pid, address, sizeof value).data(), sizeof value);
  EXPECT_EQ(value, 41);
  Box copy = box.fork();
  value = 7;
  copy.write_memory(pid, address, {reinterpret_cast<const char *>(&value), sizeof value});
  copy.write("\n");
  box.write("\n");
  EXPECT_EQ(copy.read_line(long_time), "7");
  EXPECT_EQ(box.read_line(long_time), "41");
  EXPECT_THROW((void)box.read_memory(pid, 16, 1), Error);
  EXPECT_THROW((void)box.read_memory(pid + 1000, address, 1), Error);
}

TEST(Api, FilesAreReadAndWrittenInOneBoxAlone) {
  Box box = start("counter");
  box.write_file("/tmp/of_api_test", "one", 0600);
  Box copy = box.fork();
  copy.write_file("/tmp/of_api_test", std::string(200'000, 'x'));
  EXPECT_EQ(box.read_file("/tmp/of_api_test"), "one");
  EXPECT_EQ(copy.read_file("/tmp/of_api_test"), std::string(200'000, 'x'));
  copy.write_file("/tmp/of_api_test", "");
  EXPECT_EQ(copy.read_file("/tmp/of_api_test"), "");
  EXPECT_NE(box.read_file("/proc/uptime"), "");
  for (const char *path : {"/tmp/no_such_file", "/tmp", "/dev/null"})
    EXPECT_THROW((void)box.read_file(path), Error) << path;
  EXPECT_THROW(box.write_file("/tmp/no_such_directory/file", "x"), Error);
  EXPECT_THROW(box.write_file("/dev/full", "x"), Error);
}

/// What comes from a host thread to a box that has been idle for long is preempted, too.
TEST(Api, WorkFromOutsideIsPreempted) {
  Box box = Box::start({.arguments = {"sh", "-c",
                                      "echo ready; read line; while :; do :; done & "
                                      "echo second & wait"},
                        .vcpus = 1});
  ASSERT_TRUE(box.read_until("ready", long_time));
  std::this_thread::sleep_for(milliseconds(1500)); // its event thread sleeps for good by then
  box.write("go\n");
  EXPECT_TRUE(box.read_until("second", milliseconds(5000)));
}

struct Freed {
  void operator()(tine_box *box) const { tine_box_free(box); }
};

TEST(CApi, HasTheSameReach) {
  const char *const arguments[] = {TINE_BOX_GUESTS "/value", nullptr};
  tine_options options{};
  options.arguments = arguments;
  const std::unique_ptr<tine_box, Freed> box(tine_box_start(&options));
  ASSERT_TRUE(box) << tine_error();
  char *line = nullptr;
  size_t size = 0;
  ASSERT_EQ(tine_box_read_line(box.get(), &line, &size, 20'000), 1);
  EXPECT_EQ(size, std::strlen(line));
  const std::uint64_t address = std::stoull(line, nullptr, 16);
  tine_free(line);
  int pid = 0, value = 0;
  ASSERT_EQ(tine_box_processes(box.get(), &pid, 1), 1);
  const std::unique_ptr<tine_box, Freed> copy(tine_box_fork(box.get(), nullptr));
  ASSERT_TRUE(copy) << tine_error();
  value = 5;
  EXPECT_EQ(tine_box_write_memory(copy.get(), pid, address, &value, sizeof value), 0);
  EXPECT_EQ(tine_box_read_memory(box.get(), pid, address, &value, sizeof value), 0);
  EXPECT_EQ(value, 41);
  EXPECT_EQ(tine_box_write(copy.get(), "\n", 1), 1);
  EXPECT_EQ(tine_box_read_until(copy.get(), "5", 20'000), 1);
  EXPECT_EQ(tine_box_pause(copy.get()), 0);
  EXPECT_EQ(tine_box_write(copy.get(), "\n", 1), 1);
  EXPECT_EQ(tine_box_run_until_call(copy.get(), "write", 20'000), 1);
  EXPECT_EQ(tine_box_read_line(copy.get(), &line, &size, 50), 0);
  EXPECT_EQ(tine_box_resume(copy.get()), 0);
  EXPECT_EQ(tine_box_read_until(copy.get(), "5", 20'000), 1);
  EXPECT_EQ(tine_box_write_file(copy.get(), "/tmp/of_c_api", "text", 4, 0600), 0);
  ASSERT_EQ(tine_box_read_file(copy.get(), "/tmp/of_c_api", &line, &size), 0);
  EXPECT_EQ(std::string(line, size), "text");
  tine_free(line);
  EXPECT_EQ(tine_box_exit_status(copy.get(), &value), 0);
  EXPECT_EQ(tine_box_write(copy.get(), "exit\n", 5), 1);
  EXPECT_EQ(tine_box_wait(copy.get()), 5);
  EXPECT_EQ(tine_box_exit_status(copy.get(), &value), 1);
}

TEST(CApi, ASavedBoxGoesOnInAnotherFamily) {
  const char *const arguments[] = {"sh", "-c", "read line; echo got $line", nullptr};
  tine_options options{};
  options.arguments = arguments;
  const std::unique_ptr<tine_box, Freed> box(tine_box_start(&options));
  ASSERT_TRUE(box) << tine_error();
  const std::string path = testing::TempDir() + "c_api_" + std::to_string(getpid()) + ".tine";
  ASSERT_EQ(tine_box_save(box.get(), path.c_str()), 0) << tine_error();
  tine_restore_options restore{};
  restore.vcpus = 1;
  const std::unique_ptr<tine_box, Freed> copy(tine_box_restore(path.c_str(), &restore));
  ASSERT_TRUE(copy) << tine_error();
  EXPECT_EQ(tine_box_write(copy.get(), "text\n", 5), 1);
  EXPECT_EQ(tine_box_read_until(copy.get(), "got text", 20'000), 1);
  EXPECT_EQ(tine_box_wait(copy.get()), 0);
  std::filesystem::remove(path);
  EXPECT_EQ(tine_box_restore(path.c_str(), nullptr), nullptr);
  EXPECT_NE(std::string(tine_error()).find("No such file"), std::string::npos) << tine_error();
}

TEST(CApi, AFailureSaysWhatItIs) {
  const char *const arguments[] = {"/no/such/program", nullptr};
  tine_options options{};
  options.arguments = arguments;
  EXPECT_EQ(tine_box_start(&options), nullptr);
  EXPECT_NE(std::string(tine_error()).find("/no/such/program"), std::string::npos);
}

} // namespace
} // namespace tine
