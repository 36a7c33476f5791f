#include "base/copier.hpp"

namespace tine {

/// What is done may add to the lists.
Status Copier::finish_later() {
  for (std::size_t next = 0; next < later_.size(); ++next) {
    const std::function<Status()> rest = std::move(later_[next]);
    TINE_TRY(rest());
  }
  later_.clear();
  return Done{};
}

Status Copier::finish() {
  TINE_TRY(finish_later());
  for (std::size_t next = 0; next < at_end_.size(); ++next) {
    const std::function<Status()> rest = std::move(at_end_[next]);
    TINE_TRY(rest());
    TINE_TRY(finish_later());
  }
  at_end_.clear();
  return Done{};
}

Errno Copier::refuse(std::string what) {
  refused_ = std::move(what);
  return Errno{ENOTSUP};
}

} // namespace tine
