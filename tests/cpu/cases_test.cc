// (c), (d): the hand-written cases, each a test of its own, on the host and in tine.
#include "cases.hpp"

#include "differential.hpp"
#include "placement.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>

extern "C" {
extern const tine::test::Case __start_tine_cases[]; // NOLINT: the linker's names
extern const tine::test::Case __stop_tine_cases[];
}

namespace tine::test {

std::span<const Case> all_cases() {
  return {__start_tine_cases, __stop_tine_cases};
}

const Case &case_named(std::string_view name) {
  const auto found = std::ranges::find(all_cases(), name, &Case::name);
  if (found == all_cases().end()) {
    fmt::print(stderr, "no case {}\n", name);
    std::abort();
  }
  return *found;
}

namespace {

/// The guests are shared by all cases: making one costs more than running a case.
struct Side {
  Guest guest;
  Differential differential{guest};
  explicit Side(Frames frames) : guest(frames) {}
};
std::array<std::unique_ptr<Side>, 2> sides;

class Sides : public testing::Environment {
public:
  void TearDown() override {
    for (auto &side : sides)
      side.reset();
  }
};

Side &side(Frames frames) {
  auto &slot = sides[static_cast<std::size_t>(frames)];
  if (!slot)
    slot = std::make_unique<Side>(frames);
  NativeOracle::instance().install_handlers();
  return *slot;
}

class CaseTest : public testing::Test {
public:
  explicit CaseTest(const Case &tested) : case_(tested) {}

  void TestBody() override {
    for (const Frames frames : {Frames::as_allocated, Frames::scattered})
      run_in(side(frames).differential);
  }

private:
  void run_in(Differential &differential) {
    const bool sweeps = case_.kind == CaseKind::sweep;
    for (i64 offset = sweeps ? -68 : 0; offset <= (sweeps ? 2 : 0); ++offset)
      for (u64 round = 0; round < (sweeps ? 1u : 4u); ++round)
        if (!run_once(differential, offset, round))
          return;
  }

  bool run_once(Differential &differential, i64 offset, u64 round) {
    Random random(base_seed() + static_cast<u64>(offset) * 16 + round);
    Program program;
    program.code = case_.code();
    program.address = code_region.address + 16 * random.below(4096);
    program.state = random_state(random, program.address);
    program.state.gpr[cpu::rbx] = window.address + 2 * page_size + static_cast<u64>(offset);
    program.memory = random_memory(random);
    program.tolerance.undefined_flags = 0;
    const std::string report = differential.run(program);
    EXPECT_EQ(report, "") << "offset " << offset << ", round " << round;
    return report.empty();
  }

  const Case &case_;
};

const bool registered = [] {
  testing::AddGlobalTestEnvironment(new Sides);
  for (const Case &tested : all_cases())
    if (tested.kind != CaseKind::code)
      testing::RegisterTest("Case", tested.name, nullptr, nullptr, __FILE__, __LINE__,
                            [&tested]() -> testing::Test * { return new CaseTest(tested); });
  return true;
}();

} // namespace
} // namespace tine::test
