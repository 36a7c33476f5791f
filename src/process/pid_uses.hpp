// How often each pid is in use.
#pragma once

#include "base/types.hpp"

#include <array>
#include <unordered_map>

namespace tine::process {

/// Counts by pid. Invariant: a chunk is there exactly if one of its pids is in use, so that what a
/// box holds doesn't grow with the pids that it has had, and a fork of it copies no more.
class PidUses {
public:
  void hold(Pid pid) {
    Chunk &chunk = chunks_[chunk_of(pid)];
    u32 &uses = chunk.uses[slot_of(pid)];
    chunk.pids_in_use += uses == 0 ? 1U : 0U;
    ++uses;
  }
  /// Of a pid that is held; whether that was its last use.
  bool release(Pid pid) {
    const auto found = chunks_.find(chunk_of(pid));
    if (--found->second.uses[slot_of(pid)] != 0)
      return false;
    if (--found->second.pids_in_use == 0)
      chunks_.erase(found);
    return true;
  }
  [[nodiscard]] bool is_held(Pid pid) const {
    const auto found = chunks_.find(chunk_of(pid));
    return found != chunks_.end() && found->second.uses[slot_of(pid)] != 0;
  }
  [[nodiscard]] std::size_t chunk_count() const { return chunks_.size(); }

private:
  static constexpr std::size_t pids_per_chunk = 64;
  struct Chunk {
    std::array<u32, pids_per_chunk> uses{};
    u32 pids_in_use = 0;
  };
  [[nodiscard]] static u32 chunk_of(Pid pid) {
    return static_cast<u32>(pid.value) / pids_per_chunk;
  }
  [[nodiscard]] static std::size_t slot_of(Pid pid) {
    return static_cast<u32>(pid.value) % pids_per_chunk;
  }

  std::unordered_map<u32, Chunk> chunks_;
};

} // namespace tine::process
