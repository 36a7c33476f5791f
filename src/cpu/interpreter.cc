#include "cpu/interpreter.hpp"

#include "cpu/vcpu_impl.hpp"

#include <algorithm>
#include <csignal>

namespace tine::cpu {
namespace {
constexpr u64 flags_user_can_pop = 0x254dd5; // CF PF AF ZF SF TF DF OF NT AC ID

u64 truncated(u64 value, u64 bytes) {
  return bytes >= 8 ? value : value & ((u64{1} << (bytes * 8)) - 1);
}
} // namespace

bool Interpreter::protection() {
  exit_ = protection_exit();
  return false;
}

bool Interpreter::non_canonical() {
  exit_ = protection_exit();
  if (stack_segment_) {
    exit_.signal = SIGBUS;
    exit_.trap_number = 12;
  }
  return false;
}

bool Interpreter::invalid() {
  exit_ = Exit{};
  exit_.reason = ExitReason::signal;
  exit_.signal = SIGILL;
  exit_.code = ILL_ILLOPN;
  exit_.address = GuestAddress(state_.rip);
  exit_.trap_number = 6;
  return false;
}

bool Interpreter::resolve(u64 address, u64 size, memory::Access access) {
  if (size == 0)
    return true;
  const u64 last = address + size - 1;
  if (static_cast<u64>(static_cast<i64>(last << 16) >> 16) != last)
    return non_canonical();
  for (u64 at = address;; at = round_down_to_page(at) + page_size) {
    if (static_cast<u64>(static_cast<i64>(at << 16) >> 16) != at)
      return non_canonical();
    const memory::FaultResult result = space_.resolve_fault(GuestAddress(at), access);
    if (!memory::is_resolved(result.outcome)) {
      exit_ = page_fault_exit(result.outcome, at, access);
      return false;
    }
    if (round_down_to_page(at) == round_down_to_page(last))
      return true;
  }
}

bool Interpreter::read(u64 address, void *to, u64 size) {
  return resolve(address, size, memory::Access::read) &&
         space_.read(GuestAddress(address), std::span(static_cast<std::byte *>(to), size)).ok();
}

bool Interpreter::write(u64 address, const void *from, u64 size) {
  return resolve(address, size, memory::Access::write) &&
         space_.write(GuestAddress(address), std::span(static_cast<const std::byte *>(from), size))
             .ok();
}

bool Interpreter::push(u64 value, u64 size) {
  stack_segment_ = true;
  if (!write(state_.gpr[rsp] - size, &value, size))
    return false;
  state_.gpr[rsp] -= size;
  return true;
}

u64 Interpreter::register_value(ZydisRegister reg) const {
  if (reg == ZYDIS_REGISTER_NONE)
    return 0;
  if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
    return state_.rip + instruction_.length;
  if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
    return state_.gpr[static_cast<std::size_t>(reg - ZYDIS_REGISTER_AH)] >> 8 & 0xff;
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  const u64 value = state_.gpr[static_cast<std::size_t>(whole - ZYDIS_REGISTER_RAX) & 15];
  return truncated(value, ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) / 8U);
}

void Interpreter::set_register(ZydisRegister reg, u64 value) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  const u64 bytes = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) / 8U;
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15)
    return;
  u64 &target = state_.gpr[static_cast<std::size_t>(whole - ZYDIS_REGISTER_RAX)];
  if (bytes >= 4)
    target = truncated(value, bytes);
  else
    target = (target & ~truncated(~u64{0}, bytes)) | truncated(value, bytes);
}

u64 Interpreter::segment_base(ZydisRegister segment) const {
  if (segment == ZYDIS_REGISTER_FS)
    return state_.fs_base;
  return segment == ZYDIS_REGISTER_GS ? state_.gs_base : 0;
}

u64 Interpreter::effective_address(const ZydisDecodedOperand &operand) const {
  const auto &mem = operand.mem;
  stack_segment_ = mem.segment == ZYDIS_REGISTER_SS;
  u64 address = register_value(mem.base) + static_cast<u64>(mem.disp.value);
  if (mem.type != ZYDIS_MEMOP_TYPE_VSIB)
    address += register_value(mem.index) * mem.scale;
  if (instruction_.address_width == 32)
    address &= 0xffffffff;
  return address + segment_base(mem.segment);
}

bool Interpreter::operand_value(const ZydisDecodedOperand &operand, u64 &value) {
  value = 0;
  switch (operand.type) {
  case ZYDIS_OPERAND_TYPE_REGISTER:
    value = register_value(operand.reg.value);
    return true;
  case ZYDIS_OPERAND_TYPE_IMMEDIATE:
    value = operand.imm.value.u;
    return true;
  case ZYDIS_OPERAND_TYPE_MEMORY:
    return read(effective_address(operand), &value, std::min<u64>(operand.size / 8U, 8));
  default:
    return invalid();
  }
}

