// Which instruction sets the box's CPUID reports.
#pragma once

#include "base/types.hpp"

#include <array>
#include <span>
#include <Zydis/Zydis.h>

namespace tine::test {

/// A feature bit of CPUID and an instruction that must run where it is set.
struct Feature {
  const char *name;
  u32 leaf, subleaf;
  enum class Register : u8 { eax, ebx, ecx, edx } place;
  unsigned bit;
  ZydisISASet isa; ///< the instructions that it stands for
};

[[nodiscard]] std::span<const Feature> features();
[[nodiscard]] bool guest_has(const Feature &feature);
[[nodiscard]] bool host_has(const Feature &feature);

/// True for the base instruction set, and for those whose feature bit the guest sees.
[[nodiscard]] bool guest_has_isa(ZydisISASet isa);

} // namespace tine::test
