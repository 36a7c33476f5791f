// A box that is saved and goes on elsewhere: docs/fork-semantics.md says which test is which row.
#include "running_box.hpp"

#include "memory/snapshot_file.hpp"
#include "memory/snapshot_format.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace tine::box {
namespace {

/// Boxes go on in a family of their own, which has nothing of the one that they were saved in.
class SaveTest : public BoxTest {
protected:
  SaveTest() { other_.start(); }

  /// A restored box, and one that was restored from that.
  std::vector<std::unique_ptr<RunningBox>> restored(RunningBox &original) {
    std::vector<std::unique_ptr<RunningBox>> boxes;
    boxes.push_back(RunningBox::restore(other_, original.save()));
    if (boxes.back())
      boxes.push_back(RunningBox::restore(runtime_, boxes.back()->save()));
    return boxes;
  }
  /// The original, a fork of it, a restored box, one restored from that, and a fork of this.
  void expect_of_all(const std::string &guest, const std::string &word, std::size_t facts) {
    auto original = RunningBox::start(runtime_, guest);
    ASSERT_TRUE(original);
    EXPECT_EQ(original->line(), "ready");
    auto boxes = restored(*original);
    ASSERT_TRUE(boxes.size() == 2 && boxes.back());
    boxes.push_back(boxes.back()->fork());
    boxes.push_back(std::move(original));
    for (const auto &box : boxes) {
      ASSERT_TRUE(box);
      box->say(word);
      EXPECT_EQ(box->expect_all_ok(), facts);
      EXPECT_EQ(box->exit_code(), 0);
    }
  }

