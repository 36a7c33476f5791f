// (b) Random programs.
#include "budget.hpp"
#include "sequence.hpp"

#include <csignal>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tine::test {
namespace {

/// The same code again with the pointers elsewhere: now it comes from the code cache, and whatever
/// a translation remembers of the first run's addresses has to be noticed as wrong.
Program moved(const Program &program, Random &random) {
  Program other = program;
  const u64 distance = page_size * random.below(2) + 16 * random.below(40);
  for (u64 &value : other.state.gpr)
    if (value - window.address < window.size())
      value -= distance;
  other.state.rflags ^= random.next() & 0x8d5;
  return other;
}

std::string compare_sequence(Differential &differential, Random &random) {
  Sequence sequence = draw_sequence(random);
  const std::optional<Program> program = assemble(sequence);
  if (!program)
    return {};
  std::string report = differential.run(*program);
  for (int again = 0; report.empty() && again < 2; ++again) {
    const Program other = moved(*program, random);
    report = differential.run(other);
    sequence.state = other.state;
  }
  if (report.empty())
    return {};
  const Sequence least = shrink(std::move(sequence), differential);
  const std::string shrunk = differential.run(*assemble(least));
  return shrunk.empty() ? "(does not repeat)\n" + report : shrunk;
}

void compare_random_sequences(Frames frames, u64 salt) {
  Guest guest(frames);
  Differential differential(guest);
  u64 compared = 0, completed = 0;
  int failures = 0;
  const auto end = std::chrono::steady_clock::now() + budget();
  for (u64 number = 0; std::chrono::steady_clock::now() < end && failures < 12; ++number) {
    Random random(Random(base_seed() + salt + number).next());
    const std::string report = compare_sequence(differential, random);
    ++compared;
    completed += differential.host_outcome().signal == SIGTRAP;
    if (!report.empty()) {
      ++failures;
      ADD_FAILURE() << "sequence " << number << " of this seed\n" << report;
    }
  }
  fmt::print("{} sequences compared, {} of them ran to the end\n", compared, completed);
  EXPECT_GT(compared, 10u);
}

TEST(RandomSequence, AgreesWithTheHost) {
  compare_random_sequences(Frames::as_allocated, u64{2} << 32);
}

TEST(RandomSequence, AgreesWithTheHostWherePagesAreScattered) {
  compare_random_sequences(Frames::scattered, u64{3} << 32);
}

} // namespace
} // namespace tine::test