bool Interpreter::fetch() {
  std::array<std::byte, 15> bytes{};
  u64 length = 0;
  for (; length < bytes.size(); ++length) {
    const u64 address = state_.rip + length;
    if ((length == 0 || (address & page_mask) == 0) &&
        !resolve(address, 1, memory::Access::execute)) {
      if (length == 0)
        return false;
      break;
    }
    if (!space_.force_read(GuestAddress(address), std::span(&bytes[length], 1)).ok())
      break;
  }
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), bytes.data(), length, &instruction_,
                                           operands_.data())))
    return invalid();
  return true;
}

bool Interpreter::execute() {
  if (!fetch())
    return false;
  const u64 start = state_.rip;
  if (!dispatch())
    return false;
  // A string instruction that is half done has length 0 by now: it goes on where it is.
  if (state_.rip == start && instruction_.meta.branch_type == ZYDIS_BRANCH_TYPE_NONE)
    state_.rip = start + instruction_.length;
  return true;
}

bool Interpreter::dispatch() {
  switch (instruction_.mnemonic) {
  case ZYDIS_MNEMONIC_PUSH:
    return do_push();
  case ZYDIS_MNEMONIC_POP:
    return do_pop();
  case ZYDIS_MNEMONIC_PUSHF:
  case ZYDIS_MNEMONIC_PUSHFQ:
    return push(state_.rflags & ~u64{0x30000}, operand_bytes());
  case ZYDIS_MNEMONIC_POPF:
  case ZYDIS_MNEMONIC_POPFQ:
    return do_pop_flags();
  case ZYDIS_MNEMONIC_CALL:
    return do_call();
  case ZYDIS_MNEMONIC_RET:
    return do_return();
  case ZYDIS_MNEMONIC_JMP:
    return do_jump();
  case ZYDIS_MNEMONIC_LEAVE:
    return do_leave();
  case ZYDIS_MNEMONIC_ENTER:
    return do_enter();
  case ZYDIS_MNEMONIC_XLAT: {
    const u64 address =
        truncated(state_.gpr[rbx] + (state_.gpr[rax] & 0xff), instruction_.address_width / 8U);
    u8 value = 0;
    ZydisRegister segment = ZYDIS_REGISTER_NONE;
    for (const ZydisDecodedOperand &operand :
         std::span(operands_).first(instruction_.operand_count))
      if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY)
        segment = operand.mem.segment;
    if (!read(address + segment_base(segment), &value, 1))
      return false;
    set_register(ZYDIS_REGISTER_AL, value);
    return true;
  }
  case ZYDIS_MNEMONIC_BT:
  case ZYDIS_MNEMONIC_BTS:
  case ZYDIS_MNEMONIC_BTR:
  case ZYDIS_MNEMONIC_BTC:
    return do_bit_test();
  case ZYDIS_MNEMONIC_MOV:
    return do_move_segment();
  case ZYDIS_MNEMONIC_RDFSBASE:
  case ZYDIS_MNEMONIC_RDGSBASE:
  case ZYDIS_MNEMONIC_WRFSBASE:
  case ZYDIS_MNEMONIC_WRGSBASE:
    return do_base_register();
  case ZYDIS_MNEMONIC_CPUID:
    do_cpuid();
    return true;
  case ZYDIS_MNEMONIC_XGETBV:
    return do_xgetbv();
  case ZYDIS_MNEMONIC_XSAVE:
  case ZYDIS_MNEMONIC_XSAVE64:
  case ZYDIS_MNEMONIC_XSAVEOPT:
  case ZYDIS_MNEMONIC_XSAVEOPT64:
    return do_xsave(false);
  case ZYDIS_MNEMONIC_XSAVEC:
  case ZYDIS_MNEMONIC_XSAVEC64:
    return do_xsave(true);
  case ZYDIS_MNEMONIC_XRSTOR:
  case ZYDIS_MNEMONIC_XRSTOR64:
    return do_xrstor();
  case ZYDIS_MNEMONIC_FXSAVE:
  case ZYDIS_MNEMONIC_FXSAVE64:
    return do_fxsave();
  case ZYDIS_MNEMONIC_FXRSTOR:
  case ZYDIS_MNEMONIC_FXRSTOR64:
    return do_fxrstor();
  case ZYDIS_MNEMONIC_FNSTENV:
  case ZYDIS_MNEMONIC_FLDENV:
  case ZYDIS_MNEMONIC_FNSAVE:
  case ZYDIS_MNEMONIC_FRSTOR:
    return do_x87_environment();
  case ZYDIS_MNEMONIC_MASKMOVQ:
  case ZYDIS_MNEMONIC_MASKMOVDQU:
  case ZYDIS_MNEMONIC_VMASKMOVDQU:
    return do_masked_store_bytes();
  case ZYDIS_MNEMONIC_VMASKMOVPS:
  case ZYDIS_MNEMONIC_VMASKMOVPD:
  case ZYDIS_MNEMONIC_VPMASKMOVD:
  case ZYDIS_MNEMONIC_VPMASKMOVQ:
    return do_masked_move();
  default:
    if (instruction_.meta.category == ZYDIS_CATEGORY_AVX2GATHER)
      return do_gather();
    if (instruction_.meta.category == ZYDIS_CATEGORY_STRINGOP)
      return do_string();
    return invalid();
  }
}

