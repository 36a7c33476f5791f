// movs, stos, cmps, scas, lods, with and without rep: chunks within a page of each side, registers
// exact after every chunk, so that a fault or a preemption leaves the instruction half done as the
// processor does.
#include "cpu/interpreter.hpp"

#include <algorithm>
#include <cstring>

namespace tine::cpu {
namespace {
/// After so many bytes the instruction is interrupted, to let others run.
constexpr u64 most_bytes_at_once = u64{1} << 20;
constexpr u64 most_steps_at_once = 4096;

/// Status flags of CMP a, b.
u64 flags_of_compare(u64 a, u64 b, u64 size) {
  u64 flags = 0;
  const unsigned shift = static_cast<unsigned>(64 - size * 8);
  // Compared in the upper bits, all flags but AF and PF come out right; those two are taken from
  // the low byte.
  asm("cmpq %2, %1\n\tpushfq\n\tpopq %0" : "=r"(flags) : "r"(a << shift), "r"(b << shift) : "cc");
  u64 low = 0;
  asm("cmpb %2, %1\n\tpushfq\n\tpopq %0"
      : "=r"(low)
      : "q"(static_cast<u8>(a)), "q"(static_cast<u8>(b))
      : "cc");
  return (flags & 0x8c1) | (low & 0x14);
}
} // namespace

struct Interpreter::StringState {
  u64 size = 1;                    ///< of an element
  u64 count = 1;                   ///< elements still to do
  u64 source = 0, destination = 0; ///< rsi and rdi, truncated to the address size
  u64 source_base = 0;
  u64 address_mask = ~u64{0};
  bool down = false;
  bool repeated = false;
  bool source_moved = false, destination_moved = false;
  bool finished = false; ///< cmps and scas: the condition ended it

