// The user-visible registers of one thread, while it isn't on a vCPU (and at a system call).
#pragma once

#include "base/archive.hpp"
#include "base/types.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace tine::cpu {

/// Numbers as in the Intel SDM's encoding of general-purpose registers.
enum Gpr : u8 { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

/// Bits of RFLAGS.
inline constexpr u64 trap_flag = 0x100, direction_flag = 0x400, resume_flag = 0x10000;
/// What cs and ss hold in user space.
inline constexpr u16 user_code_segment = 0x33, user_stack_segment = 0x2b;
/// Where software's part of the FXSAVE region begins, which Linux uses.
inline constexpr u64 software_bytes_offset = 464;
inline constexpr u64 longest_instruction = 15; ///< bytes

/// Copyable: fork copies it, a snapshot writes it. The layout of the leading members is known to
/// the entry and exit code of the translator.
struct CpuState {
  std::array<u64, 16> gpr{};
  u64 rip = 0;
  u64 rflags = 0x202;
  u64 fs_base = 0;
  u64 gs_base = 0;
  /// The low and high halves of YMM0 to YMM15.
  alignas(32) std::array<std::array<u8, 32>, 16> ymm{};
  /// The legacy region of FXSAVE: x87 and MXCSR (its XMM part is not used; `ymm` holds it).
  alignas(16) std::array<u8, 512> fxsave{};

  /// Registers as after execve: x87 and MXCSR at their initial values.
  CpuState();

  /// Bytes that a signal frame needs for the extended state, in the standard XSAVE format with the
  /// components that CPUID reports (x87, SSE, AVX), FP_XSTATE_MAGIC2 apart.
  static u64 xsave_size();
  void store_xsave(std::span<std::byte> area) const;
  /// Takes the state from an XSAVE area that a guest may have written: reserved bits of MXCSR are
  /// cleared, unknown components ignored. False if the header is malformed (SIGSEGV).
  [[nodiscard]] bool load_xsave(std::span<const std::byte> area);
  /// Of a saved box's file: as a guest's, it may set what user code may set.
  void archive(Archive &archive);
};

} // namespace tine::cpu
