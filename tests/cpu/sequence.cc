#include "sequence.hpp"

#include <algorithm>
#include <cstring>

namespace tine::test {

namespace {

// Subroutines stand behind the trap; each is some instructions and a return.
constexpr std::size_t subroutines = 2;

void append(std::vector<u8> &bytes, std::initializer_list<u8> more) {
  bytes.insert(bytes.end(), more);
}

/// What follows a ModRM byte that names `base` with a 32-bit displacement.
void append_base(std::vector<u8> &bytes, u8 base, i64 displacement) {
  if ((base & 7) == 4)
    bytes.push_back(0x24);
  bytes.resize(bytes.size() + 4);
  std::memcpy(&bytes[bytes.size() - 4], &displacement, 4);
}

/// mov reg, imm64
void append_constant(std::vector<u8> &bytes, u8 reg, u64 value) {
  append(bytes, {static_cast<u8>(0x48 | (reg >> 3)), static_cast<u8>(0xb8 | (reg & 7))});
  bytes.resize(bytes.size() + 8);
  std::memcpy(&bytes[bytes.size() - 8], &value, 8);
}

class Generator {
public:
  explicit Generator(Random &random) : random_(random) {}
  Sequence generate();

private:
  void choose_registers();
  void generate_body(std::size_t count);
  Item random_instruction();
  std::optional<Item> accept(Instruction instruction);
  bool place(Instruction &instruction, Item &item);
  bool is_protected(const Decoded &decoded) const;
  bool is_unsuitable(const Decoded &decoded);
  Item forward_branch(std::size_t from, std::size_t count);
  void backward_branch(std::size_t to);
  void call(std::size_t subroutine);
  void string_operation();
  void stack_pair();
  void add(Item item) { sequence_.items.push_back(std::move(item)); }
  void add(std::vector<u8> bytes) { add(Item{.bytes = std::move(bytes)}); }

