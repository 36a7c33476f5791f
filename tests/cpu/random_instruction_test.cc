// (a) Single random instructions of every encoding, with operands at every alignment.
#include "budget.hpp"
#include "differential.hpp"
#include "placement.hpp"

#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>

namespace tine::test {
namespace {

struct Drawn {
  Instruction instruction;
  Program program;
};

std::optional<Drawn> draw_program(Random &random) {
  std::optional<Instruction> instruction = draw_instruction(random, {});
  if (!instruction)
    return std::nullopt;
  Drawn drawn;
  Program &program = drawn.program;
  program.address = code_region.address + random.below(code_region.size() - 32);
  program.state = random_state(random, program.address);
  program.memory = random_memory(random);
  if (!place_operands(random, *instruction, program.state, program.memory))
    return std::nullopt;
  program.code = with_trap(instruction->bytes);
  program.tolerance.only_signal = true;
  program.tolerance.undefined_flags = instruction->decoded.undefined_flags();
  drawn.instruction = std::move(*instruction);
  return drawn;
}

/// One mnemonic's failures: the first is printed in full, of the others only the number.
struct Failure {
  u64 count = 0;
  std::string first;
};

void compare_random_instructions(Frames frames, u64 salt) {
  Guest guest(frames);
  Differential differential(guest);
  std::map<std::string, Failure> failures;
  u64 compared = 0, faulted = 0;
  const auto end = std::chrono::steady_clock::now() + budget();
  for (u64 number = 0; std::chrono::steady_clock::now() < end; ++number) {
    const u64 seed = Random(base_seed() + salt + number).next();
    Random random(seed);
    const std::optional<Drawn> drawn = draw_program(random);
    if (!drawn)
      continue;
    const std::string report = differential.run(drawn->program);
    ++compared;
    faulted += differential.host_outcome().signal != SIGTRAP;
    if (report.empty())
      continue;
    const char *name = ZydisMnemonicGetString(drawn->instruction.decoded.instruction.mnemonic);
    Failure &failure = failures[name ? name : "?"];
    if (failure.count++ == 0)
      failure.first = fmt::format("instruction {} of this seed\n{}", number, report);
    if (failures.size() > 40)
      break;
  }
  fmt::print("{} instructions compared, {} of them faulted\n", compared, faulted);
  EXPECT_GT(compared, 100u);
  for (const auto &[name, failure] : failures)
    ADD_FAILURE() << name << ": " << failure.count << " mismatches; the first:\n" << failure.first;
}

TEST(RandomInstruction, AgreesWithTheHost) {
  compare_random_instructions(Frames::as_allocated, 0);
}

TEST(RandomInstruction, AgreesWithTheHostWherePagesAreScattered) {
  compare_random_instructions(Frames::scattered, u64{1} << 32);
}

} // namespace
} // namespace tine::test
