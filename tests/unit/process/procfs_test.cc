// Formats of /proc: what the readers of proc(5) rely on.
#include "fs/pseudo_fs.hpp"
#include "process/procfs/procfs.hpp"
#include "process/procfs/subject.hpp"
#include "unit/process/kernel_fixture.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <sstream>

namespace tine::process {
namespace {

/// A kernel with one process (pid 2) of one thread, whose address space has code, data and a stack.
class ProcfsTest : public KernelFixture {
protected:
  ProcfsTest() {
    process->start_time = kernel.boot_time;
    process->executable = "/usr/bin/some program";
    kernel.add_process(process);
    thread->process = process.get();
    thread->name = "some program)";
    thread->memory = *memory::AddressSpace::create(*frames);
    thread->files = make_ref<fs::FdTable>();
    thread->fs = make_ref<fs::FileSystemContext>();
    thread->handlers = make_ref<SignalHandlers>();
    process->threads.push_back(thread);
    kernel.add_thread(*thread);
    map(0x400000, 4, {true, false, true}, "");
    map(0x10000000, 2, {true, true, false}, "[heap]");
    map(0x7ffff0000000, 3, {true, true, false}, "[stack]");
  }
  void map(u64 address, u64 pages, memory::Protection protection, const char *name) {
    memory::MapRequest request;
    request.address = GuestAddress{address};
    request.length = pages * page_size;
    request.protection = protection;
    request.fixed = true;
    request.name = name;
    EXPECT_TRUE(thread->memory->map(request).ok());
  }
  /// The contents of a file below /proc, "status" of "/proc/2/status" as {"2", "status"}.
  std::string read(std::initializer_list<std::string_view> names) {
    Ref<fs::Inode> inode = proc->root();
    for (const std::string_view name : names) {
      Result<Ref<fs::Inode>> found = inode->lookup(name);
      if (!found)
        return "no such file";
      inode = *found;
    }
    const fs::Path path{nullptr, make_ref<fs::Dentry>("file", nullptr, inode)};
    const Ref<fs::File> file = *inode->open(path, 0, credentials);
    std::string text(1 << 16, '\0');
    memory::IoBuffer buffer(std::as_writable_bytes(std::span(text)));
    const Result<u64> size = file->read_at(buffer, 0);
    EXPECT_TRUE(size.ok());
    text.resize(size ? *size : 0);
    return text;
  }

  fs::Credentials credentials;
  Ref<Process> process = make_ref<Process>(kernel, Pid{2});
  Ref<Thread> thread = make_ref<Thread>(kernel, Pid{2});
  Ref<fs::PseudoFs> proc = make_procfs(kernel);
};

TEST_F(ProcfsTest, StatHasFiftyTwoFieldsAndItsNameInParentheses) {
  const std::string text = read({"2", "stat"});
  const std::size_t end = text.rfind(')');
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(text.substr(0, end + 1), "2 (some program))");
  std::istringstream rest(text.substr(end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;)
    fields.push_back(field);
  ASSERT_EQ(fields.size(), 50U);
  EXPECT_EQ(fields[0], "S");                            // state
  EXPECT_EQ(fields[17], "1");                           // num_threads
  EXPECT_EQ(fields[20], std::to_string(9 * page_size)); // vsize
}

TEST_F(ProcfsTest, MapsCanBeParsed) {
  std::istringstream lines(read({"2", "maps"}));
  const std::regex format("[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-][x-][ps] [0-9a-f]{8,} "
                          "[0-9a-f]{2}:[0-9a-f]{2} [0-9]+ +(.*)");
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, format)) << line;
    names.push_back(match[1]);
    if (!names.back().empty()) {
      EXPECT_EQ(line.find('['), 73U) << line;
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"", "[heap]", "[stack]"}));
}

TEST_F(ProcfsTest, SmapsRollupCountsWhatIsPrivate) {
  ASSERT_TRUE(thread->memory->write_object(GuestAddress{0x10000000}, 1).ok());
  EXPECT_NE(read({"2", "smaps_rollup"}).find("Private_Dirty:         4 kB\n"), std::string::npos);
  const Ref<memory::AddressSpace> child = *thread->memory->fork(memory::ForkMechanism::shared);
  const std::string shared = read({"2", "smaps_rollup"});
  EXPECT_NE(shared.find("Private_Dirty:         0 kB\n"), std::string::npos) << shared;
  EXPECT_NE(shared.find("Shared_Dirty:          4 kB\n"), std::string::npos) << shared;
}

