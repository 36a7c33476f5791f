#include "fuzz/kernel_world.hpp"

#include "box/file_tree.hpp"
#include "fs/memory_fs.hpp"
#include "fs/plain_files.hpp"
#include "fuzz/input.hpp"
#include "process/signals.hpp"
#include "syscall/dispatch.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>

namespace tine::fuzz {
namespace {

template <typename T> T need(Result<T> result, const char *what) {
  require(result.ok(), std::string(what) + ": the test itself is at fault");
  return std::move(*result);
}

std::string make_empty_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "tine-fuzz-XXXXXX").string();
  require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  return name;
}

} // namespace

HostWorld::HostWorld()
    : frames(need(memory::FrameArena::create({.limit_bytes = u64{64} << 20}), "arena")),
      machine(cpu::Machine::create(*frames, lock)), host{lock,      *frames, *machine,
                                                         scheduler, timers,  events},
      empty_directory(make_empty_directory()) {}

HostWorld::~HostWorld() {
  std::error_code ignored;
  std::filesystem::remove_all(empty_directory, ignored);
}

HostWorld &HostWorld::instance() {
  static HostWorld world;
  return world;
}

KernelWorld::KernelWorld() {
  HostWorld &world = HostWorld::instance();
  frames_before_ = world.frames->frames_in_use();
  kernel_ = std::make_unique<process::Kernel>(
      world.host, process::KernelOptions{.hostname = "box", .cpus = 2, .process_limit = 64});
  fs::Credentials root;
  root.permitted = root.effective = root.bounding = (u64{1} << 41) - 1;
  box::BoxOptions options;
  options.root = world.empty_directory;
  auto tree = box::make_file_tree(*kernel_, options, root);
  require(tree.index() == 0, "file tree");
  const Pid pid = need(kernel_->allocate_pid(), "pid");
  const auto process = make_ref<process::Process>(*kernel_, pid);
  thread_ = make_ref<process::Thread>(*kernel_, pid);
  process->limits[RLIMIT_NOFILE] = {64, 64};
  process->start_time = kernel_->boot_time;
  thread_->process = process.get();
  thread_->memory = need(memory::AddressSpace::create(*world.frames), "address space");
  thread_->files = make_ref<fs::FdTable>();
  thread_->fs = std::get<Ref<fs::FileSystemContext>>(tree);
  thread_->handlers = make_ref<process::SignalHandlers>();
  thread_->credentials = root;
  process->threads.push_back(thread_);
  kernel_->main_pid = pid;
  kernel_->set_group(*process, pid);
  kernel_->set_session(*process, pid);
  kernel_->add_process(process);
  kernel_->add_thread(*thread_);
  map(code, code_pages, {.read = true, .write = false, .execute = true});
  map(data, data_pages, {.read = true, .write = true, .execute = false});
  map(stack, stack_pages, {.read = true, .write = true, .execute = false});
  thread_->cpu.rip = code.value;
  auto &action = thread_->handlers->writable(SIGUSR1);
  action.handler = action.restorer = code.value;
  action.flags = 0x04000000; // SA_RESTORER
  thread_->cpu.gpr[cpu::rsp] = stack.value + stack_pages * page_size;
}

KernelWorld::~KernelWorld() {
  thread_ = nullptr;
  kernel_.reset();
  const u64 now = HostWorld::instance().frames->frames_in_use();
  require(now == frames_before_, std::to_string(static_cast<i64>(now - frames_before_)) +
                                     " frames of a kernel outlived it");
}

std::optional<i64> KernelWorld::call(u64 number, const std::array<u64, 6> &arguments) {
  process::Thread &thread = *thread_;
  if (thread.process == nullptr || thread.process->is_zombie())
    return std::nullopt;
  constexpr std::array registers{cpu::rdi, cpu::rsi, cpu::rdx, cpu::r10, cpu::r8, cpu::r9};
  for (std::size_t i = 0; i < registers.size(); ++i)
    thread.cpu.gpr[registers[i]] = arguments[i];
  thread.cpu.gpr[cpu::rax] = number;
  thread.cpu.rip = code.value;
  thread.cpu.gpr[cpu::rsp] = stack.value + stack_pages * page_size;
  syscall::Next next = syscall::start_system_call(thread);
  if (next == syscall::Next::blocked) {
    process::send_signal(thread, process::kernel_signal(SIGUSR1));
    next = syscall::retry_system_call(thread);
  }
  if (next != syscall::Next::guest)
    return std::nullopt;
  return static_cast<i64>(thread.cpu.gpr[cpu::rax]);
}

void KernelWorld::map(GuestAddress address, u64 pages, memory::Protection protection) {
  memory::MapRequest request;
  request.address = address;
  request.length = pages * page_size;
  request.protection = protection;
  request.fixed = true;
  require(thread_->memory->map(request).ok(), "map");
}

Ref<fs::File> KernelWorld::file_with(std::span<const u8> contents) {
  const auto files = make_ref<fs::MemoryFs>(*HostWorld::instance().frames, fs::MemoryFs::Options{});
  Ref<fs::File> file = need(fs::make_memfd(files, "input", false, 0777), "memfd");
  memory::IoBuffer bytes(std::as_bytes(contents));
  require(contents.empty() || file->write_at(bytes, 0).ok(), "contents");
  return file;
}

} // namespace tine::fuzz
