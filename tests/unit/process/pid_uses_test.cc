#include "process/pid_uses.hpp"

#include <deque>
#include <gtest/gtest.h>

namespace tine::process {
namespace {

TEST(PidUses, EachUseHoldsThePid) {
  PidUses uses;
  EXPECT_FALSE(uses.is_held(Pid{5}));
  uses.hold(Pid{5});
  uses.hold(Pid{5});
  EXPECT_TRUE(uses.is_held(Pid{5}));
  EXPECT_FALSE(uses.is_held(Pid{6}));
  EXPECT_FALSE(uses.release(Pid{5}));
  EXPECT_TRUE(uses.release(Pid{5}));
  EXPECT_FALSE(uses.is_held(Pid{5}));
}

/// What it holds is copied with each fork of the box.
TEST(PidUses, PidsOfThePastTakeNoMemory) {
  PidUses uses;
  std::deque<Pid> held;
  uses.hold(Pid{1});
  for (i32 pid = 2; pid < 4'194'304; pid += 7) {
    uses.hold(Pid{pid});
    held.push_back(Pid{pid});
    if (held.size() > 100) {
      EXPECT_TRUE(uses.release(held.front()));
      held.pop_front();
    }
  }
  EXPECT_TRUE(uses.is_held(Pid{1}));
  EXPECT_LE(uses.chunk_count(), 13U);
}

} // namespace
} // namespace tine::process
