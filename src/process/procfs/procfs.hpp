// /proc and /sys: what the box tells its programs of itself.
#pragma once

#include "process/pid_namespace.hpp"

#include <string>
#include <vector>

namespace tine::fs {
class PseudoFs;
}

namespace tine::process {

class Kernel;

/// proc(5) of the box, or of a pid namespace in it. The kernel must outlive it.
[[nodiscard]] Ref<fs::PseudoFs> make_procfs(Kernel &kernel,
                                            const Ref<PidNamespace> &space = nullptr);
/// The part of sysfs that programs ask: CPUs, nodes, the loopback interface.
[[nodiscard]] Ref<fs::PseudoFs> make_sysfs(Kernel &kernel);
/// The types that /proc/filesystems lists, in its order.
[[nodiscard]] std::vector<std::string> file_system_types(const Kernel &kernel);

} // namespace tine::process
