// The oracle itself: what it reports is what the processor did, and twice the same.
#include "native_oracle.hpp"
#include "placement.hpp"
#include "zydis_facts.hpp"

#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tine::test {
namespace {

class OracleTest : public testing::Test {
protected:
  OracleTest() { oracle_.install_handlers(); }
  Outcome run(std::vector<u8> code, const cpu::CpuState &state) {
    oracle_.write_code(state.rip, code);
    return oracle_.run(state);
  }
  NativeOracle &oracle_ = NativeOracle::instance();
};

TEST_F(OracleTest, EveryRegisterArrivesAndComesBack) {
  Random random(base_seed());
  for (int i = 0; i < 100; ++i) {
    const cpu::CpuState state = random_state(random, code_region.address);
    const Outcome outcome = run({0xcc}, state);
    EXPECT_EQ(outcome.signal, SIGTRAP);
    Outcome expected;
    expected.state = state;
    expected.state.rip += 1;
    expected.signal = SIGTRAP;
    expected.code = SI_KERNEL;
    expected.trap_number = 3;
    EXPECT_EQ(differences(expected, outcome, {.x87_pointers = false}), "");
  }
}

TEST_F(OracleTest, AnInstructionHasItsEffect) {
  const Outcome outcome =
      run({0x48, 0x01, 0xd8, 0xcc}, plain_state(code_region.address)); // add rax, rbx
  EXPECT_EQ(outcome.state.gpr[cpu::rax], 0x0101'0101'0101'0101u * 5);
}

TEST_F(OracleTest, AFaultIsReportedWithItsAddress) {
  cpu::CpuState state = plain_state(code_region.address);
  state.gpr[cpu::rbx] = island.address + page_size - 4;
  const Outcome outcome = run({0x48, 0x8b, 0x03, 0xcc}, state); // mov rax, [rbx]
  EXPECT_EQ(outcome.signal, SIGSEGV);
  EXPECT_EQ(outcome.code, SEGV_MAPERR);
  EXPECT_EQ(outcome.address, island.address + page_size);
  EXPECT_EQ(outcome.state.rip, state.rip);
  EXPECT_EQ(outcome.trap_number, 14u);
}

TEST_F(OracleTest, AnEndlessLoopTimesOut) {
  EXPECT_TRUE(run({0xeb, 0xfe}, plain_state(code_region.address)).timed_out);
}

TEST_F(OracleTest, TheGeneratorsInstructionsAreDeterministic) {
  Random random(base_seed() + 1);
  for (int compared = 0; compared < 3000;) {
    std::optional<Instruction> instruction = draw_instruction(random, {});
    if (!instruction)
      continue;
    cpu::CpuState state = random_state(random, code_region.address);
    const MemoryImage memory = random_memory(random);
    if (!place_operands(random, *instruction, state, memory))
      continue;
    instruction->bytes.push_back(0xcc);
    oracle_.write_code(state.rip, instruction->bytes);
    // Where the stack pointer leads nowhere, the host was seen to report an invalid opcode at int3,
    // rarely. What isn't deterministic differs each time.
    std::string found = "not run";
    for (int attempt = 0; attempt < 3 && !found.empty(); ++attempt) {
      std::array<Outcome, 2> outcomes;
      std::array<MemoryImage, 2> images;
      for (std::size_t i = 0; i < 2; ++i) {
        oracle_.load(memory);
        outcomes[i] = oracle_.run(state);
        oracle_.store(images[i]);
      }
      found = differences(outcomes[0], outcomes[1], {}) + differences(images[0], images[1]);
    }
    EXPECT_EQ(found, "") << disassemble(instruction->bytes, state.rip);
    ++compared;
  }
}

} // namespace
} // namespace tine::test
