// Which memory an instruction is about to read and write: for the debug registers, which the
// translator does not have.
#pragma once

#include "cpu/cpu_state.hpp"
#include "memory/address_space.hpp"

#include <vector>

namespace tine::cpu {

struct DataAccess {
  u64 address = 0;
  u64 size = 0; ///< bytes; of a repeated string instruction all that its count may reach
  bool writes = false;
};

/// The accesses of the instruction at state.rip, from the registers before it. None if it can't be
/// read or decoded. Gathers and XSAVE's components are not looked into. Kernel lock held.
[[nodiscard]] std::vector<DataAccess> data_accesses(const CpuState &state,
                                                    memory::AddressSpace &space);

} // namespace tine::cpu
