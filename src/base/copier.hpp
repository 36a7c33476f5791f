// One traversal over the objects of a box, for its fork: what was copied already, and into what.
//
//   Result<Ref<Pipe>> Pipe::copy(Copier &copier) { ...; members.other =
//   TINE_TRY(copier.copy(other)); }
//
// Each class says how it is copied: copy() makes the new object, whole but for what later() adds.
// An object that several others refer to is copied once, and all copies refer to the one copy.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tine {

/// Invariant: an original has one copy at most, which lives as long as the copier. Destroyed before
/// the owner of the copies (their Kernel), if the traversal fails.
class Copier {
public:
  Copier() = default;
  Copier(const Copier &) = delete;
  Copier &operator=(const Copier &) = delete;

  /// The copy of `original`, made by its copy() if there is none yet; null of null. What its copy()
  /// fails with: ENOTSUP for a class that can't be copied.
  template <typename T> [[nodiscard]] Result<Ref<T>> copy(const Ref<T> &original) {
    if (!original)
      return Ref<T>();
    if (T *known = find(*original))
      return Ref<T>(known);
    auto made = TINE_TRY(original->copy(*this));
    note(*original, made);
    return Ref<T>(static_cast<T *>(made.get()));
  }
  /// The copy of `original`, null if there is none yet.
  template <typename T> [[nodiscard]] T *find(const T &original) const {
    const auto found = copies_.find(static_cast<const RefCounted *>(&original));
    return found == copies_.end() ? nullptr : static_cast<T *>(found->second.get());
  }
  /// For a copy() whose members may lead back to the object: before they are copied.
  template <typename T, typename U> void note(const T &original, const Ref<U> &made) {
    copies_.emplace(static_cast<const RefCounted *>(&original), Ref<RefCounted>(made));
  }
  /// The same by address, for keys that are compared and never used: lock owners.
  [[nodiscard]] const void *find_address(const void *original) const {
    const auto found = copies_.find(original);
    return found == copies_.end() ? nullptr : found->second.get();
  }

  /// Owners that aren't counted (a Kernel, a Network) and data that is shared until it is changed.
  template <typename T> void note_counterpart(const T &original, T &made) {
    counterparts_.emplace(&original, std::shared_ptr<void>(&made, [](void *) {}));
  }
  template <typename T> void note_counterpart(const T &original, const std::shared_ptr<T> &made) {
    counterparts_.emplace(&original, made);
  }
  template <typename T> [[nodiscard]] T *counterpart(const T &original) const {
    return static_cast<T *>(counterpart_address(&original));
  }
  [[nodiscard]] void *counterpart_address(const void *original) const {
    const auto found = counterparts_.find(original);
    return found == counterparts_.end() ? nullptr : found->second.get();
  }
  template <typename T>
  [[nodiscard]] std::shared_ptr<T> shared_counterpart(const T &original) const {
    const auto found = counterparts_.find(&original);
    return found == counterparts_.end() ? nullptr : std::static_pointer_cast<T>(found->second);
  }

  /// What the caller of the traversal gave along for one kind of object; null if nothing.
  template <typename T> void set_context(T &context) {
    counterparts_.emplace(&context_key<T>, std::shared_ptr<void>(&context, [](void *) {}));
  }
  template <typename T> [[nodiscard]] const T *context() const {
    return static_cast<const T *>(counterpart_address(&context_key<T>));
  }

  /// Does the rest of an object's copying when the stack is not as deep: what may lead from object
  /// to object without end, as sockets in the queues of sockets do.
  void later(std::function<Status()> rest) { later_.push_back(std::move(rest)); }
  /// The same, after all objects have been copied: what refers to those that were reached, and
  /// keeps none of them.
  void at_end(std::function<Status()> rest) { at_end_.push_back(std::move(rest)); }
  /// Does all that is left. The first error.
  [[nodiscard]] Status finish();

  /// Notes what can't be copied, for the message, and says ENOTSUP.
  [[nodiscard]] Errno refuse(std::string what);
  [[nodiscard]] const std::string &refused() const { return refused_; }

private:
  [[nodiscard]] Status finish_later();
  template <typename T> static inline char context_key{};

  std::unordered_map<const void *, Ref<RefCounted>> copies_;
  std::unordered_map<const void *, std::shared_ptr<void>> counterparts_;
  std::vector<std::function<Status()>> later_, at_end_;
  std::string refused_;
};

} // namespace tine
