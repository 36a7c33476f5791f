#include "cpu/stack_plan.hpp"

#include "cpu/vcpu_context.hpp"

#include <algorithm>
#include <cstring>

namespace tine::cpu {
namespace {

using Kind = InstructionKind;

/// `add rsp, constant` and `sub rsp, constant`: the change of rsp.
bool adjusts_rsp(const Instruction &instruction, i64 &change) {
  if (instruction.kind != Kind::plain || instruction.rex != 0x48 ||
      instruction.operand_size_prefix || instruction.modrm_offset == 0)
    return false;
  const u8 opcode = instruction.bytes[instruction.opcode_offset];
  const u8 modrm = instruction.bytes[instruction.modrm_offset];
  if ((opcode != 0x81 && opcode != 0x83) || (modrm != 0xc4 && modrm != 0xec))
    return false;
  i32 value = 0;
  if (opcode == 0x83) {
    value = static_cast<i8>(instruction.bytes[instruction.operand_end]);
  } else {
    std::memcpy(&value, instruction.bytes + instruction.operand_end, 4);
  }
  change = modrm == 0xc4 ? i64{value} : -i64{value};
  return true;
}

struct Step {
  bool access = false;
  i64 first = 0; ///< relative to rsp before the instruction
  i64 size = 8;
  bool known = true; ///< whether rsp is known afterwards
  i64 change = 0;
};

Step step_of(const Instruction &instruction) {
  Step step;
  switch (instruction.kind) {
  case Kind::push_register:
  case Kind::push_immediate:
    step.access = true;
    step.first = step.change = -8;
    return step;
  case Kind::push_memory:
    step.change = -8;
    return step;
  case Kind::call_direct:
  case Kind::call_indirect:
    step.access = true;
    step.first = -8;
    return step;
  case Kind::pop_register:
    step.access = !instruction.writes_rsp_as_operand;
    step.known = step.access;
    step.change = 8;
    return step;
  case Kind::ret:
    step.access = true;
    return step;
  case Kind::memory:
    if (instruction.memory.base == rsp && instruction.memory.index == no_register &&
        instruction.memory.segment == Segment::none && !instruction.address_size_prefix &&
        !instruction.high_byte && (instruction.data_reads | instruction.data_writes) != 3) {
      step.access = true;
      step.first = instruction.memory.displacement;
      step.size = instruction.memory.size;
    }
    step.known = !instruction.writes_rsp;
    return step;
  default:
    if (adjusts_rsp(instruction, step.change))
      return step;
    step.known = !instruction.writes_rsp;
    return step;
  }
}

} // namespace

StackPlan plan_stack(std::span<const Instruction> instructions, std::span<const u16> live) {
  StackPlan plan;
  i64 offset = 0; // of rsp from its value at the block's start
  i64 low = 0, high = 0;
  i64 check_offset = 0;
  bool found_dead = false;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    if (!plan.used && (live[i] == 0 || !found_dead)) {
      found_dead = found_dead || live[i] == 0;
      plan.check_at = i;
      check_offset = offset;
    }
    const Step step = step_of(instructions[i]);
    if (step.access) {
      const i64 first = offset + step.first;
      const i64 new_low = plan.used ? std::min(low, first) : first;
      const i64 new_high = plan.used ? std::max(high, first + step.size) : first + step.size;
      if (new_high - new_low <= i64{StackWindow::spans.back()}) {
        plan.used = true;
        plan.covered[i] = true;
        low = new_low;
        high = new_high;
      }
    }
    if (!step.known)
      break;
    offset += step.change;
  }
  const i64 relative = low - check_offset;
  if (!plan.used || relative != static_cast<i32>(relative))
    return StackPlan{};
  plan.low = static_cast<i32>(relative);
  plan.span = static_cast<u32>(high - low);
  while (StackWindow::spans[plan.limit] < plan.span)
    ++plan.limit;
  return plan;
}

} // namespace tine::cpu
