// Memory that runs out in the middle of fork, vfork, clone, execve or the frame of a signal: with
// each of their allocations failing in turn, the call says ENOMEM (a signal's frame: SIGSEGV, as
// Linux's force_sigsegv), nothing leaked, and the caller is as it was and goes on.
#include "fuzz/kernel_world.hpp"
#include "memory/validate.hpp"
#include "process/lifecycle.hpp"
#include "process/signals.hpp"

#include <csignal>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/syscall.h>

namespace tine::fuzz {
namespace {

using memory::ForkMechanism;
using World = KernelWorld;

/// What a failed call must leave as it was.
struct State {
  std::size_t threads, processes;
  std::vector<int> descriptors;
  std::vector<std::byte> data;
  u64 handler, mask;
  bool operator==(const State &) const = default;
};

std::string mechanism_name(const testing::TestParamInfo<ForkMechanism> &parameter) {
  return parameter.param == ForkMechanism::shared ? "shared" : "copied";
}

class ExhaustedSystemCalls : public testing::TestWithParam<ForkMechanism> {
protected:
  ExhaustedSystemCalls() : guard_(HostWorld::instance().lock) {
    kernel().options.fork_mechanism = GetParam();
    thread().process->limits[RLIMIT_CORE] = {0, 0}; // a core file would hold frames, too
    // Something in every page: a fork has tables to copy, a write a page.
    for (u64 page = 0; page < World::data_pages; ++page)
      EXPECT_TRUE(memory().write_object(World::data + page * page_size + 64, page + 1).ok());
    // Far away: another path of the page table.
    memory::MapRequest request;
    request.address = far;
    request.length = 200 * page_size;
    request.protection = {.read = true, .write = true, .execute = false};
    request.fixed = true;
    EXPECT_TRUE(memory().map(request).ok());
    for (u64 page = 0; page < 200; page += 7)
      EXPECT_TRUE(memory().write_object(far + page * page_size, page).ok());
  }

  memory::FrameArena &frames() { return *HostWorld::instance().frames; }
  process::Kernel &kernel() { return world_->kernel(); }
  process::Thread &thread() { return world_->thread(); }
  memory::AddressSpace &memory() { return *thread().memory; }

  State state() {
    State now{kernel().thread_count(), kernel().processes().size(), {}, {}, 0, 0};
    now.descriptors = thread().files->open_descriptors();
    now.data.resize(World::data_pages * page_size);
    // What the kernel itself was asked to write is left out: the last page.
    EXPECT_TRUE(memory().read(World::data, std::span(now.data).first(3 * page_size)).ok());
    now.handler = (*thread().handlers)[SIGUSR1].handler;
    now.mask = thread().signal_mask.bits;
    return now;
  }
  /// Every count is the number of references: none is missing, none leaked.
  void expect_valid() {
    std::vector<memory::AddressSpace *> spaces;
    for (const auto &[pid, process] : kernel().processes())
      for (const Ref<process::Thread> &one : process->threads)
        if (one->memory &&
            std::find(spaces.begin(), spaces.end(), one->memory.get()) == spaces.end())
          spaces.push_back(one->memory.get());
    std::vector<const memory::PageObject *> objects;
    for (const Ref<memory::PageObject> &object : objects_)
      objects.push_back(object.get());
    EXPECT_EQ(memory::validate_all(frames(), {spaces, objects, {}}), "");
  }
  /// Calls attempt() with the 1st, 2nd ... allocation failing until it says that it got through.
  /// How often it failed.
  template <typename Attempt> u64 fail_each(Attempt &&attempt) {
    for (u64 n = 1; n < 2000; ++n) {
      const State before = state();
      frames().fail_allocation(n);
      const bool done = attempt();
      frames().fail_allocation(0);
      expect_valid();
      if (done)
        return n - 1;
      EXPECT_TRUE(state() == before) << "with allocation " << n << " failing";
      if (HasFailure())
        return n;
    }
    ADD_FAILURE() << "never succeeded";
    return 0;
  }
  /// One call of the caller's: true if it succeeded; if it failed, then for want of memory.
  bool call(u64 number, const std::array<u64, 6> &arguments, i64 *value = nullptr) {
    const std::optional<i64> result = world_->call(number, arguments);
    EXPECT_TRUE(result) << "the caller has ended";
    if (!result)
      return true;
    if (*result < 0) {
      EXPECT_EQ(*result, -ENOMEM);
    }
    if (value != nullptr)
      *value = *result;
    return *result >= 0;
  }
  process::Thread &child(i64 tid) { return *kernel().find_thread(Pid{static_cast<i32>(tid)}); }
  void end(i64 pid) {
    process::Thread &leader = child(pid);
    process::exit_process(*leader.process, 0);
    process::exit_thread(leader, 0);
    EXPECT_EQ(world_->call(SYS_wait4, {static_cast<u64>(pid), 0, __WALL, 0, 0, 0}), pid);
  }

