#include "cpu/flags_liveness.hpp"

namespace tine::cpu {
namespace {
constexpr unsigned most_depth = 3;
constexpr unsigned most_looked_at = 10;
} // namespace

bool observes_flags(InstructionKind kind) {
  switch (kind) {
  case InstructionKind::plain:
  case InstructionKind::nop:
  case InstructionKind::lea:
  case InstructionKind::memory:
  case InstructionKind::absolute_move:
  case InstructionKind::push_register:
  case InstructionKind::push_immediate:
  case InstructionKind::push_memory:
  case InstructionKind::pop_register:
  case InstructionKind::pop_memory:
  case InstructionKind::leave:
  case InstructionKind::move_string:
  case InstructionKind::call_direct:
  case InstructionKind::jump_direct:
  case InstructionKind::jump_conditional:
  case InstructionKind::jump_count:
    return false;
  default:
    return true;
  }
}

u16 flags_live_at(u64 pc, const CodeReader &reader, unsigned depth) {
  u16 unknown = status_flags; // flags that nothing has written yet
  u16 live = 0;
  Instruction instruction;
  for (unsigned i = 0; i < most_looked_at && unknown; ++i) {
    const std::span<const u8> bytes = reader.code_at(pc);
    if (bytes.empty() || !decode(bytes, pc, instruction))
      break;
    if (observes_flags(instruction.kind))
      break;
    live |= static_cast<u16>(instruction.flags_read & unknown);
    unknown &= static_cast<u16>(~(instruction.flags_killed | live));
    if (!unknown)
      return live;
    switch (instruction.kind) {
    case InstructionKind::jump_direct:
    case InstructionKind::call_direct:
      pc = instruction.target;
      continue;
    case InstructionKind::jump_conditional:
    case InstructionKind::jump_count:
      if (depth >= most_depth)
        return live | unknown;
      live |= static_cast<u16>(flags_live_at(instruction.target, reader, depth + 1) & unknown);
      unknown &= static_cast<u16>(~live);
      break;
    default:
      break;
    }
    pc = instruction.next_pc();
  }
  return live | unknown;
}

void flags_live_before(std::span<const Instruction> instructions, u16 live_out,
                       std::span<u16> live) {
  for (std::size_t i = instructions.size(); i-- > 0;) {
    const Instruction &instruction = instructions[i];
    if (observes_flags(instruction.kind))
      live_out = status_flags;
    else
      live_out = static_cast<u16>((live_out & ~instruction.flags_killed) | instruction.flags_read);
    live[i] = live_out;
  }
}

} // namespace tine::cpu
