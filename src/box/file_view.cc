#include "box/file_view.hpp"

#include "memory/io_buffer.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace tine::box {

FileView::FileView(process::Kernel &kernel) {
  context->mounts = kernel.mounts;
  context->root = context->working_directory = kernel.mounts->root();
  context->umask = 0;
  credentials.permitted = credentials.effective = ~u64{0};
}

Result<fs::Path> FileView::find(const fs::Path &start, std::string_view path,
                                const fs::LookupOptions &options) const {
  return fs::lookup(*context, credentials, start, path, options);
}

Result<std::string> FileView::read(std::string_view path) const {
  const fs::Path place = TINE_TRY(find(context->root, path, {}));
  fs::Inode &inode = *place.dentry->inode();
  if (inode.is_directory())
    return Errno{EISDIR};
  if (inode.type() != S_IFREG) // a FIFO would block, a device may have no end
    return Errno{ENXIO};
  const Ref<fs::File> file = TINE_TRY(fs::open(credentials, place, O_RDONLY));
  std::string bytes;
  constexpr std::size_t piece = std::size_t{64} << 10;
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(before + piece);
    memory::IoBuffer to(std::as_writable_bytes(std::span(bytes).subspan(before)));
    const u64 count = TINE_TRY(file->read(to));
    bytes.resize(before + count);
    if (count == 0)
      return bytes;
  }
}

Status FileView::write(std::string_view path, std::string_view bytes, u32 mode) const {
  if (const auto there = find(context->root, path, {});
      there && !there->dentry->inode()->is_directory() && there->dentry->inode()->type() != S_IFREG)
    return Errno{ENXIO};
  const Ref<fs::File> file =
      TINE_TRY(fs::open(*context, credentials, context->root, path,
                        O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, mode & 07777U));
  memory::IoBuffer from(std::as_bytes(std::span(bytes)));
  while (from.remaining() != 0)
    if (TINE_TRY(file->write(from)) == 0)
      return Errno{EIO};
  return Done{};
}

} // namespace tine::box
