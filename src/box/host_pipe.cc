#include "box/host_pipe.hpp"

#include <emmintrin.h>
#include <fcntl.h>

namespace tine::box {
namespace {

/// How long a reader looks for an answer before it sleeps: some 20 µs.
constexpr int answer_spins = 400;

} // namespace

HostPipe::~HostPipe() {
  close();
}

Ref<fs::File> HostPipe::open(int role) {
  fs::PipeEnds ends = fs::make_pipe(0);
  auto &pipe = static_cast<fs::PipeFile &>(*ends.reader).pipe();
  pipe.standard_stream = role;
  const bool is_input = role == 0;
  wait_on(is_input ? pipe.writable : pipe.readable);
  end_ = is_input ? ends.writer : ends.reader;
  open_ = true;
  return is_input ? ends.reader : ends.writer;
}

void HostPipe::close() {
  if (!open_)
    return;
  const KernelGuard guard(runtime_.host().lock);
  leave_all();
  end_ = nullptr;
  open_ = false;
}

void HostPipe::woken(sched::WaitQueue &) {
  changed_.store(true, std::memory_order_relaxed);
  wake_.notify_one();
}

/// Gives the lock up until the other side did something. False after the deadline.
bool HostPipe::wait(KernelGuard &guard, const Deadline &deadline) {
  changed_.store(false, std::memory_order_relaxed);
  guard.unlock();
  for (int i = 0; i < answer_spins && !changed_.load(std::memory_order_relaxed); ++i)
    _mm_pause();
  guard.lock();
  const auto changed = [this] { return changed_.load(std::memory_order_relaxed); };
  if (deadline)
    return wake_.wait_until(guard, *deadline, changed);
  wake_.wait(guard, changed);
  return true;
}

bool HostPipe::write(std::string_view bytes) {
  if (!open_)
    return bytes.empty();
  KernelGuard guard(runtime_.host().lock);
  memory::IoBuffer from(std::as_bytes(std::span(bytes)));
  while (from.remaining() > 0) {
    const Result<u64> count = end_->write(from);
    if (!count && count.error() != Errno{EAGAIN})
      return false;
    if (!count)
      (void)wait(guard, {});
  }
  return true;
}

bool HostPipe::read(std::string &to, const Deadline &deadline) {
  if (!open_)
    return false;
  KernelGuard guard(runtime_.host().lock);
  fs::Pipe &pipe = static_cast<fs::PipeFile &>(*end_).pipe();
  while (pipe.used() == 0)
    if (pipe.writers == 0 || !wait(guard, deadline))
      return false;
  const u64 count = pipe.used();
  const auto [first, second] = pipe.contents();
  for (const auto piece : {first, second})
    to.append(reinterpret_cast<const char *>(piece.data()), piece.size());
  pipe.consume(count);
  return true;
}

} // namespace tine::box
