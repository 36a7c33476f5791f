// System calls with any numbers and any arguments, one after the other, by one process.
//
// The input: a size (2 bytes) and that many bytes for the start of the process's data, then calls:
// a number (2 bytes) and six arguments, each a kind (1 byte) and what the kind asks for.
#include "fuzz/input.hpp"
#include "fuzz/kernel_world.hpp"

#include <fcntl.h>

using namespace tine;
using fuzz::KernelWorld;

namespace {

constexpr int most_calls = 64;

u64 take_argument(fuzz::Input &input) {
  const u64 data = KernelWorld::data.value, end = data + KernelWorld::data_pages * page_size;
  switch (input.take<u8>() % 10) {
  case 0:
    return 0;
  case 1: // a descriptor, a signal, a small flag
    return input.take<u8>();
  case 2:
    return data + input.take<u16>() % (KernelWorld::data_pages * page_size);
  case 3: // ends at a page that isn't there
    return end - input.take<u8>();
  case 4:
    return input.take<u32>();
  case 5:
    return input.take<u64>();
  case 6:
    return u64{1} << (input.take<u8>() % 64);
  case 7: // AT_FDCWD and small negative numbers
    return static_cast<u64>(-static_cast<i64>(input.take<u8>()));
  case 8:
    return page_size * input.take<u8>();
  default:
    return KernelWorld::code.value + input.take<u16>();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  const KernelGuard guard(fuzz::HostWorld::instance().lock);
  KernelWorld world;
  fuzz::Input input({data, size});
  const std::span<const u8> contents =
      input.take_bytes(input.take<u16>() % (KernelWorld::data_pages * page_size));
  fuzz::require(world.thread().memory->write(KernelWorld::data, std::as_bytes(contents)).ok(),
                "data");
  for (int calls = 0; calls < most_calls && !input.empty(); ++calls) {
    const u64 number = input.take<u16>() % 470;
    std::array<u64, 6> arguments;
    for (u64 &argument : arguments)
      argument = take_argument(input);
    if (!world.call(number, arguments))
      break;
    const std::string wrong = world.thread().memory->validate();
    fuzz::require(wrong.empty(), "after system call " + std::to_string(number) + ": " + wrong);
  }
  return 0;
}