  Random &random_;
  Sequence sequence_;
  AddressForms forms_;
  u8 counter_ = 0;       ///< counts the backward branches down
  u8 scratch_ = 0;       ///< indirect branch targets
  bool strings_ = false; ///< rsi, rdi and rcx are free for string instructions
  std::array<bool, 16> protected_{};
  std::vector<std::pair<std::size_t, std::size_t>> calls_; ///< item, subroutine
};

void Generator::choose_registers() {
  strings_ = random_.percent(40);
  std::vector<u8> free;
  for (u8 number = 0; number < 16; ++number)
    if (number != cpu::rsp &&
        !(strings_ && (number == cpu::rsi || number == cpu::rdi || number == cpu::rcx)))
      free.push_back(number);
  std::ranges::for_each(free,
                        [&](u8 &number) { std::swap(number, free[random_.below(free.size())]); });
  const auto take = [&] {
    const u8 number = free.back();
    free.pop_back();
    protected_[number] = true;
    return number;
  };
  forms_.bases.clear();
  forms_.indexes.clear();
  forms_.common_percent = 65;
  for (int i = 0; i < 4; ++i) {
    const u8 base = take();
    forms_.bases.push_back(base);
    sequence_.state.gpr[base] =
        window.address + page_size * (1 + random_.below(3)) + 64 * random_.below(4) - 128;
  }
  const u8 index = take();
  forms_.indexes.push_back(index);
  sequence_.state.gpr[index] = random_.below(24);
  counter_ = take();
  sequence_.state.gpr[counter_] = 2 + random_.below(6);
  scratch_ = take();
  sequence_.state.fs_base = random_.below(64);
  sequence_.state.gs_base = random_.below(64);
}

bool Generator::is_protected(const Decoded &decoded) const {
  for (u8 number = 0; number < 16; ++number)
    if (protected_[number] && decoded.writes_gpr(number))
      return true;
  // The stack pointer moves by push and pop only.
  return decoded.writes_gpr(cpu::rsp) && !decoded.is(ZYDIS_MNEMONIC_PUSH) &&
         !decoded.is(ZYDIS_MNEMONIC_POP) && !decoded.is(ZYDIS_MNEMONIC_PUSHF) &&
         !decoded.is(ZYDIS_MNEMONIC_PUSHFQ);
}

bool Generator::is_unsuitable(const Decoded &decoded) {
  switch (decoded.instruction.mnemonic) {
  case ZYDIS_MNEMONIC_FNSTENV: // the last instruction's address: a named test
  case ZYDIS_MNEMONIC_FNSAVE:
  case ZYDIS_MNEMONIC_FLDENV:
  case ZYDIS_MNEMONIC_FRSTOR:
  case ZYDIS_MNEMONIC_LEAVE:
  case ZYDIS_MNEMONIC_MASKMOVQ: // with an empty mask it may or may not fault
  case ZYDIS_MNEMONIC_MASKMOVDQU:
  case ZYDIS_MNEMONIC_VMASKMOVDQU:
  case ZYDIS_MNEMONIC_CLI:
  case ZYDIS_MNEMONIC_STI:
    return true;
  case ZYDIS_MNEMONIC_PAUSE: // with REX.B it is an XCHG on AMD, which changes a loop's counter
    return decoded.instruction.raw.rex.B != 0;
  case ZYDIS_MNEMONIC_DIV:
  case ZYDIS_MNEMONIC_IDIV:
  case ZYDIS_MNEMONIC_LDMXCSR:
  case ZYDIS_MNEMONIC_VLDMXCSR:
  case ZYDIS_MNEMONIC_FLDCW:
  case ZYDIS_MNEMONIC_XLAT:
    return !random_.percent(8);
  default:
    break;
  }
  const bool bit_test = decoded.is(ZYDIS_MNEMONIC_BT) || decoded.is(ZYDIS_MNEMONIC_BTS) ||
                        decoded.is(ZYDIS_MNEMONIC_BTR) || decoded.is(ZYDIS_MNEMONIC_BTC);
  if (bit_test && decoded.explicit_memory() &&
      decoded.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
    return !random_.percent(8);
  const ZydisInstructionCategory category = decoded.instruction.meta.category;
  return category == ZYDIS_CATEGORY_STRINGOP ||
         (category == ZYDIS_CATEGORY_AVX2GATHER && !random_.percent(5));
}

/// Gives the memory operand an address; the base and index registers hold what they hold at the
/// start.
bool Generator::place(Instruction &instruction, Item &item) {
  const ZydisDecodedOperand *operand = instruction.decoded.explicit_memory();
  if (!operand || operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
      operand->mem.type == ZYDIS_MEMOP_TYPE_VSIB)
    return true;
  const ZydisDecodedOperandMem &memory = operand->mem;
  // An opcode that is a prefix makes an instruction of the bytes behind it, with other registers.
  if ((is_gpr(memory.base) && !protected_[gpr_number(memory.base)]) ||
      (is_gpr(memory.index) && !protected_[gpr_number(memory.index)]))
    return false;
  const Displacement displacement = displacement_of(instruction);
  const u64 size = std::max<u64>(operand->size / 8u, 1);
  u64 target = random_.percent(96)
                   ? window.address + page_size * (1 + random_.below(window.pages - 1)) -
                         static_cast<u64>(random_.between(-80, 80))
                   : random_target(random_, size);
  const bool vector =
      instruction.decoded.instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY && size >= 16;
  if (vector && !random_.percent(3))
    target &= ~u64{15};
  if (memory.base == ZYDIS_REGISTER_RIP || memory.base == ZYDIS_REGISTER_EIP) {
    item.fix_offset = displacement.offset;
    item.fix_width = 4;
    item.target_address = target;
    item.fix_end = instruction.bytes.size();
    return true;
  }
  u64 base = 0;
  if (memory.base != ZYDIS_REGISTER_NONE)
    base += sequence_.state.gpr[gpr_number(memory.base)];
  if (memory.index != ZYDIS_REGISTER_NONE)
    base += sequence_.state.gpr[gpr_number(memory.index)] * memory.scale;
  if (displacement.size == 0)
    return !vector || base % 16 == 0;
  if (displacement.size == 1) {
    const u64 now = base + static_cast<u64>(memory.disp.value);
    if (vector && now % 16 != 0)
      set_displacement(instruction, memory.disp.value & ~i64{15});
    return !vector || base % 16 == 0;
  }
  set_displacement(instruction, static_cast<i64>(target - base));
  return true;
}

std::optional<Item> Generator::accept(Instruction instruction) {
  const Decoded &decoded = instruction.decoded;
  if (decoded.instruction.address_width != 64 && !random_.percent(30))
    return std::nullopt;
  if (is_protected(decoded) || is_unsuitable(decoded))
    return std::nullopt;
  Item item;
  if (!place(instruction, item))
    return std::nullopt;
  item.bytes = std::move(instruction.bytes);
  return item;
}

Item Generator::random_instruction() {
  for (;;) {
    std::optional<Instruction> instruction = draw_instruction(random_, forms_);
    if (!instruction)
      continue;
    if (std::optional<Item> item = accept(std::move(*instruction)))
      return *item;
  }
}

/// jcc, jmp or jrcxz to an item further down.
Item Generator::forward_branch(std::size_t from, std::size_t count) {
  const std::size_t distance = 1 + random_.below(std::min<std::size_t>(6, count - from));
  Item item;
  const bool near = distance <= 4;
  if (near && random_.percent(10))
    item.bytes = random_.percent(30) ? std::vector<u8>{0x67, 0xe3} : std::vector<u8>{0xe3};
  else if (random_.percent(15))
    item.bytes = {near ? u8{0xeb} : u8{0xe9}};
  else if (near)
    item.bytes = {static_cast<u8>(0x70 | random_.below(16))};
  else
    item.bytes = {0x0f, static_cast<u8>(0x80 | random_.below(16))};
  item.fix_offset = item.bytes.size();
  item.fix_width = near ? 1 : 4;
  item.bytes.resize(item.fix_offset + item.fix_width);
  item.fix_end = item.bytes.size();
  item.target_item = from + distance;
  return item;
}

/// dec counter; jg back, with now and then a load in between: flags live across an access.
void Generator::backward_branch(std::size_t to) {
  Item item;
  item.bytes = {static_cast<u8>(0x48 | (counter_ >> 3)), 0xff,
                static_cast<u8>(0xc8 | (counter_ & 7))};
  if (random_.percent(50)) {
    const u8 base = forms_.bases[0];
    append(item.bytes, {static_cast<u8>(0x48 | (scratch_ & 8) >> 1 | (base >> 3)), 0x8b,
                        static_cast<u8>(0x80 | (scratch_ & 7) << 3 | (base & 7))});
    append_base(item.bytes, base, random_.between(-300, 300));
  }
  append(item.bytes, {0x0f, 0x8f, 0, 0, 0, 0});
  item.fix_end = item.bytes.size();
  item.fix_offset = item.fix_end - 4;
  item.fix_width = 4;
  item.target_item = to;
  add(std::move(item));
}

void Generator::call(std::size_t subroutine) {
  Item item;
  if (random_.percent(50))
    item = {.bytes = {0xe8, 0, 0, 0, 0}, .fix_offset = 1, .fix_width = 4, .fix_end = 5};
  else // lea scratch, [rip + subroutine]; call scratch
    item = {.bytes = {static_cast<u8>(0x48 | (scratch_ & 8) >> 1), 0x8d,
                      static_cast<u8>(0x05 | (scratch_ & 7) << 3), 0, 0, 0, 0,
                      static_cast<u8>(0x40 | (scratch_ >> 3)), 0xff,
                      static_cast<u8>(0xd0 | (scratch_ & 7))},
            .fix_offset = 3,
            .fix_width = 4,
            .fix_end = 7};
  add(std::move(item));
  calls_.emplace_back(sequence_.items.size() - 1, subroutine);
}

void Generator::string_operation() {
  std::vector<u8> bytes;
  append_constant(bytes, cpu::rsi, random_target(random_, 8));
  append_constant(bytes, cpu::rdi, random_target(random_, 8));
  append_constant(bytes, cpu::rcx, random_.percent(20) ? 0 : random_.below(80));
  constexpr u8 opcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xae, 0xaf};
  const bool down = random_.percent(20);
  if (down)
    bytes.push_back(0xfd);
  if (random_.percent(10))
    bytes.push_back(0x66);
  bytes.push_back(random_.percent(25) ? u8{0xf2} : u8{0xf3});
  if (random_.percent(50))
    bytes.push_back(0x48);
  bytes.push_back(random_.pick<u8>(opcodes));
  if (down)
    bytes.push_back(0xfc);
  add(std::move(bytes));
}

void Generator::stack_pair() {
  const u8 base = forms_.bases[random_.below(forms_.bases.size())];
  const auto with_base = [&](u8 opcode, u8 extension) { // opcode /extension [base + disp32]
    std::vector<u8> bytes{static_cast<u8>(0x40 | (base >> 3)), opcode,
                          static_cast<u8>(0x80 | extension << 3 | (base & 7))};
    append_base(bytes, base, random_.between(-200, 200));
    return bytes;
  };
  add(with_base(0xff, 6));
  add(random_instruction());
  if (random_.percent(20)) // pushfq; and qword [rsp], visible flags; popfq
    add({0x9c, 0x48, 0x81, 0x24, 0x24, 0xd5, 0x0c, 0x00, 0x00, 0x9d});
  add(with_base(0x8f, 0));
}

void Generator::generate_body(std::size_t count) {
  std::size_t loop_start = 0;
  while (sequence_.items.size() < count) {
    const u64 choice = random_.below(100);
    const std::size_t here = sequence_.items.size();
    if (choice < 12)
      add(forward_branch(here, count));
    else if (choice < 18 && here - loop_start > 2) {
      backward_branch(loop_start + random_.below(here - loop_start));
      loop_start = sequence_.items.size();
    } else if (choice < 23)
      call(random_.below(subroutines));
    else if (choice < 27 && strings_)
      string_operation();
    else if (choice < 31)
      stack_pair();
    else
      add(random_instruction());
  }
}

Sequence Generator::generate() {
  sequence_.address = code_region.address + random_.below(code_region.size() - 2 * page_size);
  sequence_.state = random_state(random_, sequence_.address);
  sequence_.memory = random_memory(random_);
  choose_registers();
  generate_body(5 + random_.below(56));
  const std::size_t trap = sequence_.items.size();
  for (Item &item : sequence_.items) // a forward branch from the end may point past what there is
    item.target_item = std::min(item.target_item, trap);
  add(Item{.bytes = {0xcc}, .required = true});
  std::array<std::size_t, subroutines> starts{};
  for (std::size_t &start : starts) {
    start = sequence_.items.size();
    for (u64 i = random_.below(5); i > 0; --i) {
      Item item = random_instruction();
      Decoded decoded;
      if (decode(item.bytes, decoded) && !decoded.writes_gpr(cpu::rsp))
        add(std::move(item));
    }
    const bool plain = random_.percent(90);
    add(Item{.bytes = plain ? std::vector<u8>{0xc3} : std::vector<u8>{0xc2, 0x10, 0x00},
             .required = true});
  }
  for (const auto &[item, subroutine] : calls_)
    sequence_.items[item].target_item = starts[subroutine];
  return std::move(sequence_);
}

} // namespace

Sequence draw_sequence(Random &random) {
  return Generator(random).generate();
}

std::optional<Program> assemble(const Sequence &sequence) {
  Program program;
  program.tolerance.only_signal = true;
  program.address = sequence.address;
  program.state = sequence.state;
  program.state.rip = sequence.address;
  program.memory = sequence.memory;
  std::vector<u64> starts;
  u64 length = 0;
  for (const Item &item : sequence.items) {
    starts.push_back(length);
    length += item.bytes.size();
  }
  for (std::size_t i = 0; i < sequence.items.size(); ++i) {
    const Item &item = sequence.items[i];
    std::vector<u8> bytes = item.bytes;
    if (item.fix_width) {
      const u64 end = sequence.address + starts[i] + item.fix_end;
      const u64 target =
          item.target_address ? item.target_address : sequence.address + starts[item.target_item];
      const i64 displacement = static_cast<i64>(target - end);
      if (item.fix_width == 1 && displacement != static_cast<i8>(displacement))
        return std::nullopt;
      std::memcpy(&bytes[item.fix_offset], &displacement, item.fix_width);
    }
    program.code.insert(program.code.end(), bytes.begin(), bytes.end());
  }
  return program;
}

namespace {

Sequence without(const Sequence &sequence, std::size_t first, std::size_t count) {
  Sequence shorter = sequence;
  shorter.items.clear();
  std::vector<std::size_t> moved; // where each item went, or what now stands in its place
  for (std::size_t i = 0; i < sequence.items.size(); ++i) {
    moved.push_back(shorter.items.size());
    if (i < first || i >= first + count || sequence.items[i].required)
      shorter.items.push_back(sequence.items[i]);
  }
  for (Item &item : shorter.items)
    item.target_item = moved[item.target_item];
  return shorter;
}

} // namespace

Sequence shrink(Sequence sequence, Differential &differential) {
  for (std::size_t count = sequence.items.size() / 2; count > 0; count /= 2)
    for (std::size_t first = 0; first + count <= sequence.items.size();) {
      Sequence shorter = without(sequence, first, count);
      const std::optional<Program> program = assemble(shorter);
      const bool smaller = shorter.items.size() < sequence.items.size();
      if (smaller && program && !differential.agrees(*program))
        sequence = std::move(shorter);
      else
        ++first;
    }
  return sequence;
}

} // namespace tine::test
