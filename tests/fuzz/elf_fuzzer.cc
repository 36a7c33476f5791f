// An executable file that anyone may have written: execve(2) of the input. It succeeds or fails
// with an errno; the old program is then whole.
#include "fuzz/input.hpp"
#include "fuzz/kernel_world.hpp"
#include "process/lifecycle.hpp"

using namespace tine;

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  const KernelGuard guard(fuzz::HostWorld::instance().lock);
  fuzz::KernelWorld world;
  process::Thread &thread = world.thread();
  const Ref<memory::AddressSpace> before = thread.memory;
  process::ExecArguments arguments;
  arguments.file = world.file_with({data, size});
  arguments.path = "/input";
  arguments.arguments = {"input", "argument"};
  arguments.environment = {"HOME=/"};
  const Status status = process::execute(thread, std::move(arguments));
  if (!status.ok()) {
    const std::byte byte{1};
    // Past the point of no return Linux kills the program; before it nothing has changed.
    fuzz::require(thread.memory != before || thread.process->exiting ||
                      thread.has_deliverable_signal() ||
                      before->write(fuzz::KernelWorld::data, std::span(&byte, 1)).ok(),
                  "a program that execve left in place lost its memory");
  }
  fuzz::require(thread.memory->validate().empty(), "address space: " + thread.memory->validate());
  return 0;
}