  /// The counter, which has counted one line.
  UniqueFd saved_counter() {
    auto original = RunningBox::start(runtime_, "counter");
    original->say("a");
    EXPECT_EQ(original->line(), "a 1");
    return original->save();
  }
  static memory::SnapshotHeader header_of(const UniqueFd &file) {
    memory::SnapshotHeader header;
    EXPECT_EQ(::pread(file.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
    return header;
  }

  Runtime other_{{.vcpus = 2, .memory_bytes = u64{4} << 30}};
};

/// What Box::restore says against the file; empty: nothing.
std::string problem_of(Runtime &runtime, const UniqueFd &file) {
  Surroundings surroundings;
  auto restored =
      Box::restore(runtime, UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3)), {}, surroundings);
  const auto *failure = std::get_if<StartFailure>(&restored);
  return failure ? failure->message : std::string();
}

TEST_F(SaveTest, MemoryGoesOn) {
  auto original = RunningBox::start(runtime_, "counter");
  ASSERT_TRUE(original);
  original->say("a");
  EXPECT_EQ(original->line(), "a 1");
  const UniqueFd file = original->save();
  original->say("b");
  EXPECT_EQ(original->line(), "b 2");
  for (int i = 0; i < 2; ++i) {
    auto box = RunningBox::restore(other_, file);
    ASSERT_TRUE(box);
    EXPECT_EQ(box->validate(other_), "");
    box->say("c");
    EXPECT_EQ(box->line(), "c 2");
    auto fork = box->fork();
    ASSERT_TRUE(fork);
    box->say("exit");
    EXPECT_EQ(box->exit_code(), 2);
    fork->say("d");
    EXPECT_EQ(fork->line(), "d 3");
    EXPECT_EQ(fork->validate(other_), "");
  }
  original->say("exit");
  EXPECT_EQ(original->exit_code(), 2);
}

TEST_F(SaveTest, SavesOfSaves) {
  auto box = RunningBox::start(runtime_, "counter");
  for (int i = 1; i <= 6; ++i) {
    ASSERT_TRUE(box);
    if (i % 2 == 1) { // else all of its memory but the file's is as it was restored
      box->say("x");
      EXPECT_EQ(box->line(), "x " + std::to_string((i + 1) / 2));
    }
    box = RunningBox::restore(i % 2 == 0 ? runtime_ : other_, box->save());
  }
  ASSERT_TRUE(box);
  box->say("y");
  EXPECT_EQ(box->line(), "y 4");
}

/// What is unmapped, moved, cut off and written before it was read from the file.
TEST_F(SaveTest, PagesThatWereNotUsedYet) {
  expect_of_all("pages", "go", 13);
}

TEST_F(SaveTest, BlockedCallsGoOnBlocking) {
  expect_of_all("blocked", "go", 13);
}

TEST_F(SaveTest, FiltersOfSystemCallsStay) {
  expect_of_all("filtered", "go", 4);
}

TEST_F(SaveTest, PidsAndRelativesStay) {
  auto original = RunningBox::start(runtime_, "waiting_parent");
  ASSERT_TRUE(original);
  const std::string parent = original->line(), child = original->line();
  auto boxes = restored(*original);
  ASSERT_TRUE(boxes.size() == 2 && boxes.back());
  for (const auto &box : boxes) {
    box->say("5");
    EXPECT_EQ(box->line(), "child got 5, is " + child.substr(child.find(' ') + 1));
    EXPECT_EQ(box->line(), "waited 1, status 5, errno 0");
    EXPECT_EQ(box->exit_code(), 5);
  }
}

TEST_F(SaveTest, WhoWaitsForAForkIsRefused) {
  const auto ignore = [](void *, fs::BoxControl &) {};
  BoxOptions options;
  options.control = make_ref<fs::BoxControl>(ignore, nullptr);
  auto original = RunningBox::start(runtime_, "asks", {}, std::move(options));
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  ::usleep(50'000); // it waits by then
  const UniqueFd file = original->save();
  for (Runtime *const runtime : {&other_, &runtime_}) {
    auto box = RunningBox::restore(*runtime, file);
    ASSERT_TRUE(box);
    EXPECT_EQ(box->line(), "-1 " + std::to_string(ECANCELED));
    EXPECT_EQ(box->exit_code(), 0);
  }
}

TEST_F(SaveTest, SharedMemoryIsSharedInsideOneBox) {
  auto original = RunningBox::start(runtime_, "shared_memory");
  ASSERT_TRUE(original);
  original->say("10");
  EXPECT_EQ(original->line(), "answer 20 read 1 mapped 1 marked 1 private 1");
  auto boxes = restored(*original);
  ASSERT_TRUE(boxes.size() == 2 && boxes.back());
  boxes.push_back(boxes.back()->fork());
  for (const auto &box : boxes) {
    box->say("11");
    EXPECT_EQ(box->line(), "answer 22 read 1 mapped 1 marked 2 private 1");
    box->say("12");
    EXPECT_EQ(box->line(), "answer 24 read 1 mapped 1 marked 3 private 1");
  }
}

TEST_F(SaveTest, TimersExpireWhenTheyAreDue) {
  expect_of_all("timers", "go", 4);
}

TEST_F(SaveTest, TimesOfTheWallClockStay) {
  auto original = RunningBox::start(runtime_, "wall_clock");
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  const UniqueFd file = original->save();
  original.reset();
  ::sleep(2);
  auto box = RunningBox::restore(other_, file);
  ASSERT_TRUE(box);
  box->say("go");
  EXPECT_EQ(box->expect_all_ok(), 6u);
  EXPECT_EQ(box->exit_code(), 0);
}

TEST_F(SaveTest, FilesAreRestored) {
  auto original = RunningBox::start(runtime_, "files");
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  auto boxes = restored(*original);
  ASSERT_TRUE(boxes.size() == 2 && boxes.back());
  for (const auto &box : boxes) {
    box->say("go");
    EXPECT_GT(box->expect_all_ok(), 15U);
    EXPECT_EQ(box->exit_code(), 0);
  }
}

TEST_F(SaveTest, SocketsAreRestored) {
  auto original = RunningBox::start(runtime_, "sockets");
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  auto boxes = restored(*original);
  ASSERT_TRUE(boxes.size() == 2 && boxes.back());
  for (const auto &box : boxes) {
    box->say("go");
    EXPECT_GT(box->expect_all_ok(), 8U);
    EXPECT_EQ(box->exit_code(), 0);
  }
}

TEST_F(SaveTest, IpcIsRestored) {
  expect_of_all("ipc", "copy", 24);
}

TEST_F(SaveTest, NamespacesAreRestored) {
  expect_of_all("namespaces", "go", 10);
}

TEST_F(SaveTest, RandomnessDiffersAndTheRestStays) {
  auto original = RunningBox::start(runtime_, "randomness");
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  const UniqueFd file = original->save();
  auto first = RunningBox::restore(other_, file), second = RunningBox::restore(other_, file);
  ASSERT_TRUE(first && second);
  for (RunningBox *box : {original.get(), first.get(), second.get()})
    box->say("go");
  auto of_original = original->facts(), of_first = first->facts(), of_second = second->facts();
  for (const char *fact : {"random", "boot_id"}) {
    EXPECT_NE(of_original[fact], of_first[fact]);
    EXPECT_NE(of_first[fact], of_second[fact]);
  }
  EXPECT_EQ(of_first["wiped"], "0");
  for (const char *fact : {"kept", "pid", "clock", "same"})
    EXPECT_EQ(of_original[fact], of_first[fact]) << fact;
  EXPECT_EQ(of_first["clock"], "goes on");
}

TEST_F(SaveTest, SaveDuringAForkStorm) {
  auto original = RunningBox::start(runtime_, "storm");
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "ready");
  std::vector<std::unique_ptr<RunningBox>> boxes;
  for (int i = 0; i < 5; ++i) {
    ::usleep(static_cast<useconds_t>(3000 + 1700 * i));
    auto box = RunningBox::restore(other_, original->save());
    ASSERT_TRUE(box);
    EXPECT_EQ(box->validate(other_), "");
    boxes.push_back(std::move(box));
  }
  boxes.push_back(std::move(original));
  for (const auto &box : boxes) {
    box->say("stop");
    EXPECT_EQ(box->expect_all_ok(), 1U);
    EXPECT_EQ(box->exit_code(), 0);
  }
}

TEST_F(SaveTest, AMappedStandardStreamIsRefused) {
  const UniqueFd given(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::pwrite(given.get(), "m", 1, 0), 1);
  BoxOptions options;
  options.streams.descriptors[STDIN_FILENO] = UniqueFd(::fcntl(given.get(), F_DUPFD_CLOEXEC, 3));
  auto original = RunningBox::start(runtime_, "mapped_stream", {}, std::move(options));
  ASSERT_TRUE(original);
  EXPECT_EQ(original->line(), "mapped");
  const UniqueFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const auto failure = original->box().save(file.get(), {});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->message, "the box can't be saved while it has this: a mapped standard stream");
  ASSERT_EQ(::pwrite(given.get(), "u", 1, 0), 1);
  EXPECT_EQ(original->line(), "unmapped");
  EXPECT_GT(original->save().get(), 0);
  ASSERT_EQ(::pwrite(given.get(), "e", 1, 0), 1);
  EXPECT_EQ(original->line(), "goes on");
  EXPECT_EQ(original->exit_code(), 0);
}

