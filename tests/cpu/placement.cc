#include "placement.hpp"

#include <bit>
#include <cstring>

namespace tine::test {

namespace {

constexpr u64 masked_fcw = 0x037f;

void random_vector(Random &random, std::span<u8> bytes) {
  const u64 kind = random.below(6);
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    u64 value = random.next();
    if (kind == 0)
      value = std::bit_cast<u64>(static_cast<double>(random.between(-1000, 1000)) / 8);
    else if (kind == 1)
      value = u64{std::bit_cast<u32>(static_cast<float>(random.between(-1000, 1000)) / 8)} << 32 |
              std::bit_cast<u32>(static_cast<float>(random.between(-1000, 1000)));
    else if (kind == 2)
      value = random.interesting();
    else if (kind == 3)
      value = 0x6161'6262'0063'6161 >> (8 * random.below(4));
    std::memcpy(&bytes[i], &value, std::min<std::size_t>(8, bytes.size() - i));
  }
}

/// An 80-bit number in an FXSAVE slot: mostly ordinary, sometimes zero, infinite or not a number.
void random_x87(Random &random, std::span<u8> slot) {
  u64 mantissa = random.next() | u64{1} << 63;
  u16 exponent = static_cast<u16>(16383 + random.between(-60, 60));
  switch (random.below(12)) {
  case 0:
    mantissa = 0, exponent = 0;
    break;
  case 1:
    exponent = 0x7fff, mantissa = u64{1} << 63;
    break;
  case 2:
    exponent = 0x7fff;
    break;
  case 3:
    mantissa = random.next(), exponent = static_cast<u16>(random.next() & 0x7fff);
    break;
  case 4:
    mantissa = (random.below(64) | 1) << 58 | u64{1} << 63;
    break;
  default:
    break;
  }
  if (random.percent(50))
    exponent |= 0x8000;
  std::memcpy(slot.data(), &mantissa, 8);
  std::memcpy(slot.data() + 8, &exponent, 2);
}

void random_fpu(Random &random, cpu::CpuState &state) {
  u32 mxcsr = 0x1f80;
  if (random.percent(30))
    mxcsr |= static_cast<u32>(random.next() & 0xe07f);
  std::memcpy(&state.fxsave[24], &mxcsr, 4);
  if (random.percent(20))
    return; // x87 as after execve
  const u16 control = static_cast<u16>(masked_fcw & ~u64{0x300}) |
                      static_cast<u16>(random.percent(60) ? 0x300 : random.below(4) << 8) |
                      static_cast<u16>(random.percent(70) ? 0 : random.below(4) << 10);
  const u16 status = static_cast<u16>(random.below(8) << 11 | (random.next() & 0x4700));
  std::memcpy(&state.fxsave[0], &control, 2);
  std::memcpy(&state.fxsave[2], &status, 2);
  state.fxsave[4] = random.percent(60) ? 0xff : random.percent(50) ? u8{0} : random.byte();
  for (u64 i = 0; i < 8; ++i)
    random_x87(random, std::span(state.fxsave).subspan(fxsave_st + 16 * i, 10));
}

/// Solves (1 + scale) * x = value modulo 2^64, for base and index in one register.
bool solve_same_register(u64 scale, u64 value, u64 &x) {
  if (scale == 1) {
    x = value / 2;
    return value % 2 == 0;
  }
  const u64 factor = scale + 1; // odd: invertible; Newton's iteration doubles the correct bits
  u64 inverse = factor;
  for (int i = 0; i < 6; ++i)
    inverse *= 2 - factor * inverse;
  x = inverse * value;
  return true;
}

bool uses_stack_implicitly(const Decoded &decoded) {
  for (const ZydisDecodedOperand &operand : decoded.all_operands())
    if (operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
        operand.type == ZYDIS_OPERAND_TYPE_REGISTER && is_gpr(operand.reg.value) &&
        gpr_number(operand.reg.value) == cpu::rsp)
      return true;
  return false;
}

u64 segment_base(const ZydisDecodedOperandMem &memory, const cpu::CpuState &state) {
  if (memory.segment == ZYDIS_REGISTER_FS)
    return state.fs_base;
  if (memory.segment == ZYDIS_REGISTER_GS)
    return state.gs_base;
  return 0;
}

void place_gather(Random &random, const Instruction &instruction, cpu::CpuState &state,
                  const ZydisDecodedOperandMem &memory) {
  const unsigned index = static_cast<unsigned>(ZydisRegisterGetId(memory.index)) & 15;
  const bool quadwords = instruction.decoded.is(ZYDIS_MNEMONIC_VGATHERQPD) ||
                         instruction.decoded.is(ZYDIS_MNEMONIC_VGATHERQPS) ||
                         instruction.decoded.is(ZYDIS_MNEMONIC_VPGATHERQD) ||
                         instruction.decoded.is(ZYDIS_MNEMONIC_VPGATHERQQ);
  const bool far = random.percent(10);
  for (std::size_t i = 0; i < 32; i += quadwords ? 8 : 4) {
    const i64 element = random.between(far ? -2500 : -600, far ? 2500 : 600);
    std::memcpy(&state.ymm[index][i], &element, quadwords ? 8 : 4);
  }
  if (memory.base != ZYDIS_REGISTER_NONE)
    state.gpr[gpr_number(memory.base)] = window.address + 2 * page_size + random.below(64) -
                                         static_cast<u64>(memory.disp.value) -
                                         segment_base(memory, state);
}

bool place_explicit(Random &random, Instruction &instruction, cpu::CpuState &state,
                    const ZydisDecodedOperand &operand, u64 target) {
  const ZydisDecodedOperandMem &memory = operand.mem;
  target -= segment_base(memory, state);
  const bool indexed = memory.index != ZYDIS_REGISTER_NONE;
  const u64 displacement = memory.disp.has_displacement ? static_cast<u64>(memory.disp.value) : 0;
  if (memory.base == ZYDIS_REGISTER_RIP || memory.base == ZYDIS_REGISTER_EIP) {
    set_displacement(instruction,
                     static_cast<i64>(target - (state.rip + instruction.bytes.size())));
    return true;
  }
  if (memory.base == ZYDIS_REGISTER_NONE) {
    u64 index_part = 0;
    if (indexed) {
      u64 &index = state.gpr[gpr_number(memory.index)];
      if (gpr_number(memory.index) != cpu::rsp)
        index = random.below(256);
      index_part = index * memory.scale;
    }
    set_displacement(instruction, static_cast<i64>(target - index_part));
    return true;
  }
  const unsigned base = gpr_number(memory.base);
  if (base == cpu::rsp && uses_stack_implicitly(instruction.decoded)) {
    if (indexed && gpr_number(memory.index) != cpu::rsp)
      state.gpr[gpr_number(memory.index)] = random.below(16);
    return true;
  }
  const bool narrow = instruction.decoded.instruction.address_width == 32;
  if (indexed && gpr_number(memory.index) == base) {
    u64 value = 0;
    if (!solve_same_register(memory.scale, target - displacement, value))
      return false;
    state.gpr[base] = value;
    return true;
  }
  u64 index_part = 0;
  if (indexed) {
    u64 &index = state.gpr[gpr_number(memory.index)];
    index = random.percent(50) ? random.below(64) : random.interesting();
    index_part = index * memory.scale;
  }
  // A host that can't return from a signal to an rsp that isn't canonical can't begin with one.
  if (base == cpu::rsp)
    index_part &= 0xffff'ffff;
  if (base == cpu::rsp && indexed)
    state.gpr[gpr_number(memory.index)] = index_part / memory.scale;
  state.gpr[base] = target - displacement - index_part;
  if (narrow && base != cpu::rsp && random.percent(80)) // the upper half must not matter
    state.gpr[base] = (state.gpr[base] & 0xffff'ffff) | random.next() << 32;
  return true;
}

/// Bit offsets in registers reach far outside the operand: bring most of them into the window.
void place_bit_offset(Random &random, const Instruction &instruction, cpu::CpuState &state) {
  const auto operands = instruction.decoded.all_operands();
  if (operands.size() < 2 || operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER ||
      !is_gpr(operands[1].reg.value))
    return;
  const unsigned number = gpr_number(operands[1].reg.value);
  const ZydisDecodedOperandMem &memory = operands[0].mem;
  if ((memory.base != ZYDIS_REGISTER_NONE && is_gpr(memory.base) &&
       gpr_number(memory.base) == number) ||
      (memory.index != ZYDIS_REGISTER_NONE && gpr_number(memory.index) == number) ||
      number == cpu::rsp)
    return;
  const i64 reach = random.percent(90) ? 8 * 3000 : 8 * 20000;
  const u64 offset = static_cast<u64>(random.between(-reach, reach));
  const u64 mask = operands[1].size == 64 ? ~u64{0} : (u64{1} << operands[1].size) - 1;
  state.gpr[number] = (offset & mask) | (random.next() & ~mask);
}

void place_string(Random &random, const Instruction &instruction, cpu::CpuState &state) {
  const ZydisDecodedInstruction &raw = instruction.decoded.instruction;
  u64 source_base = 0;
  if (raw.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS)
    source_base = state.fs_base;
  if (raw.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS)
    source_base = state.gs_base;
  const u64 source = random_target(random, 8) - source_base;
  state.gpr[cpu::rsi] = source;
  state.gpr[cpu::rdi] =
      random.percent(30) ? source + source_base + random.below(40) - 20 : random_target(random, 8);
  const u64 counts[] = {0, 1, 2, 3, random.below(64), random.below(1200)};
  state.gpr[cpu::rcx] = counts[random.below(6)];
  if (raw.address_width == 32)
    for (const u8 number : {cpu::rsi, cpu::rdi, cpu::rcx})
      state.gpr[number] |= random.percent(50) ? random.next() << 32 : 0;
  if (random.percent(30))
    state.rflags |= 0x400;
}

} // namespace

cpu::CpuState random_state(Random &random, u64 rip) {
  cpu::CpuState state;
  for (u64 &value : state.gpr)
    value = random.interesting();
  state.gpr[cpu::rsp] = stack_top + random.below(256) - 128;
  if (random.percent(90))
    state.gpr[cpu::rsp] &= ~u64{7};
  state.rip = rip;
  state.rflags = 0x202 | (random.next() & 0x8d5);
  state.fs_base = random.percent(50) ? random.below(1 << 20) : random.next() >> 17;
  state.gs_base = random.percent(50) ? random.below(1 << 20) : random.next() >> 17;
  for (auto &vector : state.ymm)
    random_vector(random, vector);
  random_fpu(random, state);
  return state;
}

MemoryImage random_memory(Random &random) {
  // A pool of vectors of every kind, made once a seed; each image is cut from it at random places.
  MemoryImage image;
  constexpr std::size_t piece = 32;
  std::array<std::array<u8, piece>, 64> pool;
  for (auto &bytes : pool)
    random_vector(random, bytes);
  for (std::size_t i = 0; i < image.bytes.size(); i += piece)
    std::memcpy(&image.bytes[i], pool[random.below(64)].data(), piece);
  return image;
}

u64 random_target(Random &random, u64 size) {
  const u64 end = window.address + window.size();
  const u64 choice = random.below(100);
  if (choice < 45) // across or near an inner page boundary
    return window.address + (1 + random.below(window.pages - 1)) * page_size -
           static_cast<u64>(random.between(-16, static_cast<i64>(size) + 16));
  if (choice < 80) { // anywhere, aligned
    const u64 target = window.address + 512 + random.below(window.size() - 1024);
    return target & ~(random.percent(50) ? u64{63} : u64{15});
  }
  if (choice < 92)
    return window.address + 512 + random.below(window.size() - 1024);
  switch (random.below(6)) {
  case 0:
    return end - random.below(size + 8); // into read-only
  case 1:
    return read_only.address + page_size - random.below(size + 8); // into nothing
  case 2:
    return island.address + page_size - random.below(size + 8); // into nothing
  case 3:
    return island.address - random.below(size + 8); // from nothing
  case 4:
    return (u64{0x8000'0000'0000}) - random.below(size + 8) + (random.percent(30) ? 16 : 0);
  default:
    return read_only.address + random.below(page_size - 64);
  }
}

bool place_operands(Random &random, Instruction &instruction, cpu::CpuState &state,
                    const MemoryImage &memory) {
  const Decoded &decoded = instruction.decoded;
  if (decoded.instruction.meta.category == ZYDIS_CATEGORY_STRINGOP) {
    place_string(random, instruction, state);
    return true;
  }
  if (decoded.is(ZYDIS_MNEMONIC_XLAT)) {
    state.gpr[cpu::rbx] = random_target(random, 256);
    return true;
  }
  if (decoded.is(ZYDIS_MNEMONIC_LEAVE))
    state.gpr[cpu::rbp] = stack_top - random.below(512);
  if (decoded.is(ZYDIS_MNEMONIC_MASKMOVQ) || decoded.is(ZYDIS_MNEMONIC_MASKMOVDQU) ||
      decoded.is(ZYDIS_MNEMONIC_VMASKMOVDQU)) {
    return false; // with an empty mask it may or may not fault: named cases
  }
  const ZydisDecodedOperand *operand = decoded.explicit_memory();
  if (!operand || operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
    return true;
  if (operand->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
    place_gather(random, instruction, state, operand->mem);
    return true;
  }
  if (operand->encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64) {
    const u64 size = operand->size / 8u;
    set_displacement(instruction, static_cast<i64>(random_target(random, size) -
                                                   segment_base(operand->mem, state)));
    return true;
  }
  const u64 size = operand->size / 8u;
  const u64 target = random_target(random, size);
  const bool bit_test = decoded.is(ZYDIS_MNEMONIC_BT) || decoded.is(ZYDIS_MNEMONIC_BTS) ||
                        decoded.is(ZYDIS_MNEMONIC_BTR) || decoded.is(ZYDIS_MNEMONIC_BTC);
  if (!place_explicit(random, instruction, state, *operand, target))
    return false;
  if (bit_test)
    place_bit_offset(random, instruction, state);
  const bool compare_exchange = decoded.is(ZYDIS_MNEMONIC_CMPXCHG) ||
                                decoded.is(ZYDIS_MNEMONIC_CMPXCHG8B) ||
                                decoded.is(ZYDIS_MNEMONIC_CMPXCHG16B);
  if (compare_exchange && random.percent(50) && MemoryImage::contains(target, 16)) {
    const u64 offset = MemoryImage::offset_of(target);
    std::memcpy(&state.gpr[cpu::rax], &memory.bytes[offset], 8);
    if (decoded.is(ZYDIS_MNEMONIC_CMPXCHG16B))
      std::memcpy(&state.gpr[cpu::rdx], &memory.bytes[offset + 8], 8);
    else if (decoded.is(ZYDIS_MNEMONIC_CMPXCHG8B)) {
      state.gpr[cpu::rdx] = state.gpr[cpu::rax] >> 32;
      state.gpr[cpu::rax] &= 0xffff'ffff;
    }
    // The registers of the comparison may have been those of the address.
    return place_explicit(random, instruction, state, *operand, target);
  }
  return true;
}

} // namespace tine::test
