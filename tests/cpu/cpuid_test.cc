// (g) CPUID tells the truth: what it reports runs, and the instruction says what the function says.
#include "differential.hpp"
#include "encoding.hpp"
#include "features.hpp"
#include "placement.hpp"

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <map>

namespace tine::test {
namespace {

TEST(Cpuid, ReportsNothingThatTheHostLacks) {
  for (const Feature &feature : features())
    if (guest_has(feature)) {
      EXPECT_TRUE(host_has(feature)) << feature.name;
    }
}

/// Instructions that the generators leave out.
struct Sample {
  ZydisISASet isa;
  std::vector<u8> code;
};
const std::vector<Sample> &samples() {
  static const std::vector<Sample> all{
      {ZYDIS_ISA_SET_RDRAND, {0x48, 0x0f, 0xc7, 0xf0}},
      {ZYDIS_ISA_SET_RDSEED, {0x48, 0x0f, 0xc7, 0xf8}},
      {ZYDIS_ISA_SET_RDWRFSGS, {0xf3, 0x48, 0x0f, 0xae, 0xc0}},
      {ZYDIS_ISA_SET_RDPID, {0xf3, 0x0f, 0xc7, 0xf8}},
      {ZYDIS_ISA_SET_RDTSCP, {0x0f, 0x01, 0xf9}},
      {ZYDIS_ISA_SET_FXSAVE, {0x0f, 0xae, 0x03}},
      {ZYDIS_ISA_SET_FXSAVE64, {0x48, 0x0f, 0xae, 0x03}},
      {ZYDIS_ISA_SET_XSAVE, {0x0f, 0xae, 0x23}},
      {ZYDIS_ISA_SET_XSAVEOPT, {0x0f, 0xae, 0x33}},
      {ZYDIS_ISA_SET_XSAVEC, {0x0f, 0xc7, 0x23}},
      {ZYDIS_ISA_SET_PKU, {0x31, 0xc9, 0x0f, 0x01, 0xee}},
      {ZYDIS_ISA_SET_CLZERO, {0x48, 0x89, 0xd8, 0x0f, 0x01, 0xfc}},
      {ZYDIS_ISA_SET_RDPRU, {0x31, 0xc9, 0x0f, 0x01, 0xfd}},
      {ZYDIS_ISA_SET_MONITORX, {0x48, 0x89, 0xd8, 0x0f, 0x01, 0xfa}},
  };
  return all;
}

int signal_of(Guest &guest, std::vector<u8> code) {
  guest.write_code(code_region.address, with_trap(std::move(code)));
  cpu::CpuState state = plain_state(code_region.address);
  state.gpr[cpu::rbx] = window.address + page_size;
  state.gpr[cpu::rax] = 7;
  state.gpr[cpu::rdx] = 0;
  return guest.run(state).signal;
}

TEST(Cpuid, WhatItReportsRuns) {
  Guest guest;
  std::map<ZydisISASet, int> ran;
  for (const Sample &sample : samples())
    if (guest_has_isa(sample.isa)) {
      EXPECT_EQ(signal_of(guest, sample.code), SIGTRAP) << ZydisISASetGetString(sample.isa);
      ++ran[sample.isa];
    }
  Random random(base_seed());
  for (int draw = 0; draw < 400'000; ++draw) {
    std::optional<Instruction> instruction = draw_instruction(random, {});
    if (!instruction || instruction->decoded.explicit_memory() ||
        instruction->decoded.instruction.meta.isa_set ==
            ZYDIS_ISA_SET_PREFETCH_NOP) // #UD with a register
      continue;
    int &count = ran[instruction->decoded.instruction.meta.isa_set];
    if (count >= 20)
      continue;
    const int signal = signal_of(guest, instruction->bytes);
    EXPECT_NE(signal, SIGILL) << disassemble(instruction->bytes, code_region.address);
    count += signal == SIGTRAP;
  }
  for (const Feature &feature : features())
    if (guest_has(feature) && feature.isa != ZYDIS_ISA_SET_SSE_PREFETCH &&
        feature.isa != ZYDIS_ISA_SET_PREFETCH_NOP && feature.isa != ZYDIS_ISA_SET_CLFSH &&
        feature.isa != ZYDIS_ISA_SET_CLFLUSHOPT && feature.isa != ZYDIS_ISA_SET_CLWB &&
        feature.isa != ZYDIS_ISA_SET_SSEMXCSR && feature.isa != ZYDIS_ISA_SET_CMPXCHG16B &&
        feature.isa != ZYDIS_ISA_SET_MOVBE && feature.isa != ZYDIS_ISA_SET_SSE3X87 &&
        feature.isa != ZYDIS_ISA_SET_AVX2GATHER) {
      EXPECT_GT(ran[feature.isa], 0) << feature.name << ": no instruction of it was drawn";
    }
}

TEST(Cpuid, TheInstructionSaysWhatTheFunctionSays) {
  Guest guest;
  guest.write_code(code_region.address, std::vector<u8>{0x0f, 0xa2, 0xcc});
  for (const u32 leaf : {0u, 1u, 2u, 4u, 7u, 0xdu, 0x15u, 0x4000'0000u, 0x8000'0000u, 0x8000'0001u,
                         0x8000'0002u, 0x8000'0008u})
    for (u32 subleaf = 0; subleaf < 3; ++subleaf) {
      cpu::CpuState state = plain_state(code_region.address);
      state.gpr[cpu::rax] = 0xffff'ffff'0000'0000 | leaf;
      state.gpr[cpu::rcx] = 0xffff'ffff'0000'0000 | subleaf;
      const u64 flags = state.rflags;
      const Outcome outcome = guest.run(state);
      const cpu::CpuidResult expected = cpu::guest_cpuid(leaf, subleaf);
      ASSERT_EQ(outcome.signal, SIGTRAP);
      EXPECT_EQ(outcome.state.gpr[cpu::rax], expected.eax);
      EXPECT_EQ(outcome.state.gpr[cpu::rbx], expected.ebx);
      EXPECT_EQ(outcome.state.gpr[cpu::rcx], expected.ecx);
      EXPECT_EQ(outcome.state.gpr[cpu::rdx], expected.edx);
      EXPECT_EQ(outcome.state.rflags & visible_flags, flags & visible_flags);
    }
}

TEST(Cpuid, XgetbvNamesWhatXsaveKeeps) {
  Guest guest;
  guest.write_code(code_region.address, std::vector<u8>{0x31, 0xc9, 0x0f, 0x01, 0xd0, 0xcc});
  const Outcome outcome = guest.run(plain_state(code_region.address));
  ASSERT_EQ(outcome.signal, SIGTRAP);
  const cpu::CpuidResult components = cpu::guest_cpuid(0xd, 0);
  EXPECT_EQ(outcome.state.gpr[cpu::rax], components.eax);
  EXPECT_EQ(outcome.state.gpr[cpu::rdx], components.edx);
  EXPECT_EQ(components.ebx, cpu::CpuState::xsave_size());
}

TEST(Cpuid, SystemCallLeavesTheRegistersOfTheArchitecture) {
  Guest guest;
  guest.write_code(code_region.address, std::vector<u8>{0xf9, 0x0f, 0x05, 0xcc}); // stc; syscall
  cpu::CpuState state = plain_state(code_region.address);
  const cpu::CpuState before = state;
  const cpu::Exit exit = guest.vcpu().run(state, guest.space());
  EXPECT_EQ(exit.reason, cpu::ExitReason::system_call);
  EXPECT_EQ(state.rip, code_region.address + 3);
  EXPECT_EQ(state.gpr[cpu::rcx], state.rip);
  EXPECT_EQ(state.gpr[cpu::r11] & visible_flags, (before.rflags & visible_flags) | 1);
  for (const u8 number : {cpu::rax, cpu::rdx, cpu::rbx, cpu::rsp, cpu::rbp, cpu::rsi, cpu::rdi,
                          cpu::r8, cpu::r9, cpu::r10, cpu::r12, cpu::r13, cpu::r14, cpu::r15})
    EXPECT_EQ(state.gpr[number], before.gpr[number]);
}

TEST(Cpuid, SegmentBasesAreTheThreads) {
  Guest guest;
  // mov rax, fs:[0]; mov rcx, gs:[8]; rdfsbase rdx; rdgsbase rbx; wrfsbase rsi; mov rdi, fs:[0]
  guest.write_code(code_region.address,
                   std::vector<u8>{0x64, 0x48, 0x8b, 0x04, 0x25, 0,    0,    0,    0,    0x65, 0x48,
                                   0x8b, 0x0c, 0x25, 8,    0,    0,    0,    0xf3, 0x48, 0x0f, 0xae,
                                   0xc2, 0xf3, 0x48, 0x0f, 0xae, 0xcb, 0xf3, 0x48, 0x0f, 0xae, 0xd6,
                                   0x64, 0x48, 0x8b, 0x3c, 0x25, 0,    0,    0,    0,    0xcc});
  MemoryImage memory;
  const u64 at_fs = 11, at_gs = 22, at_new = 33;
  std::memcpy(memory.at(window.address + 64, 8).data(), &at_fs, 8);
  std::memcpy(memory.at(window.address + 136, 8).data(), &at_gs, 8);
  std::memcpy(memory.at(window.address + 256, 8).data(), &at_new, 8);
  guest.load(memory);
  cpu::CpuState state = plain_state(code_region.address);
  state.fs_base = window.address + 64;
  state.gs_base = window.address + 128;
  state.gpr[cpu::rsi] = window.address + 256;
  const Outcome outcome = guest.run(state);
  ASSERT_EQ(outcome.signal, SIGTRAP);
  EXPECT_EQ(outcome.state.gpr[cpu::rax], at_fs);
  EXPECT_EQ(outcome.state.gpr[cpu::rcx], at_gs);
  EXPECT_EQ(outcome.state.gpr[cpu::rdx], state.fs_base);
  EXPECT_EQ(outcome.state.gpr[cpu::rbx], state.gs_base);
  EXPECT_EQ(outcome.state.gpr[cpu::rdi], at_new);
  EXPECT_EQ(outcome.state.fs_base, window.address + 256);
}

} // namespace
} // namespace tine::test
