// Decoding by example: what Zydis said of one instruction holds for all of the same form.
#pragma once

#include "cpu/decode.hpp"

#include <array>
#include <optional>

namespace tine::cpu {

/// A register operand by the field that encodes it.
struct TemplateRegister {
  bool is_gpr = false;
  bool touched = false, written = false; ///< as ZydisDecodedOperand::actions has it
  bool byte = false;                     ///< 8 bits wide: without REX, fields 4 to 7 are AH to BH
};

/// What is equal for all instructions of one form: same prefixes, same opcode, same digit in ModRM,
/// all with a register or all with memory there. The rest follows from the registers' numbers, the
/// displacement and the immediate.
struct DecodeTemplate {
  Instruction common; ///< kind, flags, condition, memory's size and direction, implicit registers
  TemplateRegister reg, rm, opcode;
  u8 immediate_bytes = 0;
};

/// Where the parts of an instruction lie, for forms that templates are made of.
struct InstructionLayout {
  u32 form = 0;
  u8 prefix_length = 0, rex = 0;
  u8 opcode_length = 0; ///< with its escapes
  u8 modrm_offset = 0;  ///< 0: none
  bool operand_size_prefix = false, repeat = false, repeat_not_equal = false;
};

/// None for forms that Zydis must decide each time: rare prefixes, VEX, x87, opcodes whose meaning
/// depends on more than the form. At least 15 bytes.
[[nodiscard]] std::optional<InstructionLayout> layout_of(std::span<const u8> bytes);

/// The instruction, decoded by the template of its form. At least 15 bytes.
void apply_template(const DecodeTemplate &form, const InstructionLayout &layout,
                    std::span<const u8> bytes, u64 pc, Instruction &out);

/// The templates learnt so far. A small cache: another form may take a template's place.
class DecodeTemplates {
public:
  [[nodiscard]] const DecodeTemplate *find(u32 form) const {
    const std::size_t slot = slot_of(form);
    if (forms_[slot] == form)
      return &values_[slot];
    return forms_[slot ^ 1] == form ? &values_[slot ^ 1] : nullptr;
  }
  void add(u32 form, const DecodeTemplate &value) {
    std::size_t slot = slot_of(form);
    if (forms_[slot] != 0 && forms_[slot ^ 1] == 0)
      slot ^= 1;
    forms_[slot] = form;
    values_[slot] = value;
  }

private:
  static constexpr unsigned bits = 11;
  static std::size_t slot_of(u32 form) { return form * 0x9e3779b1U >> (32 - bits); }
  std::array<u32, std::size_t{1} << bits> forms_{}; ///< 0: none
  std::array<DecodeTemplate, std::size_t{1} << bits> values_;
};

} // namespace tine::cpu