bool Interpreter::do_push() {
  u64 value = 0;
  const ZydisDecodedOperand &operand = operands_[0];
  if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
      ZydisRegisterGetClass(operand.reg.value) == ZYDIS_REGCLASS_SEGMENT)
    value = 0; // FS and GS hold the null selector in 64-bit Linux
  else if (!operand_value(operand, value))
    return false;
  return push(value, operand_bytes());
}

bool Interpreter::do_pop() {
  const u64 size = operand_bytes();
  u64 value = 0;
  if (!read(state_.gpr[rsp], &value, size))
    return false;
  const ZydisDecodedOperand &operand = operands_[0];
  if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
    const u64 old_rsp = state_.gpr[rsp];
    state_.gpr[rsp] += size; // the address is computed after the increment
    if (!write(effective_address(operand), &value, size)) {
      state_.gpr[rsp] = old_rsp;
      return false;
    }
    return true;
  }
  if (ZydisRegisterGetClass(operand.reg.value) == ZYDIS_REGCLASS_SEGMENT) {
    if ((value & 0xfffc) != 0)
      return protection();
    state_.gpr[rsp] += size;
    return true;
  }
  state_.gpr[rsp] += size;
  set_register(operand.reg.value, value);
  return true;
}

bool Interpreter::do_pop_flags() {
  const u64 size = operand_bytes();
  u64 value = 0;
  if (!read(state_.gpr[rsp], &value, size))
    return false;
  const u64 mask = size == 2 ? flags_user_can_pop & 0xffff : flags_user_can_pop;
  state_.rflags = (state_.rflags & ~mask) | (value & mask);
  state_.gpr[rsp] += size;
  return true;
}

