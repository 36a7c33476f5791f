// What fork, copy-on-write, zero-fill and exit cost in memory/ alone, without a vCPU.
#include "memory/address_space.hpp"
#include "memory/node_pool.hpp"
#include "memory/page_table.hpp"

#include <benchmark/benchmark.h>

namespace {
using namespace tine;
using namespace tine::memory;

constexpr GuestAddress start{0x100000000};
constexpr Protection read_write{.read = true, .write = true, .execute = false};

struct World {
  std::unique_ptr<FrameArena> frames;
  Ref<AddressSpace> space;
};

/// An address space with a private mapping of `bytes` whose pages are all present. Where every page
/// has a frame of its own the host must have the memory, so large ones show a few frames many
/// times.
World make_world(u64 bytes, bool own_frames) {
  World world;
  world.frames = FrameArena::create({.limit_bytes = u64{64} << 30}).value();
  world.space = AddressSpace::create(*world.frames).value();
  MapRequest request;
  request.address = start;
  request.length = bytes;
  request.fixed = true;
  request.protection = read_write;
  (void)world.space->map(request).value();
  const Access access = own_frames ? Access::write : Access::read;
  for (u64 at = 0; at < bytes; at += page_size)
    (void)world.space->resolve_fault(start + at, access);
  return world;
}

void fork_and_exit(benchmark::State &state, ForkMechanism mechanism) {
  const u64 bytes = static_cast<u64>(state.range(0)) << 20;
  World world = make_world(bytes, bytes <= u64{1} << 30);
  for (auto _ : state) {
    auto child = world.space->fork(mechanism);
    benchmark::DoNotOptimize(child);
  }
}
BENCHMARK_CAPTURE(fork_and_exit, shared, ForkMechanism::shared)
    ->Arg(1)
    ->Arg(64)
    ->Arg(1024)
    ->Arg(16384);
BENCHMARK_CAPTURE(fork_and_exit, copied, ForkMechanism::copied)->Arg(1)->Arg(64)->Arg(1024);

/// Fork, then the child writes to `pages` pages, `stride` apart; per iteration: all of that and the
/// exit.
void fork_and_write(benchmark::State &state) {
  const u64 pages = static_cast<u64>(state.range(0));
  const u64 stride = static_cast<u64>(state.range(1));
  World world = make_world(u64{1} << 30, true);
  for (auto _ : state) {
    auto child = world.space->fork(ForkMechanism::shared).value();
    for (u64 i = 0; i < pages; ++i)
      benchmark::DoNotOptimize(child->resolve_fault(start + i * stride * page_size, Access::write));
  }
  state.counters["ns_a_page"] =
      benchmark::Counter(static_cast<double>(pages), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}
BENCHMARK(fork_and_write)->Args({1, 1})->Args({100, 1})->Args({10000, 1})->Args({1000, 256});

/// Write faults in a fresh mapping whose frames come from the free list: clearing included.
void zero_fill(benchmark::State &state) {
  World world = make_world(u64{64} << 20, true);
  const u64 pages = (u64{64} << 20) / page_size;
  for (auto _ : state) {
    (void)world.space->advise(start, u64{64} << 20, 4 /* MADV_DONTNEED */);
    for (u64 i = 0; i < pages; ++i)
      benchmark::DoNotOptimize(world.space->resolve_fault(start + i * page_size, Access::write));
  }
  state.counters["ns_a_page"] =
      benchmark::Counter(static_cast<double>(pages), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}
BENCHMARK(zero_fill);

/// A TLB miss that finds all in place.
void spurious_fault(benchmark::State &state) {
  World world = make_world(u64{64} << 20, true);
  u64 at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(world.space->resolve_fault(start + at, Access::write));
    at = (at + 37 * page_size) % (u64{64} << 20);
  }
}
BENCHMARK(spurious_fault);

void kernel_read_8_bytes(benchmark::State &state) {
  World world = make_world(u64{1} << 20, true);
  for (auto _ : state)
    benchmark::DoNotOptimize(world.space->read_object<u64>(start + 64));
}
BENCHMARK(kernel_read_8_bytes);

/// Live children that wrote to nothing: host bytes each.
void idle_children(benchmark::State &state) {
  World world = make_world(u64{1} << 30, true);
  for (auto _ : state) {
    std::vector<Ref<AddressSpace>> children;
    for (int i = 0; i < 10000; ++i)
      children.push_back(world.space->fork(ForkMechanism::shared).value());
    benchmark::DoNotOptimize(children.data());
  }
  state.counters["bytes_each"] = static_cast<double>(sizeof(AddressSpace) + sizeof(PageTable));
}
BENCHMARK(idle_children)->Unit(benchmark::kMicrosecond);

} // namespace

BENCHMARK_MAIN();
