// A box as a file: Box::save and Box::restore.
#include "box/snapshot.hpp"

#include "box/file_tree.hpp"
#include "box/standard_descriptors.hpp"
#include "cpu/features.hpp"
#include "fs/host_files.hpp"
#include "fs/saved_classes.hpp"
#include "process/saved_classes.hpp"
#include "process/signals.hpp"

#include <cstring>
#include <fmt/format.h>

namespace tine::box {
namespace {

/// What the kernel is made with, and what is beside it.
void archive_preamble(Archive &archive, process::KernelOptions &options,
                      Surroundings &surroundings) {
  archive(options.hostname, options.process_limit, options.host_network, surroundings);
  archive.choice(options.fork_mechanism, memory::ForkMechanism::copied);
}

std::string feature_lines() {
  std::string lines;
  for (const std::string_view name : cpu::guest_features())
    lines.append(name).append("\n");
  return lines;
}

StartFailure save_failure(Errno error) {
  return {fmt::format("the box can't be saved: {}", ::strerror(static_cast<int>(error)))};
}

} // namespace

const ArchiveClasses &saved_classes() {
  static const ArchiveClasses classes = [] {
    ArchiveClasses made;
    process::add_saved_classes(made);
    return made;
  }();
  return classes;
}

void archive_box(Archive &archive, process::Kernel &kernel, memory::ImageList &images,
                 Surroundings &surroundings) {
  archive.set_context(images);
  archive.set_now(time::TimerQueue::now(), time::wall_clock());
  process::KernelOptions options = kernel.options;
  archive_preamble(archive, options, surroundings);
  kernel.archive(archive);
}

std::variant<std::unique_ptr<process::Kernel>, std::string>
restore_kernel(const RestoreHost &host, const Ref<memory::SnapshotPages> &pages,
               std::span<const std::byte> objects, const RestoreOptions &options,
               Surroundings &surroundings) {
  memory::ImageSource images(pages);
  fs::HostAccess access{make_ref<fs::HostFiles>(host.host.frames), options.writable};
  fs::PseudoTrees trees;
  fs::TerminalSignals signals;
  std::unique_ptr<process::Kernel> kernel; // goes after what the archive has made
  Archive archive(saved_classes(), objects);
  archive.set_now(time::TimerQueue::now(), time::wall_clock());
  archive.set_context(host.host.frames);
  archive.set_context(host.host.timers);
  archive.set_context(host.streams);
  archive.set_context(images);
  archive.set_context(access);
  archive.set_context(trees);
  archive.set_context(signals);
  if (options.host_network)
    archive.set_context(host.host.events);
  if (options.control)
    archive.set_context(*options.control);
  process::KernelOptions kernel_options;
  archive_preamble(archive, kernel_options, surroundings);
  if (kernel_options.host_network && !options.host_network)
    archive.fail("the box uses the host's network, which must be allowed");
  kernel_options.cpus = host.cpus;
  kernel = std::make_unique<process::Kernel>(host.host, kernel_options);
  kernel->host_pages = make_ref<fs::HostPageCache>(access.files);
  process::add_saved_trees(trees, *kernel);
  signals = {signal_terminal_group, kernel.get()};
  kernel->archive(archive);
  if (archive.ok() && archive.bytes_left() != 0)
    archive.fail("it has more than it should");
  if (!archive.ok())
    return archive.problem();
  return kernel;
}

std::optional<StartFailure> Box::save(int file, Surroundings surroundings) {
  KernelLock &lock = runtime_.host().lock;
  std::unique_ptr<process::Kernel> copy;
  memory::ImageList images;
  Archive archive(saved_classes());
  fs::StandardStreams streams;
  {
    const KernelGuard guard(lock);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
      streams.files[fd] = open_stream({runtime_.host().events, runtime_.host().frames}, -1, fd);
  }
  {
    // The pause: as long as a fork takes.
    const KernelGuard guard = runtime_.pause(*kernel_);
    fs::StandardStreams own = std::move(streams); // goes before the lock does
    if (init_->is_zombie())
      return StartFailure{"the box has ended"};
    std::string refused;
    auto made = kernel_->copy_to_save(own, refused);
    if (!made)
      return refused.empty() ? save_failure(made.error())
                             : StartFailure{fmt::format(
                                   "the box can't be saved while it has this open: {}", refused)};
    copy = std::move(*made);
  }
  std::optional<StartFailure> failure;
  {
    const KernelGuard guard(lock);
    archive_box(archive, *copy, images, surroundings);
    if (!archive.ok())
      failure = StartFailure{
          fmt::format("the box can't be saved while it has this: {}", archive.problem())};
  }
  if (!failure) {
    memory::SnapshotWriter writer(runtime_.host().frames, lock, file);
    Status status = writer.write_images(images);
    if (status)
      status = writer.finish(archive.output(), feature_lines(), TINE_VERSION);
    if (!status)
      failure = save_failure(status.error());
  }
  const KernelGuard guard(lock);
  images = {};
  archive.forget();
  copy = nullptr;
  return failure;
}

std::variant<std::unique_ptr<Box>, StartFailure>
Box::restore(Runtime &runtime, UniqueFd file, RestoreOptions options, Surroundings &surroundings) {
  auto opened = memory::SnapshotFile::open(std::move(file));
  if (auto *wrong = std::get_if<std::string>(&opened))
    return StartFailure{std::move(*wrong)};
  const auto snapshot = std::get<Ref<memory::SnapshotFile>>(std::move(opened));
  if (const std::string missing = cpu::missing_feature(snapshot->features()); !missing.empty())
    return StartFailure{
        fmt::format("it needs a processor with {}, which this machine's has not", missing)};
  auto made = std::make_unique<Box>(runtime);
  const KernelGuard guard(runtime.host().lock);
  fs::StandardStreams streams = std::move(options.streams); // goes before the lock does
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (!streams.files[fd])
      streams.files[fd] = open_stream({runtime.host().events, runtime.host().frames},
                                      streams.descriptors[fd].get(), fd);
  auto kernel = restore_kernel({runtime.host(), runtime.vcpu_count(), streams},
                               make_ref<memory::SnapshotPages>(runtime.host().frames, snapshot),
                               snapshot->objects(), options, surroundings);
  if (auto *wrong = std::get_if<std::string>(&kernel))
    return StartFailure{std::move(*wrong)};
  made->kernel_ = std::move(std::get<std::unique_ptr<process::Kernel>>(kernel));
  snapshot->forget_objects();
  made->init_ = Ref<process::Process>(made->kernel_->main_process());
  made->kernel_->frozen = options.frozen;
  made->kernel_->start_restored();
  return made;
}

} // namespace tine::box
