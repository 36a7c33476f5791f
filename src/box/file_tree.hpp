// What a box sees as its file tree.
#pragma once

#include "box/box.hpp"

#include <variant>

namespace tine::box {

/// The host's directory under a layer in memory, /proc, /dev, /sys, and the binds on top. Sets
/// kernel.mounts. The context's working directory is where the options say.
[[nodiscard]] std::variant<Ref<fs::FileSystemContext>, StartFailure>
make_file_tree(process::Kernel &kernel, const BoxOptions &options,
               const fs::Credentials &credentials);

/// What a terminal of the box sends signals by; the context is the kernel.
void signal_terminal_group(void *kernel, Pid group, int signal);

} // namespace tine::box
