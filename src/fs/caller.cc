#include "fs/caller.hpp"

namespace tine::fs {
namespace {
thread_local Caller *current = nullptr;
}

Caller *current_caller() {
  return current;
}

CallerScope::CallerScope(Caller &caller) : previous_(current) {
  current = &caller;
}
CallerScope::~CallerScope() {
  current = previous_;
}

} // namespace tine::fs
