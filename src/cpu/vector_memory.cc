// Vector instructions whose lanes fault one by one: gathers and masked moves.
#include "cpu/interpreter.hpp"

#include <algorithm>
#include <cstring>

namespace tine::cpu {

std::array<u8, 32> &Interpreter::vector_register(ZydisRegister reg) {
  const unsigned index = static_cast<unsigned>(ZydisRegisterGetId(reg)) & 15;
  return state_.ymm[index];
}

/// SDM, VPGATHER: each lane that is done clears its mask element, so a fault can resume. All the
/// mask and the upper part of the destination are zero at the end.
bool Interpreter::do_gather() {
  const ZydisDecodedOperand &destination = operands_[0], &memory = operands_[1],
                            &mask = operands_[2];
  const bool wide_index = instruction_.mnemonic == ZYDIS_MNEMONIC_VGATHERQPD ||
                          instruction_.mnemonic == ZYDIS_MNEMONIC_VGATHERQPS ||
                          instruction_.mnemonic == ZYDIS_MNEMONIC_VPGATHERQD ||
                          instruction_.mnemonic == ZYDIS_MNEMONIC_VPGATHERQQ;
  const bool wide_data = instruction_.mnemonic == ZYDIS_MNEMONIC_VGATHERDPD ||
                         instruction_.mnemonic == ZYDIS_MNEMONIC_VGATHERQPD ||
                         instruction_.mnemonic == ZYDIS_MNEMONIC_VPGATHERDQ ||
                         instruction_.mnemonic == ZYDIS_MNEMONIC_VPGATHERQQ;
  const u64 index_bytes = wide_index ? 8 : 4;
  const u64 data_bytes = wide_data ? 8 : 4;
  stack_segment_ = memory.mem.segment == ZYDIS_REGISTER_SS;
  const u64 vector_bytes = instruction_.avx.vector_length / 8U;
  const u64 lanes = vector_bytes / std::max(index_bytes, data_bytes);
  if (destination.reg.value == mask.reg.value || destination.reg.value == memory.mem.index ||
      mask.reg.value == memory.mem.index)
    return invalid();
  std::array<u8, 32> &to = vector_register(destination.reg.value);
  std::array<u8, 32> &selected = vector_register(mask.reg.value);
  const std::array<u8, 32> indices = vector_register(memory.mem.index);
  for (u64 lane = 0; lane < lanes; ++lane) {
    if (!(selected[(lane + 1) * data_bytes - 1] & 0x80)) {
      std::memset(&selected[lane * data_bytes], 0, data_bytes);
      continue;
    }
    i64 index = 0;
    if (wide_index) {
      std::memcpy(&index, &indices[lane * 8], 8);
    } else {
      i32 narrow = 0;
      std::memcpy(&narrow, &indices[lane * 4], 4);
      index = narrow;
    }
    u64 address = register_value(memory.mem.base) + static_cast<u64>(memory.mem.disp.value) +
                  static_cast<u64>(index) * memory.mem.scale;
    if (instruction_.address_width == 32)
      address &= 0xffffffff;
    if (!read(address + segment_base(memory.mem.segment), &to[lane * data_bytes], data_bytes))
      return false;
    std::memset(&selected[lane * data_bytes], 0, data_bytes);
  }
  std::memset(selected.data(), 0, selected.size());
  const u64 used = lanes * data_bytes;
  std::memset(to.data() + used, 0, to.size() - used);
  return true;
}

/// Lanes that the mask leaves out are not accessed, so they can't fault.
bool Interpreter::do_masked_move() {
  const bool store = operands_[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
  const bool wide = instruction_.mnemonic == ZYDIS_MNEMONIC_VMASKMOVPD ||
                    instruction_.mnemonic == ZYDIS_MNEMONIC_VPMASKMOVQ;
  const u64 data_bytes = wide ? 8 : 4;
  const u64 vector_bytes = instruction_.avx.vector_length / 8U;
  const ZydisDecodedOperand &memory = store ? operands_[0] : operands_[2];
  const std::array<u8, 32> mask = vector_register(operands_[1].reg.value);
  const u64 address = effective_address(memory);
  std::array<u8, 32> value{};
  if (store)
    value = vector_register(operands_[2].reg.value);
  const auto chosen = [&](u64 lane) { return (mask[(lane + 1) * data_bytes - 1] & 0x80) != 0; };
  for (u64 lane = 0; lane < vector_bytes / data_bytes; ++lane)
    if (chosen(lane)) {
      const u64 at = address + lane * data_bytes;
      if (store ? !resolve(at, data_bytes, memory::Access::write)
                : !read(at, &value[lane * data_bytes], data_bytes)) {
        // The processor reports where the operand meets the page, not the lane.
        exit_.address = GuestAddress(std::max(address, round_down_to_page(exit_.address.value)));
        return false;
      }
    }
  if (!store) {
    vector_register(operands_[0].reg.value) = value;
    return true;
  }
  for (u64 lane = 0; lane < vector_bytes / data_bytes; ++lane)
    if (chosen(lane) && !write(address + lane * data_bytes, &value[lane * data_bytes], data_bytes))
      return false;
  return true;
}

/// As every MMX instruction: TOP is 0 and all registers are valid. FXSAVE's slots are relative to
/// TOP, so they move.
void Interpreter::enter_mmx() {
  const unsigned top = (state_.fxsave[3] >> 3) & 7;
  std::array<u8, 128> registers;
  for (unsigned slot = 0; slot < 8; ++slot)
    std::memcpy(&registers[((slot + top) & 7) * 16], &state_.fxsave[32 + slot * 16], 16);
  std::memcpy(&state_.fxsave[32], registers.data(), registers.size());
  state_.fxsave[3] &= 0xc7;
  state_.fxsave[4] = 0xff;
}

/// maskmovdqu and maskmovq: bytes to [rdi].
bool Interpreter::do_masked_store_bytes() {
  const bool mmx = instruction_.mnemonic == ZYDIS_MNEMONIC_MASKMOVQ;
  const u64 size = mmx ? 8 : 16;
  std::array<const ZydisDecodedOperand *, 2> registers{};
  const ZydisDecodedOperand *memory = nullptr;
  std::size_t found = 0;
  for (const ZydisDecodedOperand &operand :
       std::span(operands_).first(instruction_.operand_count)) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY)
      memory = &operand;
    else if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && found < 2)
      registers[found++] = &operand;
  }
  if (!memory || found != 2)
    return invalid();
  if (mmx)
    enter_mmx();
  std::array<u8, 16> data{}, mask{};
  for (std::size_t i = 0; i < 2; ++i) {
    const unsigned index = static_cast<unsigned>(ZydisRegisterGetId(registers[i]->reg.value));
    const u8 *from =
        mmx ? state_.fxsave.data() + 32 + (index & 7) * 16 : state_.ymm[index & 15].data();
    std::memcpy(i == 0 ? data.data() : mask.data(), from, size);
  }
  const u64 address = effective_address(*memory);
  for (u64 i = 0; i < size; ++i)
    if ((mask[i] & 0x80) && !resolve(address + i, 1, memory::Access::write))
      return false;
  for (u64 i = 0; i < size; ++i)
    if ((mask[i] & 0x80) && !write(address + i, &data[i], 1))
      return false;
  return true;
}

} // namespace tine::cpu
