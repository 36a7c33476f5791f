// Errors as values: a Linux errno, or the result.
//
//   Result<FrameNumber> frame = frames.allocate();
//   if (!frame) return frame.error();
//   use(*frame);
//
// or, shorter, TINE_TRY: the value, else return the error from the enclosing function.
//
//   FrameNumber frame = TINE_TRY(frames.allocate());
#pragma once

#include <cassert>
#include <cerrno>
#include <type_traits>
#include <utility>
#include <variant>

namespace tine {

/// A Linux errno, positive: Errno{ENOENT}. Never zero.
enum class Errno : int {};

/// What a function that has no value to return returns on success.
struct Done {};

template <typename T> class [[nodiscard]] Result {
public:
  using Value = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Errno error) : state_(std::in_place_index<1>, error) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// The value; only when ok().
  [[nodiscard]] T &value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] const T &value() const & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T &&value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

  /// The errno; only when !ok().
  [[nodiscard]] Errno error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

private:
  std::variant<T, Errno> state_;
};

/// Result of an operation that has nothing to return: Status f() { ...; return Done{}; }
using Status = Result<Done>;

} // namespace tine

/// Evaluates to the value of a Result, or returns its error from the enclosing function. It jumps
/// out of the expression that it is a part of, and what that expression made before is then not
/// destroyed (GCC's manual, "Statement Expressions"): `Path{mount, TINE_TRY(child)}` would keep the
/// mount for ever. Only trivial objects may come before it.
#define TINE_TRY(expression)                                                                       \
  __extension__({                                                                                  \
    auto tine_try_result = (expression);                                                           \
    if (!tine_try_result.ok()) [[unlikely]]                                                        \
      return tine_try_result.error();                                                              \
    *std::move(tine_try_result); /* may be left unused */                                          \
  })
