#include "process/elf_loader.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <limits.h>

namespace tine::process {
namespace {

/// Linux's limit for the program header table (load_elf_phdrs).
constexpr u64 largest_header_table = 65536;

/// Reads exactly `to`; false at the end of the file.
Result<bool> read_exactly(fs::File &file, std::span<std::byte> to, u64 offset) {
  memory::IoBuffer buffer(to);
  while (buffer.remaining() != 0) {
    const u64 count = TINE_TRY(file.read_at(buffer, offset + buffer.transferred()));
    if (count == 0)
      return false;
  }
  return true;
}

bool is_x86_64_program(const Elf64_Ehdr &header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 &&
         (header.e_type == ET_EXEC || header.e_type == ET_DYN) && header.e_machine == EM_X86_64;
}

Result<std::string> read_interpreter_path(fs::File &file, const Elf64_Phdr &header) {
  if (header.p_filesz < 2 || header.p_filesz > PATH_MAX)
    return Errno{ENOEXEC};
  std::string path(header.p_filesz, '\0');
  const bool complete =
      TINE_TRY(read_exactly(file, std::as_writable_bytes(std::span(path)), header.p_offset));
  if (!complete)
    return Errno{EIO};
  if (path.back() != '\0')
    return Errno{ENOEXEC};
  path.resize(std::strlen(path.c_str()));
  return path;
}

ElfSegment segment_of(const Elf64_Phdr &header) {
  return {
      header.p_vaddr,
      header.p_offset,
      header.p_filesz,
      header.p_memsz,
      header.p_align,
      {(header.p_flags & PF_R) != 0, (header.p_flags & PF_W) != 0, (header.p_flags & PF_X) != 0}};
}

bool is_power_of_two(u64 value) {
  return value != 0 && (value & (value - 1)) == 0;
}

/// load_elf_binary: "sanity check: a segment's sizes and address must lie in user space".
bool lies_in_user_space(const ElfSegment &segment, u64 address) {
  return segment.file_size <= segment.memory_size && segment.memory_size <= user_address_limit &&
         address <= user_address_limit - segment.memory_size;
}

/// Bytes from the first page of the first segment to the end of the last; 0 if there is none or
/// they wrap.
u64 span_of(const ElfImage &image) {
  if (image.segments.empty())
    return 0;
  u64 low = ~u64{0}, high = 0;
  for (const ElfSegment &segment : image.segments) {
    if (!lies_in_user_space(segment, segment.address))
      return 0;
    low = std::min(low, round_down_to_page(segment.address));
    high = std::max(high, segment.address + segment.memory_size);
  }
  return high - low;
}

/// Maps the file's part of a segment.
Status map_file_part(memory::AddressSpace &space, const Ref<memory::MappedFile> &file,
                     const ElfSegment &segment, u64 address) {
  const u64 in_page = address & page_mask;
  if (segment.file_offset < in_page)
    return Errno{EINVAL};
  memory::MapRequest request;
  request.address = GuestAddress{address - in_page};
  request.length = segment.file_size + in_page;
  request.protection = segment.protection;
  request.fixed = true;
  request.file = file;
  request.object_offset = segment.file_offset - in_page;
  if ((request.object_offset & page_mask) != 0)
    return Errno{EINVAL};
  TINE_TRY(space.map(request));
  return Done{};
}

/// Zeroes what the segment has beyond the file: the rest of the last file page, then anonymous
/// pages.
Status map_zero_part(memory::AddressSpace &space, const ElfSegment &segment, u64 address) {
  const u64 file_end = address + segment.file_size;
  const u64 memory_end = address + segment.memory_size;
  const bool shares_page = segment.file_size != 0 ||
                           space.mapping_at(GuestAddress{round_down_to_page(address)}).has_value();
  const u64 anonymous_start =
      shares_page ? round_up_to_page(file_end) : round_down_to_page(address);
  if (shares_page && segment.protection.write && memory_end > file_end &&
      anonymous_start > file_end) {
    // To the end of the page, as Linux has it: the dynamic loader takes its first memory there.
    const std::vector<std::byte> zeroes(anonymous_start - file_end);
    TINE_TRY(space.force_write(GuestAddress{file_end}, zeroes));
  }
  if (memory_end <= anonymous_start)
    return Done{};
  memory::MapRequest request;
  request.address = GuestAddress{anonymous_start};
  request.length = memory_end - anonymous_start;
  request.protection = segment.protection;
  request.fixed = true;
  TINE_TRY(space.map(request));
  return Done{};
}

/// A place for `length` bytes that is free now, aligned as the image asks for.
Result<u64> find_room(memory::AddressSpace &space, u64 length, u64 alignment) {
  memory::MapRequest request;
  request.length = length + (alignment > page_size ? alignment : 0);
  const GuestAddress found = TINE_TRY(space.map(request));
  TINE_TRY(space.unmap(found, request.length));
  return (found.value + alignment - 1) & ~(alignment - 1);
}

void note_layout(LoadedImage &loaded, const ElfSegment &segment, u64 address) {
  const u64 file_end = address + segment.file_size;
  loaded.code_start = std::min(loaded.code_start, address);
  loaded.data_start = std::max(loaded.data_start, address);
  if (segment.protection.execute)
    loaded.code_end = std::max(loaded.code_end, file_end);
  loaded.data_end = std::max(loaded.data_end, file_end);
  loaded.end = std::max(loaded.end, address + segment.memory_size);
}

} // namespace

Result<ElfImage> ElfImage::parse(fs::File &file) {
  Elf64_Ehdr header{};
  if (!TINE_TRY(read_exactly(file, std::as_writable_bytes(std::span(&header, 1)), 0)))
    return Errno{ENOEXEC};
  if (!is_x86_64_program(header) || header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_phnum == 0 || u64{header.e_phnum} * sizeof(Elf64_Phdr) > largest_header_table)
    return Errno{ENOEXEC};
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  if (!TINE_TRY(read_exactly(file, std::as_writable_bytes(std::span(headers)), header.e_phoff)))
    return Errno{ENOEXEC};

  ElfImage image;
  image.is_position_independent = header.e_type == ET_DYN;
  image.entry = header.e_entry;
  image.program_headers_offset = header.e_phoff;
  image.program_header_count = header.e_phnum;
  for (const Elf64_Phdr &program_header : headers) {
    if (program_header.p_type == PT_LOAD)
      image.segments.push_back(segment_of(program_header));
    else if (program_header.p_type == PT_INTERP && !image.interpreter)
      image.interpreter = TINE_TRY(read_interpreter_path(file, program_header));
    else if (program_header.p_type == PT_GNU_STACK)
      image.executable_stack = (program_header.p_flags & PF_X) != 0;
  }
  return image;
}

Result<LoadedImage> map_image(memory::AddressSpace &space, fs::File &file, const ElfImage &image,
                              u64 base) {
  const u64 span = span_of(image);
  if (span == 0)
    return Errno{EINVAL};
  const Ref<memory::MappedFile> mapped = TINE_TRY(file.map());
  LoadedImage loaded;
  if (image.is_position_independent) {
    u64 alignment = page_size;
    for (const ElfSegment &segment : image.segments)
      if (is_power_of_two(segment.alignment) && segment.alignment <= u64{1} << 30)
        alignment = std::max(alignment, segment.alignment);
    const u64 place =
        base != 0 ? (base & ~(alignment - 1)) : TINE_TRY(find_room(space, span, alignment));
    loaded.bias = place - round_down_to_page(image.segments.front().address);
  }
  loaded.code_start = ~u64{0};
  for (const ElfSegment &segment : image.segments) {
    const u64 address = segment.address + loaded.bias;
    if (!lies_in_user_space(segment, address))
      return Errno{EINVAL};
    if (segment.file_size != 0)
      TINE_TRY(map_file_part(space, mapped, segment, address));
    TINE_TRY(map_zero_part(space, segment, address));
    note_layout(loaded, segment, address);
    const u64 headers = image.program_headers_offset;
    if (headers >= segment.file_offset && headers - segment.file_offset < segment.file_size)
      loaded.program_headers = headers - segment.file_offset + address;
  }
  loaded.entry = image.entry + loaded.bias;
  return loaded;
}

} // namespace tine::process
