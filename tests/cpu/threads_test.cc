// (f) Two vCPUs in one address space: atomic instructions, and mappings that change under a running
// thread.
#include "cases.hpp"
#include "guest.hpp"

#include <csignal>
#include <future>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace tine::test {
namespace {

using namespace std::chrono_literals;

constexpr u64 counter = window.address + page_size;

/// A host thread with a vCPU of its own that runs one piece of guest code until it ends.
class GuestThread {
public:
  GuestThread(Guest &guest, u32 index, const cpu::CpuState &state)
      : future_(std::async(std::launch::async, [this, &guest, index, state] {
          const std::unique_ptr<cpu::Vcpu> vcpu = cpu::Vcpu::create(guest.machine(), index);
          vcpu_.store(vcpu.get());
          cpu::CpuState running = state;
          Outcome outcome;
          for (;;) {
            const cpu::Exit exit = vcpu->run(running, guest.space());
            if (exit.reason == cpu::ExitReason::preempted && !stop_.load())
              continue;
            outcome.signal = exit.reason == cpu::ExitReason::signal ? exit.signal : 0;
            outcome.code = exit.code;
            outcome.address = exit.address.value;
            outcome.state = running;
            break;
          }
          vcpu->forget(guest.space());
          vcpu_.store(nullptr);
          return outcome;
        })) {}
  ~GuestThread() { stop(); }

