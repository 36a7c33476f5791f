// (f) request_exit: every form of loop stops soon, in an exact state, and goes on from there.
#include "budget.hpp"
#include "cases.hpp"
#include "sequence.hpp"

#include <csignal>
#include <future>
#include <gtest/gtest.h>

namespace tine::test {
namespace {

using namespace std::chrono_literals;

class EndlessLoop : public testing::TestWithParam<const Case *> {};

TEST_P(EndlessLoop, CanBePreempted) {
  Guest guest;
  const std::vector<u8> code = GetParam()->code();
  const u64 start = code_region.address + 64;
  guest.write_code(start, code);
  cpu::CpuState state = plain_state(start);
  state.gpr[cpu::rdi] = window.address + 256;
  state.gpr[cpu::rsi] = stack_top;
  for (int round = 0; round < 3; ++round) {
    std::atomic<bool> returned{false};
    const auto begin = std::chrono::steady_clock::now();
    const auto asker = std::async(std::launch::async, [&] {
      std::this_thread::sleep_for(5ms);
      guest.vcpu().request_exit(); // one request must do; the second only ends a test that failed
      const auto limit = std::chrono::steady_clock::now() + 3s;
      while (!returned.load() && std::chrono::steady_clock::now() < limit)
        std::this_thread::sleep_for(1ms);
      if (!returned.load())
        guest.vcpu().request_exit();
    });
    const cpu::Exit exit = guest.vcpu().run(state, guest.space());
    const auto end = std::chrono::steady_clock::now();
    returned.store(true);
    EXPECT_EQ(exit.reason, cpu::ExitReason::preempted);
    EXPECT_LT(end - begin, 2s);
    EXPECT_GE(state.rip, start);
    EXPECT_LT(state.rip, start + code.size());
  }
}

std::vector<const Case *> endless_loops() {
  std::vector<const Case *> cases;
  for (const Case &candidate : all_cases())
    if (std::string_view(candidate.name).starts_with("endless_"))
      cases.push_back(&candidate);
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Case, EndlessLoop, testing::ValuesIn(endless_loops()),
                         [](const auto &tested) { return std::string(tested.param->name); });

TEST(Preemption, ARequestBeforeRunEndsTheNextRunAtOnce) {
  Guest guest;
  guest.write_code(code_region.address, std::vector<u8>{0x48, 0xff, 0xc0, 0xcc}); // inc rax; int3
  cpu::CpuState state = plain_state(code_region.address);
  const cpu::CpuState before = state;
  guest.vcpu().request_exit();
  EXPECT_EQ(guest.vcpu().run(state, guest.space()).reason, cpu::ExitReason::preempted);
  EXPECT_EQ(state.rip, before.rip);
  EXPECT_EQ(state.gpr, before.gpr);
  EXPECT_EQ(guest.vcpu().run(state, guest.space()).signal, SIGTRAP);
  EXPECT_EQ(state.gpr[cpu::rax], before.gpr[cpu::rax] + 1);
}

TEST(Preemption, ProgramsThatAreInterruptedAllTheTimeAgreeWithTheHost) {
  Guest guest;
  Differential differential(guest);
  std::atomic<bool> stop{false};
  const auto disturber = std::async(std::launch::async, [&] {
    while (!stop.load())
      guest.vcpu().request_exit(), std::this_thread::sleep_for(20us);
  });
  const auto end = std::chrono::steady_clock::now() + budget() / 3;
  int failures = 0;
  for (u64 number = 0; std::chrono::steady_clock::now() < end && failures < 3; ++number) {
    Random random(Random(base_seed() + (u64{7} << 32) + number).next());
    const std::optional<Program> program = assemble(draw_sequence(random));
    const std::string report = program ? differential.run(*program) : std::string();
    failures += !report.empty();
    EXPECT_EQ(report, "") << "sequence " << number << " of this seed";
  }
  stop.store(true);
}

} // namespace
} // namespace tine::test