bool Interpreter::do_call() {
  u64 target = 0;
  const u64 next = state_.rip + instruction_.length;
  if (!operand_value(operands_[0], target))
    return false;
  if (operands_[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
    target += next;
  if (!push(next, 8))
    return false;
  state_.rip = target;
  return true;
}

bool Interpreter::do_return() {
  u64 target = 0;
  if (!read(state_.gpr[rsp], &target, 8))
    return false;
  state_.gpr[rsp] += 8;
  if (operands_[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
    state_.gpr[rsp] += operands_[0].imm.value.u;
  state_.rip = target;
  return true;
}

bool Interpreter::do_jump() {
  u64 target = 0;
  if (!operand_value(operands_[0], target))
    return false;
  if (operands_[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
    target += state_.rip + instruction_.length;
  state_.rip = target;
  return true;
}

bool Interpreter::do_leave() {
  const u64 size = operand_bytes();
  u64 value = 0;
  if (!read(state_.gpr[rbp], &value, size))
    return false;
  state_.gpr[rsp] = state_.gpr[rbp] + size;
  set_register(size == 2 ? ZYDIS_REGISTER_BP : ZYDIS_REGISTER_RBP, value);
  return true;
}

/// SDM, ENTER: the frame pointers of the enclosing levels are copied.
bool Interpreter::do_enter() {
  const u64 size = operand_bytes();
  const u64 allocation = operands_[0].imm.value.u;
  const u64 level = operands_[1].imm.value.u & 31;
  const u64 old_rsp = state_.gpr[rsp];
  const auto undo = [&] {
    state_.gpr[rsp] = old_rsp;
    return false;
  };
  if (!push(state_.gpr[rbp], size))
    return undo();
  const u64 frame = state_.gpr[rsp];
  for (u64 i = 1; i < level; ++i) {
    u64 pointer = 0;
    if (!read(state_.gpr[rbp] - i * size, &pointer, size) || !push(pointer, size))
      return undo();
  }
  if (level > 0 && !push(frame, size))
    return undo();
  u8 probe = 0;
  if (!resolve(state_.gpr[rsp] - allocation, sizeof probe, memory::Access::write))
    return undo();
  state_.gpr[rsp] -= allocation;
  if (size == 8)
    state_.gpr[rbp] = frame;
  else
    set_register(ZYDIS_REGISTER_BP, frame);
  return true;
}

/// The bit offset of a register is signed and reaches far outside the operand.
bool Interpreter::do_bit_test() {
  const u64 size = operand_bytes();
  const u64 bits = size * 8;
  const u64 raw = register_value(operands_[1].reg.value);
  const i64 offset = size == 8   ? static_cast<i64>(raw)
                     : size == 4 ? static_cast<i64>(static_cast<i32>(raw))
                                 : static_cast<i64>(static_cast<i16>(raw));
  const unsigned shift = size == 8 ? 6 : size == 4 ? 5 : 4;
  // The bit offset counts before the address is cut to its width; the segment's base is added after
  // that.
  const u64 base = segment_base(operands_[0].mem.segment);
  const u64 address =
      truncated(effective_address(operands_[0]) - base + static_cast<u64>(offset >> shift) * size,
                instruction_.address_width / 8U) +
      base;
  const u64 mask = u64{1} << (static_cast<u64>(offset) & (bits - 1));
  const bool writes = instruction_.mnemonic != ZYDIS_MNEMONIC_BT;
  if (!resolve(address, size, writes ? memory::Access::write : memory::Access::read))
    return false;
  const auto piece = space_.window(GuestAddress(address), size,
                                   writes ? memory::Access::write : memory::Access::read);
  u64 old = 0;
  if (piece.ok() && piece.value().size() == size && (address & 3) == 0 && writes && size >= 4) {
    // Other vCPUs may be at the same word: one atomic operation on the half that holds the bit.
    auto *word = reinterpret_cast<u32 *>(piece.value().data() + (mask > 0xffffffff ? 4 : 0));
    const u32 bit = static_cast<u32>(mask > 0xffffffff ? mask >> 32 : mask);
    const u32 before = instruction_.mnemonic == ZYDIS_MNEMONIC_BTS
                           ? __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST)
                       : instruction_.mnemonic == ZYDIS_MNEMONIC_BTR
                           ? __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST)
                           : __atomic_fetch_xor(word, bit, __ATOMIC_SEQ_CST);
    set_carry((before & bit) != 0);
    return true;
  }
  if (!read(address, &old, size))
    return false;
  u64 value = old;
  if (instruction_.mnemonic == ZYDIS_MNEMONIC_BTS)
    value |= mask;
  else if (instruction_.mnemonic == ZYDIS_MNEMONIC_BTR)
    value &= ~mask;
  else if (instruction_.mnemonic == ZYDIS_MNEMONIC_BTC)
    value ^= mask;
  if (writes && !write(address, &value, size))
    return false;
  set_carry((old & mask) != 0);
  return true;
}

/// Only the null selector and what Linux gives every process can be loaded; bases don't change.
bool Interpreter::do_move_segment() {
  u64 selector = 0;
  if (operands_[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
      ZydisRegisterGetClass(operands_[0].reg.value) != ZYDIS_REGCLASS_SEGMENT)
    return invalid();
  if (!operand_value(operands_[1], selector))
    return false;
  selector &= 0xffff;
  const bool stack = operands_[0].reg.value == ZYDIS_REGISTER_SS;
  if (operands_[0].reg.value == ZYDIS_REGISTER_CS)
    return invalid();
  if (stack ? selector != 0x2b : (selector & 0xfffc) != 0 && selector != 0x2b)
    return protection();
  return true;
}

bool Interpreter::do_base_register() {
  const ZydisRegister reg = operands_[0].reg.value;
  const bool fs = instruction_.mnemonic == ZYDIS_MNEMONIC_RDFSBASE ||
                  instruction_.mnemonic == ZYDIS_MNEMONIC_WRFSBASE;
  u64 &base = fs ? state_.fs_base : state_.gs_base;
  if (instruction_.mnemonic == ZYDIS_MNEMONIC_RDFSBASE ||
      instruction_.mnemonic == ZYDIS_MNEMONIC_RDGSBASE) {
    set_register(reg, base);
    return true;
  }
  const u64 value = register_value(reg);
  if (static_cast<u64>(static_cast<i64>(value << 16) >> 16) != value)
    return protection();
  base = value;
  context_.fs_base = state_.fs_base;
  context_.gs_base = state_.gs_base;
  return true;
}

void Interpreter::do_cpuid() {
  const CpuidResult result =
      guest_cpuid(static_cast<u32>(state_.gpr[rax]), static_cast<u32>(state_.gpr[rcx]));
  state_.gpr[rax] = result.eax;
  state_.gpr[rbx] = result.ebx;
  state_.gpr[rcx] = result.ecx;
  state_.gpr[rdx] = result.edx;
}

bool Interpreter::do_xgetbv() {
  if (static_cast<u32>(state_.gpr[rcx]) != 0)
    return protection();
  state_.gpr[rax] = 7; // x87, SSE, AVX
  state_.gpr[rdx] = 0;
  return true;
}

} // namespace tine::cpu
