// A box as bytes: what Box::save and Box::restore are made of, for tests of hostile files.
#pragma once

#include "box/box.hpp"
#include "memory/saved_image.hpp"
#include "memory/snapshot_writer.hpp"

#include <string>
#include <variant>

namespace tine::box {

[[nodiscard]] const ArchiveClasses &saved_classes();

/// The objects of a box that never runs, and what memory they refer to. With the kernel lock.
void archive_box(Archive &archive, process::Kernel &kernel, memory::ImageList &images,
                 Surroundings &surroundings);

/// What a restored box has of the host.
struct RestoreHost {
  process::Host &host;
  u32 cpus;
  fs::StandardStreams &streams; ///< all three, as files
};
/// The kernel of a saved box, whose threads are on no queue yet; or why there is none. Nothing in
/// `objects` is trusted. With the kernel lock.
[[nodiscard]] std::variant<std::unique_ptr<process::Kernel>, std::string>
restore_kernel(const RestoreHost &host, const Ref<memory::SnapshotPages> &pages,
               std::span<const std::byte> objects, const RestoreOptions &options,
               Surroundings &surroundings);

} // namespace tine::box