  /// Ends it if it is still running. The vCPU is asked again and again: it may be between two runs.
  void stop() {
    stop_.store(true);
    while (future_.valid() && future_.wait_for(1ms) != std::future_status::ready)
      if (cpu::Vcpu *vcpu = vcpu_.load())
        vcpu->request_exit();
  }
  /// How it ended; a test fails if it does not, within seconds.
  Outcome finish() {
    if (future_.wait_for(60s) != std::future_status::ready) {
      ADD_FAILURE() << "the guest thread does not end";
      stop();
    }
    return future_.get();
  }

private:
  std::atomic<cpu::Vcpu *> vcpu_{nullptr};
  std::atomic<bool> stop_{false};
  std::future<Outcome> future_;
};

class Threads : public testing::Test {
protected:
  cpu::CpuState state_for(const char *name, u64 rdi, u64 rcx = 0) {
    const u64 code = code_region.address + page_size * next_page_++;
    guest_.write_code(code, case_named(name).code());
    cpu::CpuState state = plain_state(code);
    state.gpr[cpu::rdi] = rdi;
    state.gpr[cpu::rcx] = rcx;
    state.gpr[cpu::rsi] = window.address;
    return state;
  }
  u64 read(memory::AddressSpace &space, u64 at) {
    const KernelGuard guard(guest_.lock());
    return space.read_object<u64>(GuestAddress{at}).value();
  }
  void wait_for_change(u64 at) {
    const u64 before = guest_.read_u64(at);
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (guest_.read_u64(at) == before && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(1ms);
    ASSERT_NE(guest_.read_u64(at), before) << "the guest thread does not run";
  }

  Guest guest_;
  u64 next_page_ = 0;
};

struct Counting {
  const char *name;
  u64 step_high; ///< what each round adds to the second word
  u64 offset;
};

class CountingThreads : public Threads, public testing::WithParamInterface<Counting> {};

TEST_P(CountingThreads, LoseNoStep) {
  constexpr u64 rounds = 100'000;
  const u64 at = counter + GetParam().offset;
  const cpu::CpuState state = state_for(GetParam().name, at, rounds);
  cpu::CpuState second = state;
  second.gpr[cpu::rsp] -= 256;
  GuestThread one(guest_, 1, state), two(guest_, 2, second);
  EXPECT_EQ(one.finish().signal, SIGTRAP);
  EXPECT_EQ(two.finish().signal, SIGTRAP);
  const u64 word =
      GetParam().name == std::string_view("count_locked_add_across_pages") ? at - 4 : at;
  EXPECT_EQ(guest_.read_u64(word), 2 * rounds);
  if (GetParam().step_high) {
    EXPECT_EQ(guest_.read_u64(word + 8), 2 * rounds * GetParam().step_high);
  }
}

INSTANTIATE_TEST_SUITE_P(By, CountingThreads,
                         testing::Values(Counting{"count_locked_increment", 0, 0},
                                         Counting{"count_locked_increment", 0, 60},
                                         Counting{"count_locked_add_across_pages", 0, 0},
                                         Counting{"count_exchange_add", 0, 64},
                                         Counting{"count_compare_exchange", 0, 8},
                                         Counting{"count_compare_exchange_16", 3, 128},
                                         Counting{"count_under_spin_lock", 0, 256}),
                         [](const auto &tested) {
                           return std::string(tested.param.name) + "_" +
                                  std::to_string(tested.param.offset);
                         });

TEST_F(Threads, MprotectStopsAWriter) {
  for (int i = 0; i < 20; ++i) {
    GuestThread writer(guest_, 1, state_for("increment_forever", counter));
    wait_for_change(counter);
    guest_.protect(counter, page_size, PROT_READ);
    const u64 value = guest_.read_u64(counter);
    std::this_thread::sleep_for(200us);
    EXPECT_EQ(guest_.read_u64(counter), value) << "written after mprotect had returned";
    const Outcome outcome = writer.finish();
    EXPECT_EQ(outcome.signal, SIGSEGV);
    EXPECT_EQ(outcome.code, SEGV_ACCERR);
    EXPECT_EQ(outcome.address, counter);
    EXPECT_EQ(guest_.read_u64(counter), value);
    guest_.protect(counter, page_size, PROT_READ | PROT_WRITE);
  }
}

TEST_F(Threads, MunmapStopsAWriter) {
  for (int i = 0; i < 20; ++i) {
    GuestThread writer(guest_, 1, state_for("store_vectors_forever", counter + 16));
    wait_for_change(counter + 16);
    guest_.unmap(counter, page_size);
    const Outcome outcome = writer.finish();
    EXPECT_EQ(outcome.signal, SIGSEGV);
    EXPECT_EQ(outcome.code, SEGV_MAPERR);
    guest_.map(counter, page_size, PROT_READ | PROT_WRITE);
    EXPECT_EQ(guest_.read_u64(counter + 16), 0u);
  }
}

TEST_F(Threads, AFrameThatWasUnmappedIsNotWritten) {
  // The freed frame soon serves another page: a stale translation would show there.
  for (int i = 0; i < 20; ++i) {
    GuestThread writer(guest_, 1, state_for("increment_forever", counter));
    wait_for_change(counter);
    guest_.unmap(counter, page_size);
    constexpr u64 elsewhere = 0x6000'0000;
    guest_.map(elsewhere, 16 * page_size, PROT_READ | PROT_WRITE);
    EXPECT_EQ(writer.finish().signal, SIGSEGV);
    for (u64 page = 0; page < 16; ++page)
      EXPECT_EQ(guest_.read_u64(elsewhere + page * page_size), 0u);
    guest_.unmap(elsewhere, 16 * page_size);
    guest_.map(counter, page_size, PROT_READ | PROT_WRITE);
  }
}

TEST_F(Threads, AForksPictureDoesNotMove) {
  GuestThread writer(guest_, 1, state_for("increment_forever", counter));
  for (int i = 0; i < 40; ++i) {
    wait_for_change(counter);
    Ref<memory::AddressSpace> child = guest_.fork();
    const u64 picture = read(*child, counter);
    wait_for_change(counter);
    EXPECT_EQ(read(*child, counter), picture);
    guest_.end(child);
  }
  writer.stop();
}

TEST_F(Threads, CodeThatIsReplacedUnderARunningThread) {
  constexpr u64 function = 0x4000'0000;
  guest_.map(function, page_size, PROT_READ | PROT_EXEC);
  guest_.write_code(function, case_named("return_1").code());
  cpu::CpuState state = state_for("call_forever", function);
  state.gpr[cpu::rsi] = counter;
  GuestThread caller(guest_, 1, state);
  for (u64 i = 0; i < 40; ++i) {
    const u64 wanted = 1 + i % 2;
    guest_.write_code(function, case_named(wanted == 1 ? "return_1" : "return_2").code());
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (guest_.read_u64(counter) != wanted && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(100us);
    ASSERT_EQ(guest_.read_u64(counter), wanted);
  }
  guest_.unmap(function, page_size);
  const Outcome outcome = caller.finish();
  EXPECT_EQ(outcome.signal, SIGSEGV);
  EXPECT_EQ(outcome.address, function);
}

TEST_F(Threads, TwoWritersShareACopyAfterAFork) {
  // Both threads of the parent fault on the same shared page; one copy must be made, not two.
  for (int i = 0; i < 20; ++i) {
    const u64 zero = 0;
    guest_.write(guest_.space(), counter, {reinterpret_cast<const u8 *>(&zero), 8});
    Ref<memory::AddressSpace> child = guest_.fork();
    const cpu::CpuState state = state_for("count_locked_increment", counter, 5000);
    {
      GuestThread one(guest_, 1, state), two(guest_, 2, state);
      EXPECT_EQ(one.finish().signal, SIGTRAP);
      EXPECT_EQ(two.finish().signal, SIGTRAP);
    }
    EXPECT_EQ(guest_.read_u64(counter), 10'000u);
    EXPECT_EQ(read(*child, counter), 0u);
    guest_.end(child);
    next_page_ %= 32;
  }
}

} // namespace
} // namespace tine::test
