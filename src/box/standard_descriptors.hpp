// The caller's standard input, output and error, and how the box gets them.
#pragma once

#include "fs/fd_table.hpp"
#include "fs/host_stream.hpp"

namespace tine::box {

/// To be called before tine opens anything: a standard descriptor that the caller closed is held by
/// /dev/null, so that no descriptor of tine's own takes its number, and stays closed in the box.
void hold_standard_descriptors();

/// Descriptors 0, 1 and 2 of tine itself, those that the caller gave, as descriptors of the box.
/// Tine's own 0 and 1 are /dev/null afterwards.
[[nodiscard]] Ref<fs::FdTable> standard_descriptors(const fs::StreamHost &host);
/// The given ones instead; what isn't given is /dev/null.
[[nodiscard]] Ref<fs::FdTable> standard_descriptors(const fs::StreamHost &host,
                                                    const fs::StandardStreams &given);
/// A file of the box for a duplicate of the host descriptor, /dev/null for -1, as standard
/// descriptor `fd`. std::runtime_error.
[[nodiscard]] Ref<fs::File> open_stream(const fs::StreamHost &host, int host_fd, int fd);

} // namespace tine::box
