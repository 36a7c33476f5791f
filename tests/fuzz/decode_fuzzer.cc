// Instructions: what decode() has learnt from other instructions must not change what it says of
// one.
#include "cpu/decode.hpp"
#include "fuzz/input.hpp"

using namespace tine;

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  std::span<const u8> rest(data, size);
  u64 pc = 0x400000;
  while (!rest.empty()) {
    cpu::Instruction learnt, plain;
    const bool known = cpu::decode(rest, pc, learnt);
    fuzz::require(known == cpu::decode_by_zydis(rest, pc, plain),
                  "one of the decoders wants more bytes");
    if (!known)
      break;
    fuzz::require(learnt == plain, "the decoders disagree");
    fuzz::require(learnt.length > 0 && learnt.length <= rest.size() && learnt.length <= 15,
                  "length");
    pc += learnt.length;
    rest = rest.subspan(learnt.length);
  }
  return 0;
}