  static constexpr GuestAddress far{0x5000'0000'0000};
  static constexpr u64 last_page = World::data.value + 3 * page_size;
  KernelGuard guard_;
  std::unique_ptr<World> world_ = std::make_unique<World>();
  std::vector<Ref<memory::PageObject>> objects_; ///< that hold frames, beside the mappings
};

INSTANTIATE_TEST_SUITE_P(BothMechanisms, ExhaustedSystemCalls,
                         testing::Values(ForkMechanism::shared, ForkMechanism::copied),
                         mechanism_name);

TEST_P(ExhaustedSystemCalls, Fork) {
  i64 pid = 0;
  const u64 failures = fail_each([&] { return call(SYS_fork, {}, &pid); });
  if (GetParam() == ForkMechanism::copied)
    EXPECT_GT(failures, 5u);
  else
    EXPECT_EQ(failures, 0u); // nothing is allocated: that is the point
  EXPECT_EQ(child(pid).memory->read_object<u64>(far + 7 * page_size).value(), 7u);
  end(pid);
}

TEST_P(ExhaustedSystemCalls, Vfork) {
  // The caller sleeps until the child has ended: the clone itself is asked for.
  i64 pid = 0;
  const u64 failures = fail_each([&] {
    process::CloneArguments arguments;
    arguments.flags = CLONE_VM | CLONE_VFORK;
    arguments.exit_signal = SIGCHLD;
    const auto made = process::clone_process(thread(), arguments);
    pid = made ? (*made)->tid.value : 0;
    return made.ok();
  });
  EXPECT_EQ(failures, 0u) << "the memory is the parent's";
  EXPECT_EQ(child(pid).memory.get(), &memory());
  end(pid);
}

TEST_P(ExhaustedSystemCalls, Thread) {
  constexpr u64 flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                        CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
                        CLONE_CHILD_SETTID;
  i64 tid = 0;
  fail_each([&] {
    return call(SYS_clone, {flags, World::stack.value, last_page, last_page + 8, 0, 0}, &tid);
  });
  EXPECT_EQ(thread().process->threads.size(), 2u);
  process::exit_thread(child(tid), 0);
  expect_valid();
}

/// The pidfd and the parent's copy of the tid are written to a page that is shared with a child.
TEST_P(ExhaustedSystemCalls, CloneThatWritesToTheCaller) {
  i64 other = 0, pid = 0;
  ASSERT_TRUE(call(SYS_fork, {}, &other));
  const u64 failures = fail_each([&] {
    const auto result = world_->call(SYS_clone, {CLONE_PIDFD | SIGCHLD, 0, last_page, 0, 0, 0});
    // clone(2) has no way to say that the page couldn't be had but that of a bad address.
    EXPECT_TRUE(result && (*result > 0 || *result == -EFAULT || *result == -ENOMEM));
    pid = *result;
    return pid > 0;
  });
  EXPECT_GT(failures, 0u);
  EXPECT_EQ(thread().files->open_descriptors().size(), 1u);
  EXPECT_EQ(world_->call(SYS_close, {memory().read_object<u32>(GuestAddress{last_page}).value()}),
            0);
  end(pid);
  end(other);
}

TEST_P(ExhaustedSystemCalls, CloneIntoNewNamespaces) {
  constexpr u64 flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
                        CLONE_NEWNET | SIGCHLD;
  i64 pid = 0;
  const u64 failures = fail_each([&] { return call(SYS_clone, {flags, 0, 0, 0, 0, 0}, &pid); });
  EXPECT_EQ(failures > 0, GetParam() == ForkMechanism::copied);
  end(pid);
}

/// A program of one segment with code and zeroed memory, and an interpreter if asked for.
std::vector<u8> program(const std::string &interpreter = "") {
  std::vector<u8> file(2 * page_size);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = page_size;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = interpreter.empty() ? 2 : 3;
  Elf64_Phdr headers[3]{};
  headers[0] = {PT_LOAD, PF_R | PF_X, 0, 0, 0, 2 * page_size, 2 * page_size, page_size};
  headers[1] = {PT_LOAD, PF_R | PF_W, page_size + 256, 4 * page_size + 256,
                0,       1024,        3 * page_size,   page_size};
  headers[2] = {PT_INTERP, PF_R, 1024, 0, 0, interpreter.size() + 1, interpreter.size() + 1, 1};
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, headers, sizeof headers);
  std::memcpy(file.data() + 1024, interpreter.c_str(), interpreter.size() + 1);
  return file;
}

class ExhaustedExec : public ExhaustedSystemCalls {
protected:
  /// A descriptor of the program, and its pages among those that are known.
  int install(const std::vector<u8> &bytes) {
    const Ref<fs::File> file = world_->file_with(bytes);
    objects_.push_back(file->map().value()->pages());
    // A description that can't write: a file that is written isn't run.
    const auto read_only = fs::open(thread().credentials, fs::path_of(*file), O_RDONLY);
    return thread().files->install(read_only.value(), false, 0, 64).value();
  }
  /// The arguments of execveat(2) of the descriptor, in the last page.
  std::array<u64, 6> arguments(int fd) {
    const u64 list[] = {last_page + 512, last_page + 520, 0};
    EXPECT_TRUE(
        memory().write(GuestAddress{last_page + 512}, std::as_bytes(std::span("program", 8))).ok());
    EXPECT_TRUE(memory()
                    .write(GuestAddress{last_page + 520}, std::as_bytes(std::span("argument", 9)))
                    .ok());
    EXPECT_TRUE(memory().write_object(GuestAddress{last_page + 600}, list).ok());
    return {static_cast<u64>(fd), last_page + 1000, last_page + 600,
            last_page + 616,      AT_EMPTY_PATH,    0};
  }
  /// Whether execveat(2) got through: the registers are the new program's then.
  bool executes(const std::array<u64, 6> &given) {
    const std::optional<i64> result = world_->call(SYS_execveat, given);
    if (thread().process->has_execed)
      return true;
    EXPECT_TRUE(result && *result == -ENOMEM);
    return false;
  }
};
INSTANTIATE_TEST_SUITE_P(BothMechanisms, ExhaustedExec,
                         testing::Values(ForkMechanism::shared, ForkMechanism::copied),
                         mechanism_name);

TEST_P(ExhaustedExec, OfTheOnlyProcess) {
  const std::array<u64, 6> given = arguments(install(program()));
  const u64 failures = fail_each([&] { return executes(given); });
  EXPECT_GT(failures, 10u);
  EXPECT_NE(memory().read_object<u32>(GuestAddress{thread().cpu.gpr[cpu::rsp]}).value(), 0u);
}

/// With another thread, which a failed execve leaves alone, and a child, whose memory is shared.
TEST_P(ExhaustedExec, OfAProcessWithAChildAndAnotherThread) {
  const std::array<u64, 6> given = arguments(install(program()));
  i64 pid = 0, tid = 0;
  ASSERT_TRUE(call(SYS_fork, {}, &pid));
  constexpr u64 flags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  ASSERT_TRUE(call(SYS_clone, {flags, World::stack.value, 0, 0, 0, 0}, &tid));
  const u64 failures = fail_each([&] { return executes(given); });
  EXPECT_GT(failures, 10u);
  EXPECT_EQ(kernel().find_thread(Pid{static_cast<i32>(tid)}), nullptr);
  EXPECT_EQ(child(pid).memory->read_object<u64>(far + 7 * page_size).value(), 7u);
  end(pid);
}

TEST_P(ExhaustedSystemCalls, SignalFrame) {
  // The stack's pages are shared with a child, so each write of the frame copies.
  i64 pid = 0;
  ASSERT_TRUE(memory().write_object(World::stack + 7 * page_size, u64{1}).ok());
  ASSERT_TRUE(call(SYS_fork, {}, &pid));
  const u64 top = World::stack.value + World::stack_pages * page_size;
  u64 failures = 0;
  for (bool done = false; !done; failures += done ? 0 : 1) {
    thread().cpu.gpr[cpu::rsp] = top;
    thread().cpu.rip = World::data.value;
    const process::SignalAction action = (*thread().handlers)[SIGUSR1];
    siginfo_t info = process::kernel_signal(SIGUSR1);
    const cpu::CpuState before = thread().cpu;
    frames().fail_allocation(failures + 1);
    const Status entered = process::enter_handler(thread(), action, info, {});
    frames().fail_allocation(0);
    expect_valid();
    done = entered.ok();
    if (!done) {
      EXPECT_EQ(std::memcmp(&before.gpr, &thread().cpu.gpr, sizeof before.gpr), 0)
          << "the interrupted code's registers are whole";
      EXPECT_EQ(thread().cpu.rip, World::data.value);
    }
    ASSERT_LT(failures, 100u);
  }
  EXPECT_GT(failures, 0u);
  EXPECT_EQ(thread().cpu.rip, World::code.value);
  EXPECT_EQ(child(pid).memory->read_object<u64>(World::stack + 7 * page_size).value(), 1u);
  end(pid);
}

/// A signal whose frame finds no memory becomes SIGSEGV, which kills: the process, and nobody else.
TEST_P(ExhaustedSystemCalls, SignalFrameOfAChild) {
  i64 pid = 0;
  ASSERT_TRUE(memory().write_object(World::stack + 7 * page_size, u64{1}).ok());
  ASSERT_TRUE(call(SYS_fork, {}, &pid));
  process::Thread &one = child(pid);
  one.cpu.gpr[cpu::rsp] = World::stack.value + World::stack_pages * page_size;
  process::send_signal(one, process::kernel_signal(SIGUSR1));
  const State before = state();
  frames().fail_allocation(1);
  EXPECT_EQ(process::deliver_signals(one, {}), process::Delivery::exited);
  frames().fail_allocation(0);
  expect_valid();
  u32 status = 0;
  EXPECT_EQ(world_->call(SYS_wait4, {static_cast<u64>(pid), last_page, __WALL, 0, 0, 0}), pid);
  status = memory().read_object<u32>(GuestAddress{last_page}).value();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
  EXPECT_EQ(state().data, before.data);
}

} // namespace
} // namespace tine::fuzz
