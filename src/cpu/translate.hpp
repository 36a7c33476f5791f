// From guest code to a translation block.
#pragma once

#include "cpu/code_cache.hpp"
#include "cpu/decode.hpp"

#include <array>
#include <span>

namespace tine::cpu {

class Assembler;

/// Code that all blocks share: the ways out.
struct Thunks {
  const u8 *range_miss = nullptr, *stack_refill = nullptr;
  const u8 *read_miss = nullptr, *write_miss = nullptr, *link = nullptr, *indirect = nullptr,
           *window_read8 = nullptr, *window_read64 = nullptr, *window_write8 = nullptr,
           *window_write64 = nullptr, *helper = nullptr, *raise = nullptr, *poll = nullptr,
           *step = nullptr, *system_call = nullptr, *x87_load = nullptr, *x87_loaded = nullptr;
};
/// Emits them at the start of the cache's cold area.
[[nodiscard]] Thunks emit_thunks(CodeCache &cache);

/// Where a site goes whose window doesn't hold its operand; r10 = guest address, r11 = descriptor
/// (emit_window.cc).
[[nodiscard]] const u8 *emit_window_thunk(Assembler &to, bool write, bool large);

/// For a link whose target can't be chained to (it lies on two pages): to the jump cache from now
/// on.
void forward_through_jump_cache(CodeCache &cache, const Thunks &thunks, Link &link);

/// What `Site::detail` says of an instruction that raises.
enum class Raise : u8 { breakpoint, illegal, protection, unsupported };

/// Reads guest code without side effects, for look-ahead.
class CodeReader {
public:
  virtual ~CodeReader() = default;
  /// The bytes from `pc` to the end of its page if the page is present and executable, else empty.
  [[nodiscard]] virtual std::span<const u8> code_at(u64 pc) const = 0;
};

inline constexpr std::size_t most_instructions = 64;

struct TranslationSource {
  u64 pc = 0;
  /// From pc to the end of its page; or, for an instruction that crosses, its bytes.
  std::span<const u8> bytes;
  u32 frame = 0;
  u32 second_frame = no_index;
  BlockMode mode = BlockMode::normal;
  const CodeReader *reader = nullptr;
};

/// Translates one block and adds it to the cache, which has room. `no_index` if not even one
/// instruction lies within `bytes`: the caller passes a crossing source.
[[nodiscard]] BlockIndex translate(CodeCache &cache, const Thunks &thunks,
                                   const TranslationSource &source, u64 &instruction_count);

} // namespace tine::cpu
