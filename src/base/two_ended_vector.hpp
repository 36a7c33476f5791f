// A vector with room at both ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace tine {

/// Elements in one piece of memory; what is inserted or erased moves those of the nearer end. A
/// copy has no room to spare. Invariant: the slots before `front_` are T{}.
template <typename T> class TwoEndedVector {
public:
  TwoEndedVector() = default;
  TwoEndedVector(const TwoEndedVector &other) : slots_(other.begin(), other.end()) {}
  TwoEndedVector &operator=(const TwoEndedVector &) = delete;
  ~TwoEndedVector() = default;

  [[nodiscard]] std::size_t size() const { return slots_.size() - front_; }
  [[nodiscard]] T *begin() { return slots_.data() + front_; }
  [[nodiscard]] T *end() { return slots_.data() + slots_.size(); }
  [[nodiscard]] const T *begin() const { return slots_.data() + front_; }
  [[nodiscard]] const T *end() const { return slots_.data() + slots_.size(); }
  [[nodiscard]] T &operator[](std::size_t index) { return begin()[index]; }
  [[nodiscard]] const T &operator[](std::size_t index) const { return begin()[index]; }
  [[nodiscard]] std::span<const T> all() const { return {begin(), size()}; }

  /// The element is at `index` afterwards, which is at most size().
  void insert(std::size_t index, T element) {
    if (index >= size() / 2) {
      slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(front_ + index),
                    std::move(element));
      return;
    }
    if (front_ == 0)
      make_room_in_front();
    T *const first = begin();
    std::move(first, first + index, first - 1);
    --front_;
    begin()[index] = std::move(element);
  }

  void erase(std::size_t first, std::size_t last) {
    const std::size_t count = last - first;
    if (first > size() - last) {
      slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(front_ + first),
                   slots_.begin() + static_cast<std::ptrdiff_t>(front_ + last));
      return;
    }
    std::move_backward(begin(), begin() + first, begin() + last);
    std::fill(begin(), begin() + count, T{});
    front_ += count;
    if (front_ > 2 * size() + least_room)
      drop_room_in_front();
  }

  /// Elements that there is memory for.
  [[nodiscard]] std::size_t capacity() const { return slots_.capacity(); }

private:
  static constexpr std::size_t least_room = 8;
  /// As much as there are elements, so an insertion costs a constant on average.
  void make_room_in_front() {
    const std::size_t room = std::max(least_room, slots_.size());
    std::vector<T> larger(room + slots_.size());
    std::move(slots_.begin(), slots_.end(), larger.begin() + static_cast<std::ptrdiff_t>(room));
    slots_ = std::move(larger);
    front_ = room;
  }

  /// Else elements that come at the end and go at the front would wander through ever more memory.
  void drop_room_in_front() {
    std::move(begin(), end(), slots_.data());
    slots_.resize(size());
    front_ = 0;
  }

  std::vector<T> slots_;
  std::size_t front_ = 0;
};

} // namespace tine
