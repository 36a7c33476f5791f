// Helpers of ioctl(2): results that go to where the argument points.
#pragma once

#include "fs/file.hpp"

#include <sys/ioctl.h>

namespace tine::fs {

template <typename T> [[nodiscard]] Result<u64> put_object(const IoctlCall &call, const T &object) {
  TINE_TRY(call.space.write_object(GuestAddress{call.argument}, object));
  return u64{0};
}
[[nodiscard]] inline Result<u64> put_int(const IoctlCall &call, int value) {
  return put_object(call, value);
}
template <typename T> [[nodiscard]] Result<T> get_object(const IoctlCall &call) {
  return call.space.read_object<T>(GuestAddress{call.argument});
}

} // namespace tine::fs
