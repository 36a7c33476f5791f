// (d) What a vCPU remembers of an address must go when its mapping changes: the TLB, site caches,
// slots of constant addresses, string instructions, the stack.
#include "cases.hpp"
#include "guest.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace tine::test {
namespace {

constexpr u64 address = window.address + page_size;
constexpr u64 pattern = 0x1122'3344'5566'7788;

/// How the guest reaches the address; each has its own way through the translator.
struct Way {
  const char *name;
  const char *load;
  const char *store;
  bool stack;
};
constexpr std::array ways{
    Way{"register", "load", "store", false},
    Way{"constant", "load_constant_address", "store_constant_address", false},
    Way{"string", "copy_string", "copy_string", false},
    Way{"stack", "pop", "push", true},
};

class MemoryChanges : public testing::TestWithParam<Way> {
protected:
  MemoryChanges() {
    guest_.write_code(load_code, case_named(GetParam().load).code());
    guest_.write_code(store_code, case_named(GetParam().store).code());
  }
  bool is_string() const { return GetParam().load == std::string_view("copy_string"); }

  Outcome load(memory::AddressSpace *space = nullptr) {
    cpu::CpuState state = plain_state(load_code);
    state.gpr[cpu::rdi] = is_string() ? island.address : address;
    state.gpr[cpu::rsi] = address;
    if (GetParam().stack)
      state.gpr[cpu::rsp] = address;
    return guest_.run(state, space ? *space : guest_.space());
  }
  Outcome store(u64 what, memory::AddressSpace *space = nullptr) {
    cpu::CpuState state = plain_state(store_code);
    state.gpr[cpu::rdi] = address;
    state.gpr[cpu::rsi] = read_only.address;
    state.gpr[cpu::rax] = what;
    if (GetParam().stack)
      state.gpr[cpu::rsp] = address + 8;
    if (is_string())
      guest_.write(space ? *space : guest_.space(), read_only.address,
                   {reinterpret_cast<const u8 *>(&what), 8});
    return guest_.run(state, space ? *space : guest_.space());
  }
  u64 stored(memory::AddressSpace &space) {
    const KernelGuard guard(guest_.lock());
    return space.read_object<u64>(GuestAddress{address}).value();
  }
  void expect_fault(const Outcome &outcome, int code) {
    EXPECT_EQ(outcome.signal, SIGSEGV);
    EXPECT_EQ(outcome.code, code);
    EXPECT_EQ(outcome.address, address);
  }

  static constexpr u64 load_code = code_region.address;
  static constexpr u64 store_code = code_region.address + page_size;
  Guest guest_;
};

TEST_P(MemoryChanges, Munmap) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(store(pattern).signal, SIGTRAP);
    EXPECT_EQ(load().signal, SIGTRAP);
    guest_.unmap(address, page_size);
    expect_fault(load(), SEGV_MAPERR);
    expect_fault(store(pattern), SEGV_MAPERR);
    guest_.map(address, page_size, PROT_READ | PROT_WRITE);
    EXPECT_EQ(guest_.read_u64(address), 0u);
  }
}

TEST_P(MemoryChanges, MapFixedOverIt) {
  for (u64 i = 1; i < 4; ++i) {
    EXPECT_EQ(store(pattern * i).signal, SIGTRAP);
    EXPECT_EQ(stored(guest_.space()), pattern * i);
    guest_.map(address, page_size, PROT_READ | PROT_WRITE);
    EXPECT_EQ(stored(guest_.space()), 0u);
    if (!is_string()) {
      EXPECT_EQ(load().state.gpr[cpu::rax], 0u);
    }
  }
}

TEST_P(MemoryChanges, MprotectReadOnly) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(store(pattern).signal, SIGTRAP);
    guest_.protect(address, page_size, PROT_READ);
    expect_fault(store(1), SEGV_ACCERR);
    EXPECT_EQ(stored(guest_.space()), pattern);
    EXPECT_EQ(load().signal, SIGTRAP);
    guest_.protect(address, page_size, PROT_NONE);
    expect_fault(load(), SEGV_ACCERR);
    guest_.protect(address, page_size, PROT_READ | PROT_WRITE);
  }
}

TEST_P(MemoryChanges, CopyOnWriteAfterFork) {
  EXPECT_EQ(store(pattern).signal, SIGTRAP);
  EXPECT_EQ(load().signal, SIGTRAP);
  Ref<memory::AddressSpace> child = guest_.fork();
  EXPECT_EQ(store(2).signal, SIGTRAP);
  EXPECT_EQ(stored(guest_.space()), 2u);
  EXPECT_EQ(stored(*child), pattern);
  EXPECT_EQ(store(3, child.get()).signal, SIGTRAP);
  EXPECT_EQ(stored(guest_.space()), 2u);
  EXPECT_EQ(stored(*child), 3u);
  Ref<memory::AddressSpace> second = guest_.fork();
  EXPECT_EQ(store(4, second.get()).signal, SIGTRAP);
  EXPECT_EQ(store(5).signal, SIGTRAP);
  EXPECT_EQ(stored(*second), 4u);
  EXPECT_EQ(stored(*child), 3u);
  EXPECT_EQ(stored(guest_.space()), 5u);
  guest_.end(child);
  EXPECT_EQ(store(6, second.get()).signal, SIGTRAP);
  EXPECT_EQ(stored(guest_.space()), 5u);
  guest_.end(second);
  EXPECT_EQ(store(7).signal, SIGTRAP);
  EXPECT_EQ(stored(guest_.space()), 7u);
}

TEST_P(MemoryChanges, TheZeroPageIsNotWrittenThrough) {
  guest_.unmap(address, page_size);
  {
    const KernelGuard guard(guest_.lock());
    memory::MapRequest request;
    request.address = GuestAddress{address};
    request.length = page_size;
    request.protection = {.read = true, .write = true, .execute = false};
    request.fixed = true;
    ASSERT_TRUE(guest_.space().map(request).ok()); // not populated
  }
  EXPECT_EQ(load().signal, SIGTRAP); // shows the common zero frame
  EXPECT_EQ(store(pattern).signal, SIGTRAP);
  EXPECT_EQ(stored(guest_.space()), pattern);
  const KernelGuard guard(guest_.lock());
  for (const std::byte byte : guest_.frames().bytes(memory::FrameArena::zero_frame))
    ASSERT_EQ(byte, std::byte{0});
}

TEST_P(MemoryChanges, MadviseDontneed) {
  EXPECT_EQ(store(pattern).signal, SIGTRAP);
  EXPECT_EQ(load().signal, SIGTRAP);
  {
    const KernelGuard guard(guest_.lock());
    ASSERT_TRUE(guest_.space().advise(GuestAddress{address}, page_size, MADV_DONTNEED).ok());
  }
  EXPECT_EQ(stored(guest_.space()), 0u);
  EXPECT_EQ(store(9).signal, SIGTRAP);
  EXPECT_EQ(stored(guest_.space()), 9u);
}

INSTANTIATE_TEST_SUITE_P(By, MemoryChanges, testing::ValuesIn(ways),
                         [](const auto &tested) { return std::string(tested.param.name); });

} // namespace
} // namespace tine::test