TEST_F(ProcfsTest, StatusSpeaksOfTheProcess) {
  thread->credentials.groups = {4, 20};
  thread->signal_mask.add(SIGUSR1);
  const std::string text = read({"2", "status"});
  for (const char *line : {"Name:\tsome program)\n", "Pid:\t2\n", "PPid:\t0\n", "Groups:\t4 20 \n",
                           "SigBlk:\t0000000000000200\n", "Cpus_allowed_list:\t0-1\n",
                           "VmSize:\t      36 kB\n", "Threads:\t1\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(ProcfsTest, CommandLineComesFromTheProcessItself) {
  const std::string words("a\0bc\0X=1\0", 9);
  const GuestAddress at{0x7ffff0000000};
  ASSERT_TRUE(thread->memory->write(at, std::as_bytes(std::span(words))).ok());
  memory::AddressSpace::Layout &layout = thread->memory->layout();
  layout.arguments_start = at;
  layout.arguments_end = layout.environment_start = at + 5;
  layout.environment_end = at + 9;
  EXPECT_EQ(read({"2", "cmdline"}), std::string("a\0bc\0", 5));
  EXPECT_EQ(read({"2", "environ"}), std::string("X=1\0", 4));
}

TEST_F(ProcfsTest, LimitsHaveTheirColumns) {
  process->limits[RLIMIT_NOFILE] = {1024, 4096};
  const std::string text = read({"2", "limits"});
  EXPECT_NE(
      text.find("Limit                     Soft Limit           Hard Limit           Units     \n"),
      std::string::npos);
  EXPECT_NE(
      text.find("Max open files            1024                 4096                 files     \n"),
      std::string::npos);
}

TEST_F(ProcfsTest, AThreadIsFoundButNotListed) {
  const Ref<Thread> second = make_ref<Thread>(kernel, Pid{3});
  second->process = process.get();
  second->name = "worker";
  process->threads.push_back(second);
  kernel.add_thread(*second);
  EXPECT_EQ(read({"2", "task", "3", "comm"}), "worker\n");
  EXPECT_NE(read({"3", "status"}), "no such file");
  EXPECT_EQ(read({"2", "task", "4", "comm"}), "no such file");
  const std::vector<fs::DirectoryEntry> list = *proc->root()->list();
  const auto is_named = [](const char *name) {
    return [name](const fs::DirectoryEntry &entry) { return entry.name == name; };
  };
  EXPECT_TRUE(std::any_of(list.begin(), list.end(), is_named("2")));
  EXPECT_FALSE(std::any_of(list.begin(), list.end(), is_named("3")));
  process->threads.pop_back();
  kernel.remove_thread(*second);
}

TEST_F(ProcfsTest, AFileOfAProcessThatIsGoneSaysSo) {
  Ref<fs::Inode> directory = *proc->root()->lookup("2");
  const Ref<fs::Inode> stat = *directory->lookup("stat");
  const fs::Path path{nullptr, make_ref<fs::Dentry>("stat", nullptr, stat)};
  const Ref<fs::File> file = *stat->open(path, 0, credentials);
  kernel.remove_thread(*thread);
  process->threads.clear();
  kernel.remove_process(*process);
  std::byte bytes[10];
  memory::IoBuffer buffer{std::span<std::byte>(bytes)};
  const Result<u64> size = file->read_at(buffer, 0);
  ASSERT_FALSE(size.ok());
  EXPECT_EQ(size.error(), Errno{ESRCH});
  EXPECT_FALSE(directory->lookup("stat").ok());
}

TEST_F(ProcfsTest, TheBoxSpeaksOfItself) {
  EXPECT_EQ(read({"sys", "kernel", "hostname"}), "box\n");
  const std::string meminfo = read({"meminfo"});
  EXPECT_EQ(meminfo.substr(0, meminfo.find('\n')), "MemTotal:          65536 kB");
  const std::string cpuinfo = read({"cpuinfo"});
  EXPECT_NE(cpuinfo.find("processor\t: 1\n"), std::string::npos);
  EXPECT_EQ(cpuinfo.find("processor\t: 2\n"), std::string::npos);
  EXPECT_TRUE(
      std::regex_match(read({"uptime"}), std::regex("[0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2}\n")));
  EXPECT_TRUE(std::regex_match(
      read({"sys", "kernel", "random", "uuid"}),
      std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n")));
}

/// Reads every file below `directory`; how many there are. What is read may be refused, but every
/// name that is listed is found.
std::size_t read_all(fs::Inode &directory, const fs::Credentials &credentials, int depth) {
  std::size_t files = 0;
  const Result<std::vector<fs::DirectoryEntry>> list = directory.list();
  EXPECT_TRUE(list.ok());
  for (const fs::DirectoryEntry &entry : *list) {
    const Result<Ref<fs::Inode>> found = directory.lookup(entry.name);
    EXPECT_TRUE(found.ok()) << entry.name;
    if (!found)
      continue;
    if ((*found)->is_directory() && depth > 0) {
      files += read_all(**found, credentials, depth - 1);
    } else if ((*found)->type() == S_IFREG) {
      const fs::Path path{nullptr, make_ref<fs::Dentry>(entry.name, nullptr, *found)};
      const Result<Ref<fs::File>> file = (*found)->open(path, 0, credentials);
      EXPECT_TRUE(file.ok()) << entry.name;
      std::vector<std::byte> bytes(4096);
      memory::IoBuffer buffer{std::span<std::byte>(bytes)};
      const Result<u64> size = (*file)->read_at(buffer, 0);
      EXPECT_TRUE(!size || *size <= bytes.size()) << entry.name;
      ++files;
    }
  }
  return files;
}

TEST_F(ProcfsTest, EveryFileCanBeReadOrRefuses) {
  constexpr int depth = 6;
  EXPECT_GT(read_all(*proc->root(), credentials, depth), 200U);
  EXPECT_GT(read_all(*make_sysfs(kernel)->root(), credentials, depth), 20U);
}

TEST_F(ProcfsTest, NamesThatOnlyLookLikeNumbersAreNotFound) {
  for (const char *name : {"02", "+2", "-2", "2 ", "0", "", "99999999999999999999", "2x", "self2"})
    EXPECT_FALSE(proc->root()->lookup(name).ok()) << name;
}

TEST(ProcfsText, BitLists) {
  EXPECT_EQ(bit_list(0), "");
  EXPECT_EQ(bit_list(1), "0");
  EXPECT_EQ(bit_list(0b1110110), "1-2,4-6");
  EXPECT_EQ(bit_list(~u64{0}), "0-63");
}

TEST(ProcfsText, BlanksAreEscaped) {
  EXPECT_EQ(escape("/a b\\c", " \\"), "/a\\040b\\134c");
}

} // namespace
} // namespace tine::process