TEST_F(SaveTest, ABoxThatEndedIsNotSaved) {
  auto original = RunningBox::start(runtime_, "counter");
  original->say("exit");
  EXPECT_EQ(original->exit_code(), 0);
  const UniqueFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const auto failure = original->box().save(file.get(), {});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->message, "the box has ended");
}

/// A file that may not grow: whoever writes fails, and the box goes on.
TEST_F(SaveTest, AWriteThatFailsIsSaid) {
  auto original = RunningBox::start(runtime_, "counter");
  original->say("a");
  ASSERT_EQ(original->line(), "a 1");
  const UniqueFd file(::memfd_create("full", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
  const auto failure = original->box().save(file.get(), {});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->message, "the box can't be saved: Operation not permitted");
  original->say("b");
  EXPECT_EQ(original->line(), "b 2");
}

/// A file that is cut off, changed, foreign or of another version is refused, and says why.
TEST_F(SaveTest, AFileThatIsNotWholeIsRefused) {
  const UniqueFd file = saved_counter();
  struct stat status {};
  ASSERT_EQ(::fstat(file.get(), &status), 0);
  memory::SnapshotHeader header = header_of(file);
  EXPECT_EQ(problem_of(other_, file), "");
  const auto with_byte_changed = [&](u64 offset) {
    u8 byte = 0;
    EXPECT_EQ(::pread(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    const u8 changed = byte ^ 0x10;
    EXPECT_EQ(::pwrite(file.get(), &changed, 1, static_cast<off_t>(offset)), 1);
    const std::string problem = problem_of(other_, file);
    EXPECT_EQ(::pwrite(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    return problem;
  };
  const std::string damaged = "it is damaged, or was not written whole";
  EXPECT_EQ(with_byte_changed(0), "it is no file that a box was saved in");
  EXPECT_EQ(with_byte_changed(8),
            fmt::format("it has format {}, written by tine 0.1.0; this tine reads format {}",
                        memory::snapshot_version ^ 0x10, memory::snapshot_version));
  EXPECT_EQ(with_byte_changed(offsetof(memory::SnapshotHeader, nodes)), damaged);
  EXPECT_EQ(with_byte_changed(header.objects.offset + header.objects.bytes / 2), damaged);
  EXPECT_EQ(with_byte_changed(header.images.offset), damaged);
  EXPECT_EQ(with_byte_changed(header.features.offset), damaged);
  for (const off_t size : {off_t{0}, off_t{7}, off_t{100}, status.st_size - 1}) {
    const UniqueFd cut(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    std::vector<char> bytes(static_cast<std::size_t>(size));
    ASSERT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), size);
    ASSERT_EQ(::write(cut.get(), bytes.data(), bytes.size()), size);
    EXPECT_EQ(problem_of(other_, cut),
              size < 8 ? "it is no file that a box was saved in" : damaged);
  }
  const UniqueFd directory(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(problem_of(other_, directory), "it is no file that a box was saved in");
}

/// A file of a machine whose processor has more than this one.
TEST_F(SaveTest, AProcessorWithoutAFeatureIsRefusedByItsName) {
  const UniqueFd file = saved_counter();
  memory::SnapshotHeader header = header_of(file);
  std::string features(header.features.bytes, '\0');
  const auto at = static_cast<off_t>(header.features.offset);
  ASSERT_EQ(::pread(file.get(), features.data(), features.size(), at),
            static_cast<ssize_t>(features.size()));
  const std::string name = features.substr(0, features.find('\n'));
  ASSERT_FALSE(name.empty()) << features;
  const std::string other(name.size(), 'z');
  features.replace(0, name.size(), other);
  ASSERT_EQ(::pwrite(file.get(), features.data(), features.size(), at),
            static_cast<ssize_t>(features.size()));
  header.features.checksum = memory::section_checksum(std::as_bytes(std::span(features)));
  const auto bytes = std::as_bytes(std::span(&header, 1));
  header.checksum =
      memory::section_checksum(bytes.first(offsetof(memory::SnapshotHeader, checksum)));
  ASSERT_EQ(::pwrite(file.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  EXPECT_NE(problem_of(other_, file).find(other), std::string::npos) << problem_of(other_, file);
}

/// A damaged page is found when it is used: SIGBUS, as for a page of a file that can't be read (or
/// SIGSEGV, if it is the kernel that can't write to it what rseq(2) asks for). tine goes on.
TEST_F(SaveTest, ADamagedPageEndsTheProgram) {
  const UniqueFd file = saved_counter();
  memory::SnapshotHeader header = header_of(file);
  ASSERT_GT(header.page_blocks, 0U);
  for (u64 block = 0; block < header.page_blocks; ++block) {
    memory::BlockEntry entry;
    const auto at = static_cast<off_t>(header.index.offset + block * sizeof entry);
    ASSERT_EQ(::pread(file.get(), &entry, sizeof entry, at), static_cast<ssize_t>(sizeof entry));
    entry.checksum ^= 1;
    ASSERT_EQ(::pwrite(file.get(), &entry, sizeof entry, at), static_cast<ssize_t>(sizeof entry));
  }
  auto box = RunningBox::restore(other_, file);
  ASSERT_TRUE(box);
  box->say("b");
  const int status = box->box().wait_for_end();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGSEGV) << status;
}

} // namespace
} // namespace tine::box
