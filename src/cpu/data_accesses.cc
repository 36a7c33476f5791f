#include "cpu/data_accesses.hpp"

#include <array>
#include <Zydis/Zydis.h>

namespace tine::cpu {
namespace {

struct DecodedOperands {
  ZydisDecodedInstruction instruction{};
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands{};
};

/// As many bytes as can be read: the instruction may be the last of its mapping.
u64 read_code(const CpuState &state, memory::AddressSpace &space,
              std::array<std::byte, longest_instruction> &bytes) {
  for (u64 i = 0; i < bytes.size(); ++i)
    if (!space.force_read(GuestAddress{state.rip + i}, std::span(bytes).subspan(i, 1)).ok())
      return i;
  return bytes.size();
}

bool decode_at(const CpuState &state, memory::AddressSpace &space, DecodedOperands &decoded) {
  std::array<std::byte, longest_instruction> bytes{};
  const u64 length = read_code(state, space, bytes);
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), length, &decoded.instruction,
                                             decoded.operands.data()));
}

/// Base, index or 0; general registers of 64 and of 32 bits, rip.
u64 address_register(const CpuState &state, ZydisRegister reg, u64 next_pc) {
  if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
    return next_pc;
  if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15)
    return state.gpr[static_cast<std::size_t>(reg - ZYDIS_REGISTER_RAX)];
  if (reg >= ZYDIS_REGISTER_EAX && reg <= ZYDIS_REGISTER_R15D)
    return state.gpr[static_cast<std::size_t>(reg - ZYDIS_REGISTER_EAX)] & 0xffffffff;
  return 0;
}

u64 effective_address(const CpuState &state, const DecodedOperands &decoded,
                      const ZydisDecodedOperand &operand) {
  const u64 next_pc = state.rip + decoded.instruction.length;
  u64 address = address_register(state, operand.mem.base, next_pc) +
                address_register(state, operand.mem.index, next_pc) * operand.mem.scale;
  if (operand.mem.disp.has_displacement)
    address += static_cast<u64>(operand.mem.disp.value);
  if (decoded.instruction.address_width == 32)
    address &= 0xffffffff;
  if (operand.mem.segment == ZYDIS_REGISTER_FS)
    address += state.fs_base;
  if (operand.mem.segment == ZYDIS_REGISTER_GS)
    address += state.gs_base;
  return address;
}

/// The stack operand of push and call lies below rsp; that of pop and ret at it.
bool pushes(const ZydisDecodedOperand &operand) {
  const bool is_hidden_stack = operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
                               operand.mem.base == ZYDIS_REGISTER_RSP;
  return is_hidden_stack && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
}

DataAccess access_of(const CpuState &state, const DecodedOperands &decoded,
                     const ZydisDecodedOperand &operand) {
  DataAccess access;
  access.size = operand.size / 8U;
  access.address = effective_address(state, decoded, operand);
  access.writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  if (pushes(operand))
    access.address -= access.size;
  constexpr ZydisInstructionAttributes repeats =
      ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
  if ((decoded.instruction.attributes & repeats) != 0 && state.gpr[rcx] != 0) {
    const u64 all = access.size * state.gpr[rcx];
    if ((state.rflags & direction_flag) != 0)
      access.address -= all - access.size;
    access.size = all;
  }
  return access;
}

} // namespace

std::vector<DataAccess> data_accesses(const CpuState &state, memory::AddressSpace &space) {
  std::vector<DataAccess> accesses;
  DecodedOperands decoded;
  if (!decode_at(state, space, decoded))
    return accesses;
  for (std::size_t i = 0; i < decoded.instruction.operand_count; ++i) {
    const ZydisDecodedOperand &operand = decoded.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_MEM)
      accesses.push_back(access_of(state, decoded, operand));
  }
  return accesses;
}

} // namespace tine::cpu
