// (e) Code that changes: by itself, through another mapping, by mprotect, munmap, mmap, fork and
// the kernel.
#include "cases.hpp"
#include "differential.hpp"
#include "placement.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace tine::test {
namespace {

constexpr int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
/// Pages of their own for code that comes and goes.
constexpr u64 place = 0x4000'0000;
constexpr u64 other_place = 0x5000'0000;

class SelfModifying : public testing::TestWithParam<const Case *> {};

TEST_P(SelfModifying, AgreesWithTheHost) {
  Guest guest;
  guest.protect(code_region.address, code_region.size(), rwx);
  NativeOracle::instance().protect(code_region.address, code_region.size(), rwx);
  Differential differential(guest);
  const std::vector<u8> code = GetParam()->code();
  // So that the page boundary falls in the middle of the code, at every place.
  for (u64 before = 0; before <= std::min<u64>(code.size(), 96); ++before) {
    Random random(base_seed() + before);
    Program program;
    program.code = code;
    program.address = code_region.address + 8 * page_size - before;
    program.state = random_state(random, program.address);
    program.memory = random_memory(random);
    for (int again = 0; again < 2; ++again) {
      const std::string report = differential.run(program);
      ASSERT_EQ(report, "") << before << " bytes in the first page, run " << again;
    }
  }
  NativeOracle::instance().protect(code_region.address, code_region.size(), PROT_READ | PROT_EXEC);
}

std::vector<const Case *> self_modifying_cases() {
  std::vector<const Case *> cases;
  for (const Case &candidate : all_cases())
    if (candidate.kind == CaseKind::self)
      cases.push_back(&candidate);
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Case, SelfModifying, testing::ValuesIn(self_modifying_cases()),
                         [](const auto &tested) { return std::string(tested.param->name); });

/// Calls functions at addresses of the test's choice.
class ChangingCode : public testing::Test {
protected:
  ChangingCode() { guest_.write_code(code_region.address, case_named("call_once").code()); }

  void place_code(u64 address, const char *name) {
    guest_.write_code(address, case_named(name).code());
  }
  Outcome call(u64 function, memory::AddressSpace *space = nullptr) {
    cpu::CpuState state = plain_state(code_region.address);
    state.gpr[cpu::rdi] = function;
    return guest_.run(state, space ? *space : guest_.space());
  }
  void expect_returns(u64 value, u64 function, memory::AddressSpace *space = nullptr) {
    const Outcome outcome = call(function, space);
    EXPECT_EQ(outcome.signal, SIGTRAP);
    EXPECT_EQ(outcome.state.gpr[cpu::rax], value);
  }
  void expect_fault(int code, u64 function) {
    const Outcome outcome = call(function);
    EXPECT_EQ(outcome.signal, SIGSEGV);
    EXPECT_EQ(outcome.code, code);
    EXPECT_EQ(outcome.address, function);
    EXPECT_EQ(outcome.state.rip, function);
  }

