// The hand-written guest code of cases/*.S, found by name.
#pragma once

#include "base/types.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace tine::test {

enum class CaseKind : u64 { once, sweep, code, self };

/// Laid out by the macro `case`.
struct Case {
  const char *name;
  const u8 *begin;
  const u8 *end;
  CaseKind kind;
  /// The code, which is position-independent and ends in int3.
  [[nodiscard]] std::vector<u8> code() const { return {begin, end}; }
};

[[nodiscard]] std::span<const Case> all_cases();
/// Ends the program if there is none of that name.
[[nodiscard]] const Case &case_named(std::string_view name);

} // namespace tine::test
