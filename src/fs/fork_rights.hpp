// What the fork of a box gets only if it is asked for.
#pragma once

namespace tine::fs {

/// Given along with a Copier; none given: all false.
struct ForkRights {
  bool listen = false;  ///< the copy accepts connections of the outside, too
  bool secrets = false; ///< the copy has the files of `--secret`
};

} // namespace tine::fs