  Guest guest_;
};

TEST_F(ChangingCode, TheKernelWrites) {
  guest_.map(place, page_size, PROT_READ | PROT_EXEC);
  for (int i = 0; i < 3; ++i) {
    place_code(place, "return_1");
    expect_returns(1, place);
    place_code(place, "return_2");
    expect_returns(2, place);
  }
}

TEST_F(ChangingCode, MprotectTakesExecutePermission) {
  guest_.map(place, page_size, PROT_READ | PROT_EXEC);
  place_code(place, "return_1");
  expect_returns(1, place);
  guest_.protect(place, page_size, PROT_READ | PROT_WRITE);
  expect_fault(SEGV_ACCERR, place);
  place_code(place, "return_2");
  guest_.protect(place, page_size, PROT_READ | PROT_EXEC);
  expect_returns(2, place);
}

TEST_F(ChangingCode, WritableAndExecutableByTurns) {
  guest_.map(place, page_size, PROT_READ | PROT_WRITE);
  const u64 writer = code_region.address + page_size;
  guest_.write_code(writer, case_named("store").code());
  for (u64 value = 1; value < 30; ++value) {
    guest_.protect(place, page_size, PROT_READ | PROT_WRITE);
    cpu::CpuState state = plain_state(writer);
    state.gpr[cpu::rdi] = place;
    state.gpr[cpu::rax] = 0xc300'0000'00b8 | value << 8; // mov eax, value; ret
    EXPECT_EQ(guest_.run(state).signal, SIGTRAP);
    guest_.protect(place, page_size, PROT_READ | PROT_EXEC);
    expect_returns(value, place);
    EXPECT_EQ(guest_.run(state).signal, SIGSEGV);
  }
}

TEST_F(ChangingCode, MunmapRemovesIt) {
  guest_.map(place, page_size, PROT_READ | PROT_EXEC);
  place_code(place, "return_1");
  expect_returns(1, place);
  guest_.unmap(place, page_size);
  expect_fault(SEGV_MAPERR, place);
}

TEST_F(ChangingCode, OtherCodeIsMappedAtTheSamePlace) {
  for (int i = 0; i < 5; ++i) {
    guest_.map(place, 2 * page_size, rwx);
    place_code(place + 100, i % 2 ? "return_1" : "return_2");
    expect_returns(i % 2 ? 1 : 2, place + 100);
    if (i % 3 == 0)
      guest_.unmap(place, 2 * page_size);
  }
}

TEST_F(ChangingCode, ThroughAnotherMappingOfTheFrame) {
  Ref<memory::AnonymousPageObject> object;
  {
    const KernelGuard guard(guest_.lock());
    object = make_ref<memory::AnonymousPageObject>(guest_.frames(), page_size);
  }
  guest_.map_object(place, page_size, PROT_READ | PROT_EXEC, object, 0);
  guest_.map_object(other_place, page_size, PROT_READ | PROT_WRITE, object, 0);
  const u64 writer = code_region.address + page_size;
  guest_.write_code(writer, case_named("store_and_call").code());
  for (u64 value = 1; value < 30; ++value) {
    cpu::CpuState state = plain_state(writer);
    state.gpr[cpu::rdi] = other_place + 8;
    state.gpr[cpu::rsi] = place + 8;
    state.gpr[cpu::rax] = 0xc300'0000'00b8 | value << 8;
    const Outcome outcome = guest_.run(state);
    EXPECT_EQ(outcome.signal, SIGTRAP);
    EXPECT_EQ(outcome.state.gpr[cpu::rax], value);
  }
}

TEST_F(ChangingCode, EachSideOfAForkHasItsOwn) {
  guest_.map(place, page_size, rwx);
  place_code(place, "return_1");
  expect_returns(1, place);
  Ref<memory::AddressSpace> child = guest_.fork();
  expect_returns(1, place, child.get());
  guest_.write(*child, place, case_named("return_2").code());
  expect_returns(2, place, child.get());
  expect_returns(1, place);
  place_code(place + 1,
             "return_2"); // the parent's first byte stays; now `mov eax, ...` of other bytes
  place_code(place, "return_1");
  expect_returns(1, place);
  expect_returns(2, place, child.get());
  guest_.end(child);
  expect_returns(1, place);
}

TEST_F(ChangingCode, TheChildWritesItself) {
  guest_.map(place, page_size, rwx);
  place_code(place, "return_1");
  const u64 writer = code_region.address + page_size;
  guest_.write_code(writer, case_named("store_and_call").code());
  expect_returns(1, place);
  Ref<memory::AddressSpace> child = guest_.fork();
  cpu::CpuState state = plain_state(writer);
  state.gpr[cpu::rdi] = state.gpr[cpu::rsi] = place;
  state.gpr[cpu::rax] = 0xc300'0000'07b8;
  EXPECT_EQ(guest_.run(state, *child).state.gpr[cpu::rax], 7u);
  expect_returns(1, place);
  state.gpr[cpu::rax] = 0xc300'0000'09b8;
  EXPECT_EQ(guest_.run(state).state.gpr[cpu::rax], 9u);
  expect_returns(7, place, child.get());
  expect_returns(9, place);
  guest_.end(child);
}

TEST_F(ChangingCode, AnInstructionAcrossTwoPagesLosesItsSecond) {
  guest_.map(place, 2 * page_size, PROT_READ | PROT_EXEC);
  const u64 function = place + page_size - 3; // within mov eax, imm32
  place_code(function, "return_1");
  expect_returns(1, function);
  guest_.unmap(place + page_size, page_size);
  const Outcome outcome = call(function);
  EXPECT_EQ(outcome.signal, SIGSEGV);
  EXPECT_EQ(outcome.state.rip, function);
  EXPECT_EQ(outcome.address, place + page_size);
  guest_.map(place + page_size, page_size, PROT_READ | PROT_EXEC);
  guest_.write_code(place + page_size,
                    std::vector<u8>{0, 2, 0xc3}); // the immediate's third and fourth
  expect_returns(0x0200'0001, function);
}

TEST_F(ChangingCode, MremapMovesIt) {
  guest_.map(place, page_size, PROT_READ | PROT_EXEC);
  place_code(place, "return_1");
  expect_returns(1, place);
  {
    const KernelGuard guard(guest_.lock());
    ASSERT_TRUE(guest_.space()
                    .remap(GuestAddress{place}, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
                           GuestAddress{other_place})
                    .ok());
  }
  expect_fault(SEGV_MAPERR, place);
  expect_returns(1, other_place);
}

} // namespace
} // namespace tine::test
