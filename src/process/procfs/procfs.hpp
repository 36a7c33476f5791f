// /proc and /sys: what the box tells its programs of itself.
#pragma once

#include "process/pid_namespace.hpp"

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

} // namespace tine::process
