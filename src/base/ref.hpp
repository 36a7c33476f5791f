// Intrusive reference counting, for objects that are shared on purpose: address spaces, open file
// descriptions, inodes, descriptor tables.
//
//   class FdTable : public RefCounted { ... };
//   Ref<FdTable> table = make_ref<FdTable>(...);
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <utility>

namespace tine {

/// Base of shared objects. The count is atomic because the last reference can be dropped by any
/// vCPU; the object's other state is guarded by the kernel lock unless it says otherwise.
class RefCounted {
public:
  RefCounted(const RefCounted &) = delete;
  RefCounted &operator=(const RefCounted &) = delete;

  void add_reference() const { count_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }
  /// How many Ref point here: CLONE_FILES and the like ask whether a table is shared.
  [[nodiscard]] std::size_t reference_count() const {
    return count_.load(std::memory_order_acquire);
  }

protected:
  RefCounted() = default;
  virtual ~RefCounted() = default;

private:
  mutable std::atomic<std::size_t> count_{0};
};

/// Owning pointer to a RefCounted object; may be null.
template <typename T> class Ref {
public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T *object) : object_(object) {
    if (object_)
      object_->add_reference();
  }
  Ref(const Ref &other) : Ref(other.object_) {}
  Ref(Ref &&other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <typename U>
  requires std::is_convertible_v<U *, T *> Ref(const Ref<U> &other) : Ref(other.get()) {}
  template <typename U>
  requires std::is_convertible_v<U *, T *> Ref(Ref<U> &&other)
  noexcept : object_(other.release()) {}
  ~Ref() {
    if (object_)
      object_->drop_reference();
  }
  Ref &operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  [[nodiscard]] T *get() const { return object_; }
  T &operator*() const {
    assert(object_);
    return *object_;
  }
  T *operator->() const {
    assert(object_);
    return object_;
  }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref &a, const Ref &b) { return a.object_ == b.object_; }
  friend bool operator==(const Ref &a, std::nullptr_t) { return a.object_ == nullptr; }

  /// Gives up ownership without dropping the reference.
  [[nodiscard]] T *release() { return std::exchange(object_, nullptr); }

private:
  T *object_ = nullptr;
};

template <typename T, typename... Arguments>
[[nodiscard]] Ref<T> make_ref(Arguments &&...arguments) {
  return Ref<T>(new T(std::forward<Arguments>(arguments)...));
}

/// Downcast of a Ref, null if the object is of another type.
template <typename T, typename U> [[nodiscard]] Ref<T> ref_cast(const Ref<U> &reference) {
  return Ref<T>(dynamic_cast<T *>(reference.get()));
}

} // namespace tine
