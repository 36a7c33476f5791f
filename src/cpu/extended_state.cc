// XSAVE, FXSAVE and the x87 environment, on the saved state.
#include "cpu/interpreter.hpp"

#include <algorithm>
#include <cstring>

namespace tine::cpu {
namespace {
constexpr u64 component_x87 = 1, component_sse = 2, component_avx = 4, all_components = 7;
constexpr u64 header_offset = 512, avx_offset = 576, area_size = 832;
constexpr u64 compact_bit = u64{1} << 63;
constexpr u32 initial_mxcsr = 0x1f80;
constexpr u64 x87_registers = 32, x87_registers_size = 128, mxcsr_offset = 24;

/// The bits of MXCSR that the processor has.
u32 host_mxcsr_mask() {
  alignas(16) std::array<u8, 512> image{};
  asm("fxsave64 %0" : "=m"(image));
  u32 mask = 0;
  std::memcpy(&mask, image.data() + 28, 4);
  return mask ? mask : 0xffbf;
}
const u32 mxcsr_mask = host_mxcsr_mask();

u32 mxcsr_of(const CpuState &state) {
  u32 value;
  std::memcpy(&value, state.fxsave.data() + mxcsr_offset, 4);
  return value;
}
void set_mxcsr(CpuState &state, u32 value) {
  std::memcpy(state.fxsave.data() + mxcsr_offset, &value, 4);
}
bool avx_in_use(const CpuState &state) {
  static constexpr std::array<u8, 16> zero{};
  return std::any_of(state.ymm.begin(), state.ymm.end(), [](const auto &reg) {
    return std::memcmp(reg.data() + 16, zero.data(), 16) != 0;
  });
}
/// Whether the x87 registers are other than FNINIT leaves them: XINUSE of the SDM.
bool x87_in_use(const CpuState &state) {
  const auto word = [&state](std::size_t offset) {
    u64 value;
    std::memcpy(&value, state.fxsave.data() + offset, 8);
    return value;
  };
  constexpr u64 initial_control_word = 0x37f;
  u64 difference = (word(0) ^ initial_control_word) | word(8) | word(16);
  for (std::size_t offset = x87_registers; offset < x87_registers + x87_registers_size; offset += 8)
    difference |= word(offset);
  return difference != 0;
}
void reset_x87(CpuState &state) {
  const u32 mxcsr = mxcsr_of(state);
  state.fxsave.fill(0);
  state.fxsave[0] = 0x7f;
  state.fxsave[1] = 0x03;
  set_mxcsr(state, mxcsr);
  const u32 mask = mxcsr_mask;
  std::memcpy(state.fxsave.data() + mxcsr_offset + 4, &mask, 4);
}
void store_x87(const CpuState &state, u8 *area) {
  std::memcpy(area, state.fxsave.data(), mxcsr_offset);
  std::memcpy(area + x87_registers, state.fxsave.data() + x87_registers, x87_registers_size);
}
void load_x87(CpuState &state, const u8 *area) {
  std::memcpy(state.fxsave.data(), area, mxcsr_offset);
  std::memcpy(state.fxsave.data() + x87_registers, area + x87_registers, x87_registers_size);
}
void store_mxcsr(const CpuState &state, u8 *area) {
  const u32 value = mxcsr_of(state), mask = mxcsr_mask;
  std::memcpy(area + mxcsr_offset, &value, 4);
  std::memcpy(area + mxcsr_offset + 4, &mask, 4);
}
void store_vectors(const CpuState &state, u8 *area, u64 components) {
  for (std::size_t i = 0; i < 16; ++i) {
    if (components & component_sse)
      std::memcpy(area + 160 + i * 16, state.ymm[i].data(), 16);
    if (components & component_avx)
      std::memcpy(area + avx_offset + i * 16, state.ymm[i].data() + 16, 16);
  }
}
void load_vectors(CpuState &state, const u8 *area, u64 wanted, u64 present) {
  for (std::size_t i = 0; i < 16; ++i) {
    u8 *const low = state.ymm[i].data(), *const high = low + 16;
    if (wanted & component_sse) {
      if (present & component_sse)
        std::memcpy(low, area + 160 + i * 16, 16);
      else
        std::memset(low, 0, 16);
    }
    if (wanted & component_avx) {
      if (present & component_avx)
        std::memcpy(high, area + avx_offset + i * 16, 16);
      else
        std::memset(high, 0, 16);
    }
  }
}
} // namespace

CpuState::CpuState() {
  set_mxcsr(*this, initial_mxcsr);
  reset_x87(*this);
}

u64 CpuState::xsave_size() {
  return area_size;
}

void CpuState::store_xsave(std::span<std::byte> bytes) const {
  if (bytes.size() < area_size)
    return;
  u8 *const area = reinterpret_cast<u8 *>(bytes.data());
  std::memset(area, 0, area_size);
  store_x87(*this, area);
  store_mxcsr(*this, area);
  store_vectors(*this, area, all_components);
  const u64 present = all_components;
  std::memcpy(area + header_offset, &present, 8);
}

bool CpuState::load_xsave(std::span<const std::byte> bytes) {
  if (bytes.size() < area_size)
    return false;
  const u8 *const area = reinterpret_cast<const u8 *>(bytes.data());
  u64 present = 0, compaction = 0;
  std::memcpy(&present, area + header_offset, 8);
  std::memcpy(&compaction, area + header_offset + 8, 8);
  if (compaction != 0)
    return false;
  u32 mxcsr = 0;
  std::memcpy(&mxcsr, area + mxcsr_offset, 4);
  set_mxcsr(*this, mxcsr & mxcsr_mask);
  if (present & component_x87)
    load_x87(*this, area);
  else
    reset_x87(*this);
  load_vectors(*this, area, all_components, present);
  return true;
}

bool Interpreter::do_xsave(bool compacted) {
  const u64 address = effective_address(operands_[0]);
  if ((address & 63) != 0)
    return protection();
  const u64 wanted = ((state_.gpr[rdx] << 32) | (state_.gpr[rax] & 0xffffffff)) & all_components;
  const u64 in_use = (x87_in_use(state_) ? component_x87 : 0) | component_sse |
                     (avx_in_use(state_) ? component_avx : 0);
  const u64 size = wanted & component_avx ? area_size : avx_offset;
  std::array<u8, area_size> area{};
  if (!read(address, area.data(), size))
    return false;
  u64 present = 0;
  std::memcpy(&present, area.data() + header_offset, 8);
  const bool optimized = compacted || instruction_.mnemonic == ZYDIS_MNEMONIC_XSAVEOPT ||
                         instruction_.mnemonic == ZYDIS_MNEMONIC_XSAVEOPT64;
  const u64 stored = optimized ? wanted & in_use : wanted;
  if (stored & component_x87)
    store_x87(state_, area.data());
  if (stored & (component_sse | component_avx) ||
      (!compacted && wanted & (component_sse | component_avx)))
    store_mxcsr(state_, area.data());
  store_vectors(state_, area.data(), stored);
  present = compacted ? wanted & in_use : (present & ~wanted) | (wanted & in_use);
  std::memcpy(area.data() + header_offset, &present, 8);
  if (compacted) {
    const u64 compaction = compact_bit | wanted;
    std::memcpy(area.data() + header_offset + 8, &compaction, 8);
  }
  return write(address, area.data(), size);
}

bool Interpreter::do_xrstor() {
  const u64 address = effective_address(operands_[0]);
  if ((address & 63) != 0)
    return protection();
  const u64 wanted = ((state_.gpr[rdx] << 32) | (state_.gpr[rax] & 0xffffffff)) & all_components;
  std::array<u8, area_size> area{};
  if (!read(address, area.data(), avx_offset))
    return false;
  u64 present = 0, compaction = 0;
  std::memcpy(&present, area.data() + header_offset, 8);
  std::memcpy(&compaction, area.data() + header_offset + 8, 8);
  const bool compacted = compaction & compact_bit;
  const bool reserved = std::any_of(area.begin() + header_offset + 16, area.begin() + avx_offset,
                                    [](u8 byte) { return byte != 0; });
  if ((present & ~all_components) || reserved ||
      (compacted ? (present & ~compaction) || (compaction & ~(compact_bit | all_components))
                 : compaction != 0))
    return protection();
  if ((wanted & present & component_avx) &&
      !read(address + avx_offset, area.data() + avx_offset, area_size - avx_offset))
    return false;
  const bool loads_mxcsr = compacted ? (wanted & present & (component_sse | component_avx))
                                     : (wanted & (component_sse | component_avx));
  u32 mxcsr = initial_mxcsr;
  if (loads_mxcsr) {
    std::memcpy(&mxcsr, area.data() + mxcsr_offset, 4);
    if (mxcsr & ~mxcsr_mask)
      return protection();
  }
  if (wanted & component_x87) {
    if (present & component_x87)
      load_x87(state_, area.data());
    else
      reset_x87(state_);
  }
  if (wanted & (component_sse | component_avx))
    set_mxcsr(state_, mxcsr);
  load_vectors(state_, area.data(), wanted, present);
  return true;
}

bool Interpreter::do_fxsave() {
  const u64 address = effective_address(operands_[0]);
  if ((address & 15) != 0)
    return protection();
  std::array<u8, 512> area{};
  if (!read(address, area.data(), area.size()))
    return false;
  store_x87(state_, area.data());
  store_mxcsr(state_, area.data());
  store_vectors(state_, area.data(), component_sse);
  return write(address, area.data(), 416); // the last bytes are the program's
}

bool Interpreter::do_fxrstor() {
  const u64 address = effective_address(operands_[0]);
  if ((address & 15) != 0)
    return protection();
  std::array<u8, avx_offset> area{};
  if (!read(address, area.data(), 512))
    return false;
  u32 mxcsr = 0;
  std::memcpy(&mxcsr, area.data() + mxcsr_offset, 4);
  if (mxcsr & ~mxcsr_mask)
    return protection();
  load_x87(state_, area.data());
  set_mxcsr(state_, mxcsr);
  load_vectors(state_, area.data(), component_sse, component_sse);
  return true;
}

/// fnstenv, fldenv, fnsave, frstor: carried out by the host's x87 unit on the guest's saved state.
bool Interpreter::do_x87_environment() {
  const u64 address = effective_address(operands_[0]);
  const u64 size = operands_[0].size / 8U;
  const bool narrow = size == 14 || size == 94;
  std::array<u8, 128> area{};
  const bool loads = instruction_.mnemonic == ZYDIS_MNEMONIC_FLDENV ||
                     instruction_.mnemonic == ZYDIS_MNEMONIC_FRSTOR;
  if (size > area.size())
    return invalid();
  if (loads ? !read(address, area.data(), size) : !resolve(address, size, memory::Access::write))
    return false;
  alignas(16) std::array<u8, 512> image = state_.fxsave;
  const u32 default_mxcsr = initial_mxcsr;
#define TINE_X87(operation)                                                                        \
  asm volatile("fxrstor64 %0\n\t" operation "\n\tfxsave64 %0\n\tfninit\n\tldmxcsr %2"              \
               : "+m"(image), "+m"(area)                                                           \
               : "m"(default_mxcsr)                                                                \
               : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
  switch (instruction_.mnemonic) {
  case ZYDIS_MNEMONIC_FNSTENV:
    if (narrow)
      TINE_X87("data16 fnstenv %1");
    else
      TINE_X87("fnstenv %1");
    break;
  case ZYDIS_MNEMONIC_FLDENV:
    if (narrow)
      TINE_X87("data16 fldenv %1");
    else
      TINE_X87("fldenv %1");
    break;
  case ZYDIS_MNEMONIC_FNSAVE:
    if (narrow)
      TINE_X87("data16 fnsave %1");
    else
      TINE_X87("fnsave %1");
    break;
  default:
    if (narrow)
      TINE_X87("data16 frstor %1");
    else
      TINE_X87("frstor %1");
    break;
  }
#undef TINE_X87
  if (!loads && !write(address, area.data(), size))
    return false;
  load_x87(state_, image.data());
  return true;
}

void CpuState::archive(Archive &archive) {
  archive(gpr, rip, rflags, fs_base, gs_base);
  archive.plain(ymm);
  archive.plain(fxsave);
  // CF PF AF ZF SF TF DF OF RF AC ID; IF and the bit that is always set.
  constexpr u64 user_flags = 0x250dd5, constant_flags = 0x202;
  rflags = (rflags & user_flags) | constant_flags;
  set_mxcsr(*this, mxcsr_of(*this) & mxcsr_mask);
}

} // namespace tine::cpu
