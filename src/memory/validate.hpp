// Checks that every count is the number of references, over everything that holds references.
#pragma once

#include "memory/address_space.hpp"

#include <span>
#include <string>

namespace tine::memory {

/// What is known to hold frames of an arena. Each pin is one more reference to a frame (a pipe's
/// buffer).
struct ReferenceHolders {
  std::span<AddressSpace *const> spaces;
  std::span<const PageObject *const> objects;
  std::span<const FrameNumber> pins;
};

/// Validates the spaces, and that the sums of references equal the counts of all frames and nodes:
/// none missing, none leaked. An empty string, or what is wrong.
[[nodiscard]] std::string validate_all(FrameArena &frames, const ReferenceHolders &holders);

} // namespace tine::memory
