// A kernel without a box, for tests of its parts.
#pragma once

#include "process/kernel.hpp"
#include "process/process.hpp"

#include <gtest/gtest.h>

namespace tine::process {

class KernelFixture : public ::testing::Test {
protected:
  KernelLock lock;
  std::unique_ptr<memory::FrameArena> frames =
      *memory::FrameArena::create({.limit_bytes = 64 << 20});
  std::unique_ptr<cpu::Machine> machine = cpu::Machine::create(*frames, lock);
  sched::Scheduler scheduler;
  time::TimerQueue timers;
  sched::HostEvents events;
  Host host{lock, *frames, *machine, scheduler, timers, events};
  Kernel kernel{host, {.hostname = "box", .cpus = 2}};
};

} // namespace tine::process
