#include "guest.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace tine::test {

namespace {

constexpr auto tick = std::chrono::milliseconds(250);
constexpr int ticks_allowed = 8;

/// A failure in here is not about the instruction under test: end the program with a reason.
template <typename T> T require(Result<T> result, const char *what) {
  if (!result.ok()) {
    fmt::print(stderr, "test guest: {}: errno {}\n", what, static_cast<int>(result.error()));
    std::abort();
  }
  return std::move(result).value();
}

memory::Protection protection_of(int bits) {
  return {.read = (bits & PROT_READ) != 0,
          .write = (bits & PROT_WRITE) != 0,
          .execute = (bits & PROT_EXEC) != 0};
}

std::span<const std::byte> as_bytes(std::span<const u8> bytes) {
  return std::as_bytes(bytes);
}

} // namespace

Guest::Guest(Frames layout) {
  frames_ = require(memory::FrameArena::create({.limit_bytes = u64{4} << 30}), "arena");
  machine_ = cpu::Machine::create(*frames_, lock_);
  {
    const KernelGuard guard(lock_);
    space_ = require(memory::AddressSpace::create(*frames_), "address space");
    machine_->attach(*space_);
  }
  map(code_region.address, code_region.size(), PROT_READ | PROT_EXEC);
  for (const Region &region : data_regions)
    if (layout == Frames::as_allocated || region.address != window.address)
      map(region.address, region.size(), region.writable ? PROT_READ | PROT_WRITE : PROT_READ);
  if (layout == Frames::scattered)
    map_scattered_window();
  vcpu_ = cpu::Vcpu::create(*machine_, 0);
}

Guest::~Guest() {
  vcpu_->forget(*space_);
  const KernelGuard guard(lock_);
  const std::string problem = space_->validate();
  EXPECT_EQ(problem, "");
  machine_->detach(*space_);
  space_ = nullptr;
}

void Guest::map_scattered_window() {
  constexpr std::array<u64, window.pages> object_page{9, 2, 30, 17};
  Ref<memory::AnonymousPageObject> object;
  {
    const KernelGuard guard(lock_);
    object = make_ref<memory::AnonymousPageObject>(*frames_, u64{64} << page_shift);
    for (const u64 page : {30U, 5U, 9U, 31U, 17U, 18U, 2U, 3U})
      require(object->page(page), "page");
  }
  for (u64 i = 0; i < window.pages; ++i)
    map_object(window.address + i * page_size, page_size, PROT_READ | PROT_WRITE, object,
               object_page[i]);
}

Outcome Guest::run_on(cpu::Vcpu &vcpu, const cpu::CpuState &state, memory::AddressSpace &space) {
  Outcome outcome;
  outcome.state = state;
  const Watchdog::Watch watch(vcpu);
  cpu::Exit exit;
  do
    exit = vcpu.run(outcome.state, space);
  while (exit.reason == cpu::ExitReason::preempted && !watch.expired());
  outcome.timed_out = exit.reason == cpu::ExitReason::preempted;
  if (exit.reason == cpu::ExitReason::signal) {
    outcome.signal = exit.signal;
    outcome.code = exit.code;
    outcome.address = exit.address.value;
    outcome.trap_number = exit.trap_number;
    outcome.error_code = exit.error_code;
  }
  return outcome;
}

Outcome Guest::run(const cpu::CpuState &state) {
  return run_on(*vcpu_, state, *space_);
}
Outcome Guest::run(const cpu::CpuState &state, memory::AddressSpace &space) {
  return run_on(*vcpu_, state, space);
}

void Guest::write(memory::AddressSpace &space, u64 address, std::span<const u8> bytes) {
  const KernelGuard guard(lock_);
  require(space.force_write(GuestAddress{address}, as_bytes(bytes)), "write");
}

void Guest::write_code(u64 address, std::span<const u8> code) {
  write(*space_, address, code);
}

void Guest::load(const MemoryImage &image) {
  u64 offset = 0;
  for (const Region &region : data_regions) {
    write(*space_, region.address, std::span(image.bytes).subspan(offset, region.size()));
    offset += region.size();
  }
}

void Guest::store(MemoryImage &image) {
  const KernelGuard guard(lock_);
  u64 offset = 0;
  for (const Region &region : data_regions) {
    const auto to = std::span(image.bytes).subspan(offset, region.size());
    require(space_->force_read(GuestAddress{region.address}, std::as_writable_bytes(to)), "read");
    offset += region.size();
  }
}

u64 Guest::map(u64 address, u64 length, int protection) {
  const KernelGuard guard(lock_);
  memory::MapRequest request;
  request.address = GuestAddress{address};
  request.length = length;
  request.protection = protection_of(protection);
  request.fixed = address != 0;
  request.populate = true;
  return require(space_->map(request), "map").value;
}

void Guest::map_object(u64 address, u64 length, int protection,
                       const Ref<memory::PageObject> &object, u64 page) {
  const KernelGuard guard(lock_);
  memory::MapRequest request;
  request.address = GuestAddress{address};
  request.length = length;
  request.protection = protection_of(protection);
  request.fixed = true;
  request.shared = true;
  request.object = object;
  request.object_offset = page << page_shift;
  require(space_->map(request), "map an object");
}

void Guest::unmap(u64 address, u64 length) {
  const KernelGuard guard(lock_);
  require(space_->unmap(GuestAddress{address}, length), "unmap");
}

void Guest::protect(u64 address, u64 length, int protection) {
  const KernelGuard guard(lock_);
  require(space_->protect(GuestAddress{address}, length, protection_of(protection)), "protect");
}

Ref<memory::AddressSpace> Guest::fork() {
  const KernelGuard guard(lock_);
  Ref<memory::AddressSpace> child = require(space_->fork(memory::ForkMechanism::shared), "fork");
  machine_->attach(*child);
  return child;
}

void Guest::end(Ref<memory::AddressSpace> &space) {
  vcpu_->forget(*space);
  const KernelGuard guard(lock_);
  machine_->detach(*space);
  space = nullptr;
}

u64 Guest::read_u64(u64 address) {
  const KernelGuard guard(lock_);
  return require(space_->read_object<u64>(GuestAddress{address}), "read");
}

Watchdog &Watchdog::instance() {
  static Watchdog watchdog;
  return watchdog;
}

Watchdog::Watchdog() : thread_([this] { loop(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::loop() {
  std::unique_lock guard(mutex_);
  while (!stop_) {
    wake_.wait_for(guard, tick);
    for (Slot &slot : slots_)
      if (slot.vcpu && ++slot.ticks >= ticks_allowed) {
        slot.expired = true;
        slot.vcpu->request_exit();
      }
  }
}

Watchdog::Watch::Watch(cpu::Vcpu &vcpu) {
  Watchdog &watchdog = Watchdog::instance();
  const std::lock_guard guard(watchdog.mutex_);
  for (slot_ = 0; watchdog.slots_[slot_].vcpu; ++slot_)
    ;
  watchdog.slots_[slot_] = {&vcpu, 0, false};
}

Watchdog::Watch::~Watch() {
  Watchdog &watchdog = Watchdog::instance();
  const std::lock_guard guard(watchdog.mutex_);
  watchdog.slots_[slot_] = {};
}

bool Watchdog::Watch::expired() const {
  Watchdog &watchdog = Watchdog::instance();
  const std::lock_guard guard(watchdog.mutex_);
  return watchdog.slots_[slot_].expired;
}

} // namespace tine::test