  [[nodiscard]] u64 source_address() const { return source_base + source; }
  /// How many elements, from `address` in the direction, lie within its page.
  [[nodiscard]] u64 elements_in_page(u64 address) const {
    const u64 offset = address & page_mask;
    if (offset + size > page_size)
      return 0;
    return down ? offset / size + 1 : (page_size - offset) / size;
  }
  void advance_source(u64 elements) {
    advance(source, elements);
    source_moved = true;
  }
  void advance_destination(u64 elements) {
    advance(destination, elements);
    destination_moved = true;
  }

private:
  void advance(u64 &pointer, u64 elements) const {
    pointer = (down ? pointer - elements * size : pointer + elements * size) & address_mask;
  }
};

bool Interpreter::do_string() {
  StringState string;
  stack_segment_ = false;
  const bool narrow = instruction_.address_width == 32;
  string.address_mask = narrow ? 0xffffffff : ~u64{0};
  string.repeated = instruction_.attributes &
                    (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
  string.size = operands_[0].size / 8U;
  string.count = string.repeated ? state_.gpr[rcx] & string.address_mask : 1;
  string.source = state_.gpr[rsi] & string.address_mask;
  string.destination = state_.gpr[rdi] & string.address_mask;
  string.down = (state_.rflags & 0x400) != 0;
  for (const ZydisDecodedOperand &operand : std::span(operands_).first(instruction_.operand_count))
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
        (operand.mem.base == ZYDIS_REGISTER_RSI || operand.mem.base == ZYDIS_REGISTER_ESI))
      string.source_base = segment_base(operand.mem.segment);
  const u64 total = string.count;
  bool ok = true;
  u64 steps = most_steps_at_once;
  while (ok && string.count > 0 && !string.finished) {
    if ((total - string.count) * string.size >= most_bytes_at_once || --steps == 0)
      break;
    ok = string_step(string);
  }
  // Registers are written when the instruction, or a part of it, is done.
  if (string.source_moved)
    state_.gpr[rsi] = string.source;
  if (string.destination_moved)
    state_.gpr[rdi] = string.destination;
  if (string.repeated && string.count != total)
    state_.gpr[rcx] = string.count;
  if (!ok)
    return false;
  if (string.count == 0 || string.finished)
    state_.rip += instruction_.length;
  else
    instruction_.length = 0; // goes on where it is
  return true;
}

bool Interpreter::string_step(StringState &string) {
  switch (instruction_.mnemonic) {
  case ZYDIS_MNEMONIC_MOVSB:
  case ZYDIS_MNEMONIC_MOVSW:
  case ZYDIS_MNEMONIC_MOVSD:
  case ZYDIS_MNEMONIC_MOVSQ:
    return move_chunk(string);
  case ZYDIS_MNEMONIC_STOSB:
  case ZYDIS_MNEMONIC_STOSW:
  case ZYDIS_MNEMONIC_STOSD:
  case ZYDIS_MNEMONIC_STOSQ:
    return store_chunk(string);
  case ZYDIS_MNEMONIC_LODSB:
  case ZYDIS_MNEMONIC_LODSW:
  case ZYDIS_MNEMONIC_LODSD:
  case ZYDIS_MNEMONIC_LODSQ:
    return load_chunk(string);
  default:
    return compare_chunk(string);
  }
}

/// Host memory from `address` in the string's direction: at least one element and at most `count`,
/// contiguous on the host. Empty: an element crosses into another run, or can't be accessed.
std::span<std::byte> Interpreter::string_window(const StringState &string, u64 address, u64 count,
                                                memory::Access access) {
  if (!string.down) {
    const auto piece = space_.window(GuestAddress(address), count * string.size, access);
    if (!piece.ok())
      return {};
    return piece.value();
  }
  const u64 elements = std::min(count, string.elements_in_page(address));
  if (elements == 0)
    return {};
  const u64 lowest = address - (elements - 1) * string.size;
  const auto piece = space_.window(GuestAddress(lowest), elements * string.size, access);
  return piece.ok() && piece.value().size() == elements * string.size ? piece.value()
                                                                      : std::span<std::byte>();
}

bool Interpreter::move_chunk(StringState &string) {
  const u64 from = string.source_address();
  const u64 to = string.destination;
  // The write may replace the frame that is read from: the source is looked up last.
  const u64 most = std::min<u64>(string.count, most_bytes_at_once / string.size);
  std::span<std::byte> source = string_window(string, from, most, memory::Access::read);
  const std::span<std::byte> target =
      source.empty() ? source : string_window(string, to, most, memory::Access::write);
  if (!target.empty())
    source = string_window(string, from, most, memory::Access::read);
  u64 elements = std::min(source.size(), target.size()) / string.size;
  if (elements == 0) { // crosses, or faults
    u64 value = 0;
    if (!read(from, &value, string.size) || !write(to, &value, string.size))
      return false;
    elements = 1;
  } else {
    copy_elements(string, source, target, elements);
  }
  string.advance_source(elements);
  string.advance_destination(elements);
  string.count -= elements;
  return true;
}

/// Element by element where the ranges overlap: later reads see earlier writes.
void Interpreter::copy_elements(const StringState &string, std::span<std::byte> source,
                                std::span<std::byte> target, u64 elements) {
  const u64 bytes = elements * string.size;
  const std::byte *read_at = string.down ? source.data() + source.size() - bytes : source.data();
  std::byte *write_at = string.down ? target.data() + target.size() - bytes : target.data();
  const std::ptrdiff_t distance = write_at - read_at;
  const std::ptrdiff_t length = static_cast<std::ptrdiff_t>(bytes);
  if (distance >= length || -distance >= length) {
    std::memcpy(write_at, read_at, bytes);
    return;
  }
  for (u64 i = 0; i < elements; ++i) {
    const u64 at = (string.down ? elements - 1 - i : i) * string.size;
    std::array<std::byte, 8> element;
    std::memcpy(element.data(), read_at + at, string.size);
    std::memcpy(write_at + at, element.data(), string.size);
  }
}

bool Interpreter::store_chunk(StringState &string) {
  const u64 value = state_.gpr[rax];
  const u64 most = std::min<u64>(string.count, most_bytes_at_once / string.size);
  const std::span<std::byte> target =
      string_window(string, string.destination, most, memory::Access::write);
  u64 elements = target.size() / string.size;
  if (elements == 0) {
    if (!write(string.destination, &value, string.size))
      return false;
    elements = 1;
  } else if (string.size == 1) {
    std::memset(target.data(), static_cast<int>(value & 0xff), elements);
  } else {
    for (u64 i = 0; i < elements; ++i)
      std::memcpy(target.data() + i * string.size, &value, string.size);
  }
  string.advance_destination(elements);
  string.count -= elements;
  return true;
}

bool Interpreter::load_chunk(StringState &string) {
  u64 value = 0;
  if (!read(string.source_address(), &value, string.size))
    return false;
  const u64 bytes = string.size;
  u64 &to = state_.gpr[rax];
  if (bytes >= 4)
    to = value;
  else
    to = (to & ~((u64{1} << (bytes * 8)) - 1)) | value;
  string.advance_source(1);
  --string.count;
  return true;
}

bool Interpreter::compare_chunk(StringState &string) {
  const bool scan = instruction_.mnemonic == ZYDIS_MNEMONIC_SCASB ||
                    instruction_.mnemonic == ZYDIS_MNEMONIC_SCASW ||
                    instruction_.mnemonic == ZYDIS_MNEMONIC_SCASD ||
                    instruction_.mnemonic == ZYDIS_MNEMONIC_SCASQ;
  const bool until_equal = instruction_.attributes & ZYDIS_ATTRIB_HAS_REPNE;
  const u64 mask = string.size == 8 ? ~u64{0} : (u64{1} << (string.size * 8)) - 1;
  u64 left = scan ? state_.gpr[rax] & mask : 0;
  u64 right = 0;
  // Both sides are read before anything changes, so that a fault leaves the element undone.
  if (!scan && !read(string.source_address(), &left, string.size))
    return false;
  if (!read(string.destination, &right, string.size))
    return false;
  state_.rflags = (state_.rflags & ~u64{0x8d5}) | flags_of_compare(left, right, string.size);
  if (!scan)
    string.advance_source(1);
  string.advance_destination(1);
  --string.count;
  if (string.repeated)
    string.finished = (left == right) == until_equal;
  return true;
}

} // namespace tine::cpu
