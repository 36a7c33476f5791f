#include "box/file_tree.hpp"

#include "fs/device_fs.hpp"
#include "fs/host_files.hpp"
#include "fs/memory_fs.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/procfs/procfs.hpp"
#include "process/signals.hpp"

#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace tine::box {
namespace {

using fs::FileSystemContext;

constexpr std::size_t most_secret_bytes = std::size_t{1} << 20;

/// Assembles one tree; throws StartFailure, which make_file_tree returns.
class Builder {
public:
  Builder(process::Kernel &kernel, const BoxOptions &options, const fs::Credentials &credentials)
      : kernel_(kernel), options_(options), credentials_(credentials),
        host_files_(make_ref<fs::HostFiles>(kernel.host.frames)) {
    kernel_.host_pages = make_ref<fs::HostPageCache>(host_files_);
  }

  Ref<FileSystemContext> build() {
    mount_root();
    const fs::DeviceTree devices = fs::make_device_tree(options_.control);
    devices.ptys->signal_context = &kernel_;
    devices.ptys->signal_group = signal_terminal_group;
    mount_at("/dev", devices.dev, "udev");
    mount_at("/dev/pts", devices.pts, "devpts");
    mount_at("/dev/shm",
             make_ref<fs::MemoryFs>(kernel_.host.frames, fs::MemoryFs::Options{.root_mode = 01777}),
             "shm");
    mount_at("/dev/mqueue", kernel_.ipc->posix_queues, "mqueue");
    mount_at("/proc", process::make_procfs(kernel_), "proc");
    mount_at("/sys", process::make_sysfs(kernel_), "sysfs");
    if (!options_.secrets.empty())
      mount_secrets();
    for (const Bind &bind : options_.binds)
      mount_bind(bind);
    enter_working_directory();
    return std::move(context_);
  }

private:
  template <typename T> T check(Result<T> result, const std::string &what) {
    if (!result)
      throw StartFailure{fmt::format("{}: {}", what, ::strerror(static_cast<int>(result.error())))};
    return std::move(*result);
  }

  void mount_root() {
    fs::MemoryFs::Options layer;
    layer.lower =
        check(fs::HostFs::create(options_.root, fs::HostFs::Writing::forbidden, host_files_),
              "--root " + options_.root);
    context_ = make_ref<FileSystemContext>();
    context_->mounts = kernel_.mounts = make_ref<fs::MountNamespace>();
    kernel_.mounts->mount_root(make_ref<fs::MemoryFs>(kernel_.host.frames, layer), 0, "overlay");
    context_->root = context_->working_directory = kernel_.mounts->root();
  }

  /// The place of a mount; made, with the directories above it, if it isn't there.
  fs::Path place(const std::string &target, u32 type) {
    const fs::Credentials root = privileged();
    const fs::TreeCall call{*context_, root};
    const auto path = std::filesystem::path(target).lexically_normal();
    std::filesystem::path so_far = "/";
    for (const auto &component : path.relative_path()) {
      so_far /= component;
      if (fs::lookup(*context_, root, context_->root, so_far.string(), {}))
        continue;
      const u32 mode = (so_far == path ? type : S_IFDIR) | 0755;
      check(fs::make_node(call, context_->root, so_far.string(), {.mode = mode}), target);
    }
    return check(fs::lookup(*context_, root, context_->root, target, {}), target);
  }

  void mount_at(const std::string &target, Ref<fs::FileSystem> file_system, const char *source) {
    kernel_.mounts->mount(place(target, S_IFDIR), std::move(file_system), nullptr, 0, source);
  }

  void mount_bind(const Bind &bind) {
    const auto writing =
        bind.writable ? fs::HostFs::Writing::allowed : fs::HostFs::Writing::forbidden;
    auto host =
        check(fs::HostFs::create(bind.source, writing, host_files_), "--bind " + bind.source);
    const u32 type = host->root()->type();
    kernel_.mounts->mount(place(bind.target, type), std::move(host), nullptr,
                          bind.writable ? 0U : u32{fs::mount_read_only}, bind.source);
  }

  /// Readable by the user whom the box begins as, alone.
  void mount_secrets() {
    auto secrets =
        make_ref<fs::MemoryFs>(kernel_.host.frames, fs::MemoryFs::Options{.is_secret = true});
    for (const Secret &secret : options_.secrets) {
      const std::string option = fmt::format("--secret {}:{}", secret.source, secret.name);
      if (secret.name.empty() || secret.name == "." || secret.name == ".." ||
          secret.name.find('/') != std::string::npos)
        throw StartFailure{option + ": that is no name below /run/secrets"};
      const std::string contents = check(contents_of(secret.source), option);
      const fs::CreateRequest request{
          .mode = S_IFREG | 0400, .uid = credentials_.fsuid, .gid = credentials_.fsgid};
      const Ref<fs::Inode> inode = check(secrets->root()->create(secret.name, request), option);
      memory::IoBuffer bytes(std::as_bytes(std::span(contents)));
      check(static_cast<fs::MemoryInode &>(*inode).write_at(bytes, 0), option);
    }
    kernel_.mounts->mount(place("/run/secrets", S_IFDIR), std::move(secrets), nullptr,
                          fs::mount_read_only, "secrets");
  }

  /// Of a file of the host. EFBIG beyond what a secret may have.
  static Result<std::string> contents_of(const std::string &path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string contents;
    char piece[4096];
    for (ssize_t count = 1; count != 0;) {
      count = file ? ::read(file.get(), piece, sizeof piece) : -1;
      if (count < 0)
        return Errno{errno};
      contents.append(piece, static_cast<std::size_t>(count));
      if (contents.size() > most_secret_bytes)
        return Errno{EFBIG};
    }
    return contents;
  }

  void enter_working_directory() {
    const bool asked = !options_.working_directory.empty();
    std::error_code error;
    const std::string wanted =
        asked ? options_.working_directory : std::filesystem::current_path(error).string();
    auto directory =
        fs::lookup(*context_, credentials_, context_->root, wanted, {.must_be_directory = true});
    if (directory)
      context_->working_directory = std::move(*directory);
    else if (asked)
      throw StartFailure{
          fmt::format("--workdir {}: {}", wanted, ::strerror(static_cast<int>(directory.error())))};
  }

  /// Assembly isn't bound by what the program may do.
  static fs::Credentials privileged() {
    fs::Credentials root;
    root.permitted = root.effective = ~u64{0};
    return root;
  }

  process::Kernel &kernel_;
  const BoxOptions &options_;
  const fs::Credentials &credentials_;
  Ref<fs::HostFiles> host_files_;
  Ref<FileSystemContext> context_;
};

} // namespace

void signal_terminal_group(void *kernel, Pid group, int signal) {
  process::send_signal_to_group(*static_cast<process::Kernel *>(kernel), group,
                                process::kernel_signal(signal));
}

std::variant<Ref<FileSystemContext>, StartFailure>
make_file_tree(process::Kernel &kernel, const BoxOptions &options,
               const fs::Credentials &credentials) {
  try {
    return Builder(kernel, options, credentials).build();
  } catch (const StartFailure &failure) {
    return failure;
  }
}

} // namespace tine::box
