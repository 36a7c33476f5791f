// The oracle: runs guest code on the host processor, in this process, from a given state to the
// first trap, and reports the exact state there.
//
// Both the entry and the exit are signals: the entry's handler replaces the whole interrupted
// context (every register, FS and GS base included) by the guest's and returns into it; whatever
// the guest code raises is handled on the alternate stack, where the context holds its exact state.
// So no register has to be reserved and no trampoline disturbs the flags. The code must end in a
// trap, usually int3.
#pragma once

#include "layout.hpp"
#include "outcome.hpp"

namespace tine::test {

/// One for the process, for one thread at a time. Owns the host mappings at the guest's addresses;
/// each of them is a view of memory that the oracle can also reach writable at another address
/// (`alias`).
class NativeOracle {
public:
  static NativeOracle &instance();
  NativeOracle(const NativeOracle &) = delete;
  NativeOracle &operator=(const NativeOracle &) = delete;

  /// Must be called after anything else (a vCPU) has installed signal handlers: those that were
  /// there get the signals that don't come from code that the oracle runs.
  void install_handlers();

  [[nodiscard]] Outcome run(const cpu::CpuState &state);

  void write_code(u64 address, std::span<const u8> code);
  void load(const MemoryImage &image);
  void store(MemoryImage &image) const;
  /// mprotect on a piece of the guest's view.
  void protect(u64 address, u64 length, int protection);

private:
  NativeOracle();

  std::span<u8> alias_; ///< code, then the data regions
};

} // namespace tine::test
