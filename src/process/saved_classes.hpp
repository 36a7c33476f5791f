// A saved box: the classes of this layer whose objects its file has, and its generated trees.
#pragma once

#include "base/archive.hpp"
#include "fs/pseudo_fs.hpp"

namespace tine::process {

class Kernel;

/// Those of the layers below, too.
void add_saved_classes(ArchiveClasses &classes);
/// /proc and /sys of the kernel's box.
void add_saved_trees(fs::PseudoTrees &trees, Kernel &kernel);

// ---- ipc/save_ipc.cc, procfs/procfs.cc, procfs/sysfs.cc ----
void add_saved_ipc(ArchiveClasses &classes);
void add_saved_procfs(fs::PseudoTrees &trees, Kernel &kernel);
void add_saved_sysfs(fs::PseudoTrees &trees, Kernel &kernel);

} // namespace tine::process
