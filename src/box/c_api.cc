// The C API: the C++ one, its exceptions turned into return values.
#include "tine/tine.h"

#include "tine/tine.hpp"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <span>

struct tine_box {
  explicit tine_box(tine::Box started) : box(std::move(started)) {}
  tine::Box box;
};

namespace {

thread_local std::string last_error;

/// What `call` returns; `failed` and a message if it throws.
template <typename Result, typename Call> Result guarded(Result failed, Call &&call) noexcept {
  try {
    return call();
  } catch (const std::exception &error) {
    try {
      last_error = error.what();
    } catch (const std::bad_alloc &) {
      last_error.clear();
    }
    return failed;
  }
}
template <typename Call> int status_of(Call &&call) noexcept {
  return guarded(-1, [&] {
    call();
    return 0;
  });
}

tine::Stream stream_of(tine_stream stream, tine::Stream fallback) {
  switch (stream) {
  case TINE_STREAM_PIPE:
    return tine::Stream::pipe;
  case TINE_STREAM_INHERIT:
    return tine::Stream::inherit;
  case TINE_STREAM_NULL:
    return tine::Stream::null;
  case TINE_STREAM_DEFAULT:
    break;
  }
  return fallback;
}

tine::Streams streams_of(const tine_streams &given) {
  const tine::Streams fallback;
  return {stream_of(given.input, fallback.input), stream_of(given.output, fallback.output),
          stream_of(given.error, fallback.error)};
}

std::vector<std::string> strings_of(const char *const *given) {
  std::vector<std::string> strings;
  for (; given != nullptr && *given != nullptr; ++given)
    strings.emplace_back(*given);
  return strings;
}

tine::BoxOptions options_of(const tine_options &given) {
  tine::BoxOptions options;
  options.arguments = strings_of(given.arguments);
  options.environment = strings_of(given.environment);
  if (given.root != nullptr)
    options.root = given.root;
  for (const tine_bind &bind : std::span(given.binds, given.bind_count))
    options.binds.push_back({bind.source, bind.target, bind.writable != 0});
  for (const tine_secret &secret : std::span(given.secrets, given.secret_count))
    options.secrets.push_back({secret.source, secret.name});
  if (given.working_directory != nullptr)
    options.working_directory = given.working_directory;
  if (given.hostname != nullptr)
    options.hostname = given.hostname;
  options.host_network = given.host_network != 0;
  options.streams = streams_of(given.streams);
  options.vcpus = given.vcpus;
  options.memory_bytes = given.memory_bytes;
  return options;
}

tine::RestoreOptions restore_options_of(const tine_restore_options &given) {
  tine::RestoreOptions options;
  options.streams = streams_of(given.streams);
  options.writable = strings_of(given.writable);
  options.host_network = given.host_network != 0;
  options.vcpus = given.vcpus;
  options.memory_bytes = given.memory_bytes;
  return options;
}

tine::Box::Timeout timeout_of(long milliseconds) {
  return milliseconds < 0 ? tine::Box::Timeout() : std::chrono::milliseconds(milliseconds);
}

/// A copy that tine_free() gives back, with a zero byte behind it.
void give(const std::string &bytes, char **to, size_t *size) {
  auto *copy = static_cast<char *>(std::malloc(bytes.size() + 1));
  if (copy == nullptr)
    throw std::bad_alloc();
  std::memcpy(copy, bytes.c_str(), bytes.size() + 1);
  *to = copy;
  if (size != nullptr)
    *size = bytes.size();
}

std::string_view view_of(const void *bytes, size_t size) {
  return {static_cast<const char *>(bytes), size};
}

} // namespace

const char *tine_error(void) {
  return last_error.c_str();
}

void tine_free(void *memory) {
  std::free(memory);
}

tine_box *tine_box_start(const tine_options *options) {
  return guarded<tine_box *>(nullptr, [&] {
    return std::make_unique<tine_box>(tine::Box::start(options_of(*options))).release();
  });
}

