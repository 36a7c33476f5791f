#include "base/copier.hpp"

namespace tine {

Status Copier::finish() {
  // What is done may add to the lists.
  for (std::size_t next = 0; next < later_.size(); ++next) {
    const std::function<Status()> rest = std::move(later_[next]);
    TINE_TRY(rest());
  }
  later_.clear();
  for (std::size_t next = 0; next < at_end_.size(); ++next) {
    const std::function<Status()> rest = std::move(at_end_[next]);
    TINE_TRY(rest());
  }
  at_end_.clear();
  return Done{};
}

Errno Copier::refuse(std::string what) {
  refused_ = std::move(what);
  return Errno{ENOTSUP};
}

} // namespace tine
