// The file of a saved box: whatever is in it, a box is made of it or it is refused, and nothing is
// left of one that was refused.
//
// The input: 0, then changes of the objects of a box that was really saved, each a place (4 bytes),
// what is done there (1) and a number (8); or anything else, then a whole file.
#include "box/snapshot.hpp"
#include "box/standard_descriptors.hpp"
#include "fs/epoll.hpp"
#include "fs/event_files.hpp"
#include "fuzz/input.hpp"
#include "fuzz/kernel_world.hpp"
#include "net/unix_socket.hpp"

#include <fcntl.h>
#include <sys/mman.h>

using namespace tine;

namespace {

struct Saved {
  std::vector<std::byte> objects; ///< what the archive wrote
  UniqueFd file;                  ///< the same, as a whole file
};

UniqueFd memory_file() {
  UniqueFd file(::memfd_create("snapshot", MFD_CLOEXEC));
  fuzz::require(static_cast<bool>(file), "memfd_create");
  return file;
}

/// A box with one of each of several kinds of files.
Saved make_saved() {
  fuzz::HostWorld &world = fuzz::HostWorld::instance();
  Saved made{{}, memory_file()};
  fuzz::KernelWorld box;
  process::Kernel &kernel = box.kernel();
  process::Thread &thread = box.thread();
  kernel.make_reaper(thread.fs);
  const auto install = [&](const Ref<fs::File> &file) {
    fuzz::require(thread.files->install(file, false, 0, 64).ok(), "install");
  };
  const fs::PipeEnds pipe = fs::make_pipe(0);
  install(pipe.reader);
  install(pipe.writer);
  install(make_ref<fs::EventFile>(u64{3}, u32{0}, false));
  install(make_ref<fs::TimerFile>(world.timers, CLOCK_MONOTONIC, u32{0}));
  const auto epoll = make_ref<fs::EpollFile>();
  fuzz::require(epoll->add(*pipe.reader, 0, {EPOLLIN, {.u64 = 7}}).ok(), "epoll");
  install(epoll);
  constexpr u8 contents[] = {1, 2, 3};
  install(box.file_with(contents));
  auto null = fs::open(*thread.fs, thread.credentials, thread.fs->root, "/dev/null", O_RDWR, 0);
  auto status =
      fs::open(*thread.fs, thread.credentials, thread.fs->root, "/proc/self/status", O_RDONLY, 0);
  for (auto *file : {&null, &status})
    if (*file)
      install(**file);
  fuzz::require(thread.memory->write_object(fuzz::KernelWorld::data, u64{42}).ok(), "memory");
  for (u64 i = 0; i < 2; ++i) // socketpair(2): AF_UNIX, stream and datagram
    fuzz::require(box.call(53, {1, 1 + i, 0, fuzz::KernelWorld::data.value, 0, 0}) == 0, "sockets");
  memory::ImageList images;
  Archive archive(box::saved_classes());
  box::Surroundings surroundings;
  box::archive_box(archive, kernel, images, surroundings);
  fuzz::require(archive.ok(), archive.problem());
  made.objects = archive.output();
  memory::SnapshotWriter writer(*world.frames, world.lock, made.file.get());
  fuzz::require(writer.write_images(images).ok() && writer.finish(made.objects, "", "fuzz").ok(),
                "the file");
  archive.forget();
  return made;
}

std::vector<std::byte> changed(std::vector<std::byte> objects, fuzz::Input &input) {
  while (!input.empty() && !objects.empty()) {
    const u64 place = input.take<u32>() % objects.size();
    const u8 what = input.take<u8>();
    const u64 number = input.take<u64>();
    const u64 width = std::min<u64>(u64{1} << what % 4, objects.size() - place);
    if (what % 16 == 15)
      objects.resize(place);
    else if (what % 16 == 14)
      objects.insert(objects.begin() + static_cast<std::ptrdiff_t>(place), std::byte(number));
    else
      std::memcpy(objects.data() + place, &number, width);
  }
  return objects;
}

/// Why there is no box; empty: there is one.
std::string restore(const Ref<memory::SnapshotFile> &file, std::span<const std::byte> objects) {
  std::string refused;
  fuzz::HostWorld &world = fuzz::HostWorld::instance();
  const u64 before = world.frames->frames_in_use();
  {
    fs::StandardStreams streams;
    for (int fd = 0; fd < 3; ++fd)
      streams.files[fd] = box::open_stream({world.events, *world.frames}, -1, fd);
    box::Surroundings surroundings;
    const auto kernel = box::restore_kernel({world.host, 1, streams},
                                            make_ref<memory::SnapshotPages>(*world.frames, file),
                                            objects, {}, surroundings);
    if (const auto *made = std::get_if<std::unique_ptr<process::Kernel>>(&kernel)) {
      for (const auto &[pid, process] : (*made)->processes())
        for (const Ref<process::Thread> &thread : process->threads)
          if (thread->memory) {
            const std::string wrong = thread->memory->validate();
            fuzz::require(wrong.empty(), wrong);
            std::byte bytes[64];
            static_cast<void>(thread->memory->read(fuzz::KernelWorld::data, bytes));
          }
    } else {
      refused = std::get<std::string>(kernel);
      fuzz::require(!refused.empty(), "a refusal without a reason");
    }
  }
  fuzz::require(world.frames->frames_in_use() == before, "frames are left of a saved box");
  return refused;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  static const Saved saved = make_saved();
  fuzz::Input input({data, size});
  if (input.take<u8>() == 0) {
    auto opened =
        memory::SnapshotFile::open(UniqueFd(::fcntl(saved.file.get(), F_DUPFD_CLOEXEC, 3)));
    const auto *file = std::get_if<Ref<memory::SnapshotFile>>(&opened);
    fuzz::require(file != nullptr, "the file that was saved");
    const bool whole = input.empty();
    const std::string refused = restore(*file, changed(saved.objects, input));
    fuzz::require(!whole || refused.empty(), "what was saved is refused: " + refused);
    return 0;
  }
  UniqueFd made = memory_file();
  const std::string bytes = input.take_string(size);
  fuzz::require(::write(made.get(), bytes.data(), bytes.size()) ==
                    static_cast<ssize_t>(bytes.size()),
                "write");
  auto opened = memory::SnapshotFile::open(std::move(made));
  if (const auto *file = std::get_if<Ref<memory::SnapshotFile>>(&opened))
    static_cast<void>(restore(*file, (*file)->objects()));
  else
    fuzz::require(!std::get<std::string>(opened).empty(), "a refusal without a reason");
  return 0;
}