tine_box *tine_box_fork(tine_box *box, const tine_fork_options *options) {
  return guarded<tine_box *>(nullptr, [&] {
    tine::ForkOptions fork;
    if (options != nullptr)
      fork = {streams_of(options->streams), options->listen != 0, options->secrets != 0};
    return std::make_unique<tine_box>(box->box.fork(fork)).release();
  });
}

int tine_box_save(tine_box *box, const char *path) {
  return status_of([&] { box->box.save(path); });
}

tine_box *tine_box_restore(const char *path, const tine_restore_options *options) {
  return guarded<tine_box *>(nullptr, [&] {
    return std::make_unique<tine_box>(tine::Box::restore(path, options != nullptr
                                                                   ? restore_options_of(*options)
                                                                   : tine::RestoreOptions{}))
        .release();
  });
}

void tine_box_free(tine_box *box) {
  const std::unique_ptr<tine_box> owned(box);
}

int tine_box_write(tine_box *box, const void *bytes, size_t size) {
  return guarded(-1, [&] { return box->box.write(view_of(bytes, size)) ? 1 : 0; });
}

void tine_box_close_input(tine_box *box) {
  box->box.close_input();
}

int tine_box_read_line(tine_box *box, char **line, size_t *size, long milliseconds) {
  return guarded(-1, [&] {
    const auto read = box->box.read_line(timeout_of(milliseconds));
    if (read)
      give(*read, line, size);
    return read ? 1 : 0;
  });
}

int tine_box_read_until(tine_box *box, const char *line, long milliseconds) {
  return guarded(-1, [&] { return box->box.read_until(line, timeout_of(milliseconds)) ? 1 : 0; });
}

int tine_box_read_all(tine_box *box, char **bytes, size_t *size) {
  return status_of([&] { give(box->box.read_all(), bytes, size); });
}

int tine_box_run_until_call(tine_box *box, const char *name, long milliseconds) {
  return guarded(-1,
                 [&] { return box->box.run_until_call(name, timeout_of(milliseconds)) ? 1 : 0; });
}

int tine_box_run_for(tine_box *box, long milliseconds) {
  return guarded(-1,
                 [&] { return box->box.run_for(std::chrono::milliseconds(milliseconds)) ? 1 : 0; });
}

int tine_box_pause(tine_box *box) {
  return status_of([&] { box->box.pause(); });
}

int tine_box_resume(tine_box *box) {
  return status_of([&] { box->box.resume(); });
}

long tine_box_processes(tine_box *box, int *pids, size_t room) {
  return guarded(-1L, [&] {
    const std::vector<int> all = box->box.processes();
    for (size_t i = 0; i < all.size() && i < room; ++i)
      pids[i] = all[i];
    return static_cast<long>(all.size());
  });
}

int tine_box_read_memory(tine_box *box, int process, uint64_t address, void *bytes, size_t size) {
  return status_of([&] {
    const std::string read = box->box.read_memory(process, address, size);
    std::memcpy(bytes, read.data(), size);
  });
}

int tine_box_write_memory(tine_box *box, int process, uint64_t address, const void *bytes,
                          size_t size) {
  return status_of([&] { box->box.write_memory(process, address, view_of(bytes, size)); });
}

int tine_box_read_file(tine_box *box, const char *path, char **bytes, size_t *size) {
  return status_of([&] { give(box->box.read_file(path), bytes, size); });
}

int tine_box_write_file(tine_box *box, const char *path, const void *bytes, size_t size,
                        unsigned mode) {
  return status_of([&] { box->box.write_file(path, view_of(bytes, size), mode); });
}

int tine_box_wait(tine_box *box) {
  return guarded(-1, [&] { return box->box.wait(); });
}

int tine_box_exit_status(tine_box *box, int *status) {
  return guarded(-1, [&] {
    const auto ended = box->box.exit_status();
    if (ended)
      *status = *ended;
    return ended ? 1 : 0;
  });
}

int tine_box_kill(tine_box *box) {
  return status_of([&] { box->box.kill(); });
}
