// A guest for tests: code, data and a stack in an address space, and a vCPU to run it.
#pragma once

#include "cpu/vcpu.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <vector>

namespace tine::cpu::test {

inline constexpr u64 code_address = 0x400000;
inline constexpr u64 data_address = 0x600000;
inline constexpr u64 stack_top = 0x800000;
inline constexpr u64 data_pages = 16;

class Guest {
public:
  Guest() {
    frames = std::move(memory::FrameArena::create({.limit_bytes = u64{256} << 20})).value();
    machine = Machine::create(*frames, lock);
    space = std::move(memory::AddressSpace::create(*frames)).value();
    {
      const KernelGuard guard(lock);
      machine->attach(*space);
    }
    map(code_address, 4, true);
    map(data_address, data_pages, false);
    map(stack_top - 0x10000, 16, false);
    state.rip = code_address;
    state.gpr[rsp] = stack_top - 0x1000;
    vcpu = Vcpu::create(*machine, 0);
  }
  ~Guest() {
    vcpu.reset();
    const KernelGuard guard(lock);
    machine->detach(*space);
    space = nullptr;
  }
  void map(u64 address, u64 pages, bool execute) {
    memory::MapRequest request;
    request.address = GuestAddress(address);
    request.length = pages << page_shift;
    request.protection = {.read = true, .write = true, .execute = execute};
    request.fixed = true;
    const KernelGuard guard(lock);
    ASSERT_TRUE(space->map(request).ok());
  }
  void write(u64 address, std::vector<u8> bytes) {
    const KernelGuard guard(lock);
    ASSERT_TRUE(space->write(GuestAddress(address), std::as_bytes(std::span(bytes))).ok());
  }
  void code(std::vector<u8> bytes, u64 address = code_address) { write(address, std::move(bytes)); }
  void write64(u64 address, u64 value) {
    const KernelGuard guard(lock);
    ASSERT_TRUE(space->write_object(GuestAddress(address), value).ok());
  }
  u64 read64(u64 address) {
    const KernelGuard guard(lock);
    return std::move(space->read_object<u64>(GuestAddress(address))).value();
  }
  Exit run() { return vcpu->run(state, *space); }

  KernelLock lock;
  std::unique_ptr<memory::FrameArena> frames;
  std::unique_ptr<Machine> machine;
  Ref<memory::AddressSpace> space;
  std::unique_ptr<Vcpu> vcpu;
  CpuState state;
};

} // namespace tine::cpu::test
