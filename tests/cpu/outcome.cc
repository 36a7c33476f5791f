#include "outcome.hpp"

#include <cstring>
#include <fmt/format.h>

namespace tine::test {

namespace {

constexpr std::array<const char *, 16> gpr_names{"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                 "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                 "r12", "r13", "r14", "r15"};

std::string hex(std::span<const u8> bytes) {
  std::string text;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
    text += fmt::format("{:02x}", *byte);
  return text;
}

void compare(std::string &report, const char *name, u64 host, u64 tine) {
  if (host != tine)
    report += fmt::format("  {}: host {:#x}, tine {:#x}\n", name, host, tine);
}

void compare_bytes(std::string &report, const std::string &name, std::span<const u8> host,
                   std::span<const u8> tine) {
  if (std::memcmp(host.data(), tine.data(), host.size()) != 0)
    report += fmt::format("  {}: host {}, tine {}\n", name, hex(host), hex(tine));
}

void compare_x87(std::string &report, const cpu::CpuState &host, const cpu::CpuState &tine,
                 const Tolerance &tolerance) {
  const std::span<const u8> a(host.fxsave), b(tine.fxsave);
  compare_bytes(report, "fcw", a.subspan(0, 2), b.subspan(0, 2));
  compare_bytes(report, "fsw", a.subspan(2, 2), b.subspan(2, 2));
  compare_bytes(report, "ftw", a.subspan(4, 1), b.subspan(4, 1));
  compare_bytes(report, "mxcsr", a.subspan(fxsave_mxcsr, 4), b.subspan(fxsave_mxcsr, 4));
  if (!tolerance.x87_pointers)
    compare_bytes(report, "x87 opcode, instruction and operand", a.subspan(6, 18),
                  b.subspan(6, 18));
  for (u64 i = 0; i < 8; ++i)
    compare_bytes(report, fmt::format("st{}", i), a.subspan(fxsave_st + 16 * i, 10),
                  b.subspan(fxsave_st + 16 * i, 10));
}

void compare_fault(std::string &report, const Outcome &host, const Outcome &tine,
                   const Tolerance &tolerance) {
  compare(report, "signal", static_cast<u64>(host.signal), static_cast<u64>(tine.signal));
  if (tolerance.only_signal)
    return;
  compare(report, "si_code", static_cast<u64>(host.code), static_cast<u64>(tine.code));
  const u64 ignored = tolerance.address_in_page ? page_mask : 0;
  compare(report, "si_addr", host.address & ~ignored, tine.address & ~ignored);
  compare(report, "trap number", host.trap_number, tine.trap_number);
  // Bit 0 (present) depends on which pages the kernel had populated already.
  compare(report, "error code", host.error_code & ~u64{1}, tine.error_code & ~u64{1});
}

} // namespace

std::string differences(const Outcome &host, const Outcome &tine, const Tolerance &tolerance) {
  std::string report;
  if (host.timed_out != tine.timed_out)
    report += fmt::format("  timed out: host {}, tine {}\n", host.timed_out, tine.timed_out);
  // #SS and #GP both mean an address that is not canonical; which of them depends on the segment.
  constexpr u64 stack_fault = 12, protection_fault = 13, page_fault = 14;
  const auto is_either = [](u64 trap) { return trap == stack_fault || trap == protection_fault; };
  const auto is_of_memory = [&](u64 trap) { return trap == page_fault || is_either(trap); };
  const bool is_tolerated = tolerance.any_memory_fault && is_of_memory(host.trap_number) &&
                            is_of_memory(tine.trap_number);
  if (!is_tolerated && !(is_either(host.trap_number) && is_either(tine.trap_number)))
    compare_fault(report, host, tine, tolerance);
  compare(report, "rip", host.state.rip, tine.state.rip);
  for (std::size_t i = 0; i < 16; ++i)
    compare(report, gpr_names[i], host.state.gpr[i], tine.state.gpr[i]);
  const u64 flags = visible_flags & ~tolerance.undefined_flags;
  compare(report, "rflags", host.state.rflags & flags, tine.state.rflags & flags);
  compare(report, "fs base", host.state.fs_base, tine.state.fs_base);
  compare(report, "gs base", host.state.gs_base, tine.state.gs_base);
  for (std::size_t i = 0; i < 16; ++i)
    compare_bytes(report, fmt::format("ymm{}", i), host.state.ymm[i], tine.state.ymm[i]);
  compare_x87(report, host.state, tine.state, tolerance);
  return report;
}

std::string differences(const MemoryImage &host, const MemoryImage &tine) {
  std::string report;
  if (host.bytes == tine.bytes)
    return report;
  constexpr int most_lines = 24;
  int lines = 0;
  for (u64 i = 0; i < host.bytes.size() && lines < most_lines; i += 8) {
    if (std::memcmp(&host.bytes[i], &tine.bytes[i], 8) == 0)
      continue;
    report += fmt::format("  memory {:#x}: host {}, tine {}\n", MemoryImage::address_of(i),
                          hex(std::span(host.bytes).subspan(i, 8)),
                          hex(std::span(tine.bytes).subspan(i, 8)));
    ++lines;
  }
  return report;
}

std::string describe(const cpu::CpuState &state) {
  std::string text;
  for (std::size_t i = 0; i < 16; ++i)
    text += fmt::format("  {:>3} {:016x}{}", gpr_names[i], state.gpr[i], i % 4 == 3 ? "\n" : "");
  text += fmt::format("  rip {:x} rflags {:x} fs {:x} gs {:x}\n", state.rip, state.rflags,
                      state.fs_base, state.gs_base);
  for (std::size_t i = 0; i < 16; ++i)
    text += fmt::format("  ymm{:<2} {}\n", i, hex(state.ymm[i]));
  const std::span<const u8> x87(state.fxsave);
  text += fmt::format("  fcw {} fsw {} ftw {} mxcsr {}\n", hex(x87.subspan(0, 2)),
                      hex(x87.subspan(2, 2)), hex(x87.subspan(4, 1)), hex(x87.subspan(24, 4)));
  for (u64 i = 0; i < 8; ++i)
    text += fmt::format("  st{} {}{}", i, hex(x87.subspan(fxsave_st + 16 * i, 10)),
                        i % 4 == 3 ? "\n" : "");
  return text;
}

cpu::CpuState plain_state(u64 rip) {
  cpu::CpuState state;
  for (u64 i = 0; i < 16; ++i)
    state.gpr[i] = 0x0101'0101'0101'0101 * (i + 1);
  state.gpr[cpu::rsp] = stack_top;
  state.rip = rip;
  return state;
}

u32 mxcsr_of(const cpu::CpuState &state) {
  u32 value = 0;
  std::memcpy(&value, &state.fxsave[fxsave_mxcsr], 4);
  return value;
}

void set_mxcsr(cpu::CpuState &state, u32 value) {
  std::memcpy(&state.fxsave[fxsave_mxcsr], &value, 4);
}

} // namespace tine::test
