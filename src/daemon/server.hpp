// The host process of a family: its boxes, and the socket that commands come by.
#pragma once

#include "daemon/family.hpp"

namespace tine::daemon {

/// Starts the host process of a new family in the background, and in it the first box, or those
/// that go on from a saved one. Their names; Failure if they can't be started, or if the name is
/// taken. Without a name in the options, one is made of the program's. To be called while the
/// process has one thread.
[[nodiscard]] std::vector<std::string> start_in_background(FamilyOptions options);

} // namespace tine::daemon
