#include "differential.hpp"

#include "zydis_facts.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>

namespace tine::test {

namespace {
/// A random address was one that the test itself has mapped (the guest's frames, reserved): there
/// the host says SEGV_ACCERR, while the guest has nothing.
bool hit_own_memory(const Outcome &host) {
  const u64 in_code = host.address - code_region.address;
  return host.signal == SIGSEGV && host.code == SEGV_ACCERR &&
         !MemoryImage::contains(host.address, 1) && in_code >= code_region.size();
}
/// With an rsp that isn't canonical some virtual machines (PVM) report another fault than the
/// processor does, and #UD for int3: only the named cases say what they expect then.
bool stack_pointer_got_lost(const Outcome &host, const Program &program) {
  const u64 rsp = host.state.gpr[cpu::rsp];
  const bool canonical = static_cast<u64>(static_cast<i64>(rsp << 16) >> 16) == rsp;
  return program.tolerance.only_signal && !canonical;
}
} // namespace

Differential::Differential(Guest &guest) : guest_(guest) {
  NativeOracle::instance().install_handlers();
  // Programs may read the code region: both sides begin with the same in it.
  const std::vector<u8> empty(code_region.size());
  NativeOracle::instance().write_code(code_region.address, empty);
  guest_.write_code(code_region.address, empty);
}

std::string Differential::raw(const Program &program) {
  // With TINE_TRACE each program is shown before it runs: for those that bring down the test
  // itself.
  static const bool trace = std::getenv("TINE_TRACE") != nullptr;
  if (trace)
    fmt::print(stderr, "{}{}\n", disassemble(program.code, program.address),
               describe(program.state));
  NativeOracle &oracle = NativeOracle::instance();
  oracle.write_code(program.address, program.code);
  guest_.write_code(program.address, program.code); // even if the host times out: see above
  oracle.load(program.memory);
  host_ = oracle.run(program.state);
  oracle.store(host_memory_);
  // The generator's mistakes: nothing to compare.
  if (host_.timed_out || hit_own_memory(host_) || stack_pointer_got_lost(host_, program))
    return {};
  guest_.load(program.memory);
  tine_ = guest_.run(program.state);
  guest_.store(tine_memory_);
  // At a fault tine promises those flags only that somebody will read (src/cpu/README.md).
  Tolerance tolerance = program.tolerance;
  tolerance.only_signal = false;
  const u64 offset = host_.state.rip - program.address;
  if (host_.signal != SIGTRAP && offset < program.code.size()) {
    tolerance.undefined_flags |= dead_flags(program.code, offset);
    const std::span<const u8> faulting = std::span(program.code).subspan(offset);
    tolerance.address_in_page = stores_in_pieces(faulting);
    // The named cases say which operand faults; random ones may have two that do.
    tolerance.only_signal = program.tolerance.only_signal && faults_in_any_order(faulting);
    tolerance.any_memory_fault = tolerance.only_signal;
  }
  // A call that faults at its target has written below the stack pointer (README, as well).
  const u64 below = host_.state.gpr[cpu::rsp] - 8;
  if (host_.signal != SIGTRAP && MemoryImage::contains(below, 8))
    std::ranges::copy(host_memory_.at(below, 8), tine_memory_.at(below, 8).begin());
  return differences(host_, tine_, tolerance) + differences(host_memory_, tine_memory_);
}

std::string Differential::run(const Program &program) {
  const std::string difference = raw(program);
  if (difference.empty())
    return {};
  return fmt::format("{}differences:\n{}state at the start:\n{}state at the end on the host:\n{}",
                     disassemble(program.code, program.address), difference,
                     describe(program.state), describe(host_.state));
}

std::vector<u8> with_trap(std::vector<u8> code) {
  code.push_back(0xcc);
  return code;
}

} // namespace tine::test
