// A saved box: the classes of this layer whose objects its file has.
#pragma once

#include "base/archive.hpp"
#include "fs/pseudo_fs.hpp"
#include "fs/terminal.hpp"

namespace tine::fs {

void add_saved_classes(ArchiveClasses &classes);
/// /dev and /dev/pts.
void add_saved_trees(PseudoTrees &trees);

// ---- classes that only their own source knows ----
void add_saved_text_files(ArchiveClasses &classes);
void add_saved_devices(ArchiveClasses &classes);
void add_saved_terminals(ArchiveClasses &classes);
void add_saved_control(ArchiveClasses &classes);

/// What terminals of a restored box send signals by: PtyTable's members of these names. A context
/// of the archive.
struct TerminalSignals {
  SignalGroup signal_group = nullptr;
  void *signal_context = nullptr;
};

} // namespace tine::fs
