// The fork of a running box: docs/fork-semantics.md says which test is which row.
#include "running_box.hpp"

#include "memory/node_pool.hpp"

namespace tine::box {
namespace {

TEST_F(BoxTest, MemoryDiverges) {
  auto original = RunningBox::start(runtime_, "counter");
  ASSERT_TRUE(original);
  original->say("a");
  EXPECT_EQ(original->line(), "a 1");
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  original->say("b");
  EXPECT_EQ(original->line(), "b 2");
  original->say("c");
  EXPECT_EQ(original->line(), "c 3");
  copy->say("d");
  EXPECT_EQ(copy->line(), "d 2");
  original->say("exit");
  EXPECT_EQ(original->exit_code(), 3);
  copy->say("exit");
  EXPECT_EQ(copy->exit_code(), 2);
}

TEST_F(BoxTest, ForksOfForks) {
  std::vector<std::unique_ptr<RunningBox>> generations;
  generations.push_back(RunningBox::start(runtime_, "counter"));
  ASSERT_TRUE(generations.back());
  for (int i = 1; i <= 20; ++i) {
    generations.back()->say("x");
    EXPECT_EQ(generations.back()->line(), "x " + std::to_string(i));
    generations.push_back(generations.back()->fork());
    ASSERT_TRUE(generations.back());
  }
  // The n-th was forked from by one that had counted to n.
  for (std::size_t i = 0; i < generations.size(); i += 2)
    generations[i] = nullptr;
  for (std::size_t i = 1; i < generations.size(); i += 2) {
    generations[i]->say("y");
    EXPECT_EQ(generations[i]->line(),
              "y " + std::to_string(i == generations.size() - 1 ? i + 1 : i + 2));
  }
}

TEST_F(BoxTest, OriginalMayEndFirst) {
  auto original = RunningBox::start(runtime_, "counter");
  original->say("a");
  EXPECT_EQ(original->line(), "a 1");
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  original = nullptr;
  copy->say("b");
  EXPECT_EQ(copy->line(), "b 2");
  auto second = copy->fork();
  ASSERT_TRUE(second);
  copy->say("exit");
  EXPECT_EQ(copy->exit_code(), 2);
  second->say("c");
  EXPECT_EQ(second->line(), "c 3");
}

TEST_F(BoxTest, BlockedCallsGoOnBlocking) {
  auto original = RunningBox::start(runtime_, "blocked");
  EXPECT_EQ(original->line(), "ready");
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  auto third = copy->fork();
  ASSERT_TRUE(third);
  original->say("go");
  EXPECT_EQ(original->expect_all_ok(), 13U);
  copy->say("go");
  EXPECT_EQ(copy->expect_all_ok(), 13U);
  third->say("go");
  EXPECT_EQ(third->expect_all_ok(), 13U);
  EXPECT_EQ(original->exit_code() + copy->exit_code() + third->exit_code(), 0);
}

TEST_F(BoxTest, PidsAndRelativesStay) {
  auto original = RunningBox::start(runtime_, "waiting_parent");
  const std::string parent = original->line(), child = original->line();
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  for (RunningBox *box : {copy.get(), original.get()}) {
    const int code = box == copy.get() ? 5 : 6;
    box->say(std::to_string(code));
    EXPECT_EQ(box->line(),
              "child got " + std::to_string(code) + ", is " + child.substr(child.find(' ') + 1));
    EXPECT_EQ(box->line(), "waited 1, status " + std::to_string(code) + ", errno 0");
    EXPECT_EQ(box->exit_code(), code);
  }
}

TEST_F(BoxTest, SharedMemoryIsSharedInsideOneBox) {
  auto original = RunningBox::start(runtime_, "shared_memory");
  original->say("10");
  EXPECT_EQ(original->line(), "answer 20 read 1 mapped 1 marked 1 private 1");
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  original->say("11");
  EXPECT_EQ(original->line(), "answer 22 read 1 mapped 1 marked 2 private 1");
  original->say("5000");
  EXPECT_EQ(original->line(), "answer 10000 read 1 mapped 1 marked 3 private 1");
  copy->say("5001");
  EXPECT_EQ(copy->line(), "answer 10002 read 1 mapped 1 marked 2 private 1");
  auto third = copy->fork();
  ASSERT_TRUE(third);
  third->say("12");
  EXPECT_EQ(third->line(), "answer 24 read 1 mapped 1 marked 3 private 1");
  copy->say("12");
  EXPECT_EQ(copy->line(), "answer 24 read 1 mapped 1 marked 3 private 1");
}

TEST_F(BoxTest, TimersExpireInBoth) {
  auto original = RunningBox::start(runtime_, "timers");
  EXPECT_EQ(original->line(), "ready");
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  original->say("go");
  copy->say("go");
  EXPECT_EQ(original->expect_all_ok(), 4U);
  EXPECT_EQ(copy->expect_all_ok(), 4U);
}

/// A guest that has made things is forked, and its copy too; each of the three then finds them as
/// they were, `facts` in all, and what it does with them (named after its line of input) shows in
/// no other.
void expect_copied(Runtime &runtime, const std::string &guest, std::size_t facts) {
  auto original = RunningBox::start(runtime, guest);
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  auto copy = original->fork();
  ASSERT_TRUE(copy);
  auto third = copy->fork();
  ASSERT_TRUE(third);
  for (RunningBox *box : {third.get(), original.get(), copy.get()}) {
    box->say(box == copy.get() ? "copy" : "another");
    EXPECT_EQ(box->expect_all_ok(), facts);
    EXPECT_EQ(box->exit_code(), 0);
  }
}

TEST_F(BoxTest, FilesAreCopied) {
  expect_copied(runtime_, "files", 29);
}

TEST_F(BoxTest, SocketsAreCopied) {
  expect_copied(runtime_, "sockets", 15);
}

TEST_F(BoxTest, IpcIsCopied) {
  expect_copied(runtime_, "ipc", 24);
}

TEST_F(BoxTest, NamespacesAreCopied) {
  expect_copied(runtime_, "namespaces", 10);
}

TEST_F(BoxTest, RandomnessDiffersAndTheRestStays) {
  auto original = RunningBox::start(runtime_, "randomness");
  EXPECT_EQ(original->line(), "ready");
  auto copy = original->fork();
  auto second = original->fork();
  ASSERT_TRUE(copy && second);
  for (RunningBox *box : {original.get(), copy.get(), second.get()})
    box->say("go");
  auto of_original = original->facts(), of_copy = copy->facts(), of_second = second->facts();
  for (const char *fact : {"random", "boot_id"}) {
    EXPECT_NE(of_original[fact], of_copy[fact]);
    EXPECT_NE(of_original[fact], of_second[fact]);
    EXPECT_NE(of_copy[fact], of_second[fact]);
  }
  EXPECT_EQ(of_original["wiped"], "1");
  EXPECT_EQ(of_copy["wiped"], "0");
  EXPECT_EQ(of_second["wiped"], "0");
  for (const char *fact : {"kept", "pid", "clock", "same"}) {
    EXPECT_EQ(of_original[fact], of_copy[fact]);
    EXPECT_EQ(of_original[fact], of_second[fact]);
  }
  EXPECT_EQ(of_copy["kept"], "2");
  EXPECT_EQ(of_copy["clock"], "goes on");
  EXPECT_EQ(of_copy["same"], "file 1");
}

TEST_F(BoxTest, ForkDuringAForkStorm) {
  auto original = RunningBox::start(runtime_, "storm");
  EXPECT_EQ(original->line(), "ready");
  std::vector<std::unique_ptr<RunningBox>> copies;
  for (int i = 0; i < 12; ++i) {
    ::usleep(static_cast<useconds_t>(3000 + 1700 * i));
    auto copy = (i % 3 == 2 ? *copies.back() : *original).fork();
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->validate(runtime_), "");
    copies.push_back(std::move(copy));
  }
  EXPECT_EQ(original->validate(runtime_), "");
  original->say("stop");
  for (const auto &copy : copies) {
    copy->say("stop");
    EXPECT_EQ(copy->expect_all_ok(), 1U);
    EXPECT_EQ(copy->exit_code(), 0);
  }
  EXPECT_EQ(original->expect_all_ok(), 1U);
}

/// A thread in the midst of a string instruction, of a page fault, of a signal's handler.
TEST_F(BoxTest, AnyMomentForksRight) {
  auto original = RunningBox::start(runtime_, "moments");
  EXPECT_EQ(original->line(), "ready");
  std::vector<std::unique_ptr<RunningBox>> copies;
  for (int i = 0; i < 6; ++i) {
    ::usleep(static_cast<useconds_t>(2000 + 1300 * i));
    copies.push_back((i % 4 == 3 ? *copies.back() : *original).fork());
    ASSERT_TRUE(copies.back());
  }
  original->say("stop");
  for (const auto &copy : copies)
    copy->say("stop");
  for (const auto &copy : copies) {
    EXPECT_EQ(copy->expect_all_ok(), 3U);
    EXPECT_EQ(copy->exit_code(), 0);
  }
  EXPECT_EQ(original->expect_all_ok(), 3U);
}

TEST_F(BoxTest, ABoxThatEndedIsNotForked) {
  auto original = RunningBox::start(runtime_, "counter");
  original->say("exit");
  EXPECT_EQ(original->exit_code(), 0);
  auto forked = original->box().fork({});
  ASSERT_TRUE(std::holds_alternative<StartFailure>(forked));
  EXPECT_EQ(std::get<StartFailure>(forked).message, "the box has ended");
}

/// Boxes come and go: no frame, page-table node or host descriptor is left behind.
TEST_F(BoxTest, NothingIsLeftBehind) {
  auto original = RunningBox::start(runtime_, "shared_memory");
  original->say("10");
  EXPECT_EQ(original->line(), "answer 20 read 1 mapped 1 marked 1 private 1");
  const auto frames = [this] {
    const KernelGuard guard(runtime_.host().lock);
    return std::pair(runtime_.host().frames.frames_in_use(),
                     runtime_.host().frames.nodes().nodes_in_use());
  };
  const auto descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 1000; ++fd)
      count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const auto round = [&] {
    auto copy = original->fork();
    ASSERT_TRUE(copy);
    copy->say("7");
    EXPECT_EQ(copy->line(), "answer 14 read 1 mapped 1 marked 2 private 1");
    auto second = copy->fork();
    ASSERT_TRUE(second);
    copy = nullptr;
    second->say("8");
    EXPECT_EQ(second->line(), "answer 16 read 1 mapped 1 marked 3 private 1");
  };
  round(); // what is made once and kept
  original->say("10");
  EXPECT_EQ(original->line(), "answer 20 read 1 mapped 1 marked 1 private 1");
  const auto before = frames();
  const int descriptors_before = descriptors();
  for (int i = 0; i < 20; ++i)
    round();
  original->say("10");
  EXPECT_EQ(original->line(), "answer 20 read 1 mapped 1 marked 1 private 1");
  // The original's pages are its own again only when it writes to them: as many, not fewer.
  EXPECT_LE(frames().first, before.first + 8);
  EXPECT_LE(frames().second, before.second + 8);
  EXPECT_EQ(descriptors(), descriptors_before);
}

} // namespace
} // namespace tine::box
