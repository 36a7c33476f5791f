// ELF: from a file that anyone may have written to mappings of an address space.
#pragma once

#include "fs/file.hpp"
#include "memory/address_space.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tine::process {

/// A PT_LOAD program header.
struct ElfSegment {
  u64 address = 0, file_offset = 0, file_size = 0, memory_size = 0, alignment = 0;
  memory::Protection protection;
};

/// The headers of an x86-64 program or interpreter, checked as far as Linux checks them before it
/// gives up the old program. Segments may still lie about their place: mapping them then fails.
struct ElfImage {
  bool is_position_independent = false; ///< ET_DYN
  u64 entry = 0;
  u64 program_headers_offset = 0;
  u16 program_header_count = 0;
  std::vector<ElfSegment> segments;
  std::optional<std::string> interpreter;
  bool executable_stack = false;

  /// ENOEXEC for everything that is no such file, EIO if the host can't read it, ENOMEM.
  static Result<ElfImage> parse(fs::File &file);
};

/// Where a program's image went.
struct LoadedImage {
  u64 bias = 0; ///< added to the file's addresses
  u64 entry = 0;
  u64 program_headers = 0; ///< address; 0 if no segment holds them
  u64 code_start = 0, code_end = 0, data_start = 0, data_end = 0, end = 0;
};

/// Maps the segments. A position-independent image goes to `base`, or where there is room if it is
/// 0. ENOMEM, EINVAL, EEXIST...: the segments can't be as the headers say; some may be mapped
/// already.
[[nodiscard]] Result<LoadedImage> map_image(memory::AddressSpace &space, fs::File &file,
                                            const ElfImage &image, u64 base);

} // namespace tine::process
