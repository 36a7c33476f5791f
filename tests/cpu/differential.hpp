// One program on both sides, and the report when they differ.
#pragma once

#include "guest.hpp"
#include "native_oracle.hpp"

#include <string>
#include <vector>

namespace tine::test {

struct Program {
  u64 address = code_region.address;
  std::vector<u8> code; ///< ends in a trap
  cpu::CpuState state;  ///< state.rip says where it begins
  MemoryImage memory;
  Tolerance tolerance;
};

/// Runs programs in one Guest and on the host, and compares all registers, flags and memory.
class Differential {
public:
  explicit Differential(Guest &guest);

  /// Empty if both sides agree; otherwise the disassembly, the differences, and the state at the
  /// start.
  [[nodiscard]] std::string run(const Program &program);
  /// The same without the text; for shrinking.
  [[nodiscard]] bool agrees(const Program &program) { return raw(program).empty(); }
  /// How the last run ended on the host.
  [[nodiscard]] const Outcome &host_outcome() const { return host_; }

private:
  std::string raw(const Program &program);

  Guest &guest_;
  Outcome host_;
  Outcome tine_;
  MemoryImage host_memory_;
  MemoryImage tine_memory_;
};

/// `code` followed by int3.
[[nodiscard]] std::vector<u8> with_trap(std::vector<u8> code);

} // namespace tine::test
